import fc from "fast-check";
import { assert, assertClose } from "#test";
import { Printed, type Rounding, roundingsOf, valueOf, weightedRatio } from "./printed.ts";

const printed = (text: string) => Printed.parse(text)!;

Deno.test("Printed.parse() keeps the digits that are printed", () => {
  const { value, units, decimals, halfUnit } = printed("-0.50");
  assert.deepEqual([value, units, decimals, halfUnit], [-0.5, -50n, 2, 0.005]);
  assert.equal(printed("43.00").decimals, 2);
  assert.equal(printed("43").decimals, 0);
});

Deno.test("Printed.parse() refuses what is no plain decimal number", () => {
  for (const text of ["", "1e2", "1.", ".5", "1,5", "NaN", "Infinity", "0x1", "1.2.3", " 1", "--1"]) {
    assert.equal(Printed.parse(text), undefined, text);
  }
});

Deno.test("withoutLastZero() drops a digit only where it is 0", () => {
  assert.equal(printed("57.90").withoutLastZero()!.text, "57.9");
  assert.equal(printed("58.0").withoutLastZero()!.text, "58");
  assert.equal(printed("57.91").withoutLastZero(), undefined);
  assert.equal(printed("50").withoutLastZero(), undefined);
});

Deno.test("withDecimals() restores zeros, and takes no digit away", () => {
  assert.deepEqual(["43", "43.0", "43.125"].map((text) => printed(text).withDecimals(2).text), [
    "43.00",
    "43.00",
    "43.125",
  ]);
  assert.equal(printed("-7").withDecimals(2).units, -700n);
});

Deno.test("roundingsOf() tells the three ways of rounding apart, also at ties and below zero", () => {
  const cases: [numerator: bigint, denominator: bigint, text: string, ways: Rounding[]][] = [
    [8335n, 1000n, "8.34", ["half-up", "half-even"]],
    [8335n, 1000n, "8.33", ["truncated"]],
    [8345n, 1000n, "8.35", ["half-up"]],
    [8345n, 1000n, "8.34", ["half-even", "truncated"]],
    [8341n, 1000n, "8.34", ["half-up", "half-even", "truncated"]],
    [8341n, 1000n, "8.35", []],
    [-17n, 10000n, "0.00", ["half-up", "half-even", "truncated"]],
    [-17n, 10000n, "-0.00", ["half-up", "half-even", "truncated"]],
    [-323633n, 10000n, "-32.36", ["half-up", "half-even", "truncated"]],
    [-323633n, 10000n, "32.36", []],
    [1n, 3n, "0.3", ["half-up", "half-even", "truncated"]],
  ];
  for (const [numerator, denominator, text, ways] of cases) {
    assert.deepEqual(roundingsOf({ numerator, denominator }, printed(text)), ways, `${numerator} as ${text}`);
  }
});

Deno.test("roundingsOf() takes a number printed with toFixed(), and not its neighbour", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 99_999 }), fc.integer({ min: 1, max: 999 }), (a, b) => {
    const exact = { numerator: BigInt(a), denominator: BigInt(b) };
    if ((a * 200) % b === 0) return; // a tie, or nothing to round
    const text = (a / b).toFixed(2);
    assert.ok(roundingsOf(exact, printed(text)).includes("half-up"), `${a}/${b} as ${text}`);
    const other = (Number(text) + 0.01).toFixed(2);
    assert.ok(!roundingsOf(exact, printed(other)).includes("half-up"), `${a}/${b} as ${other}`);
  }));
});

Deno.test("weightedRatio() is the weighted mean, over cells of unlike precision", () => {
  const ratio = weightedRatio([printed("10.5"), printed("20.25"), printed("30")], [1, 2, 5]);
  assertClose([valueOf(ratio)], [(10.5 + 2 * 20.25 + 5 * 30) / 8], 1e-12);
  assert.equal(valueOf(weightedRatio([printed("50.01"), printed("0.00")], [1, 1])), 25.005);
});
