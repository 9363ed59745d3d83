import fc from "fast-check";
import { assert } from "#test";
import { grim } from "./grim.ts";
import { Printed, type Rounding } from "./printed.ts";

const attained = (text: string, n: number, fullScore: 100 | 1 = 100) =>
  grim(Printed.parse(text)!, [n], fullScore).attained.map(({ k, roundings }) => [k, ...roundings]);
const all: Rounding[] = ["half-up", "half-even", "truncated"];

Deno.test("grim() finds the count behind a score", () => {
  assert.deepEqual(attained("46.95", 164), [[77, ...all]]);
  assert.deepEqual(attained("32.06", 1319), [[423, "truncated"]]);
  assert.deepEqual(attained("0.00", 164), [[0, ...all]]);
  assert.deepEqual(attained("100.00", 164), [[164, ...all]]);
  assert.deepEqual(attained("0.4695", 164, 1), [[77, ...all]]);
});

Deno.test("grim() knows both ways of rounding a tie", () => {
  // 1/32 = 3.125 percent; 3/32 = 9.375.
  assert.deepEqual(attained("3.13", 32), [[1, "half-up"]]);
  assert.deepEqual(attained("3.12", 32), [[1, "half-even", "truncated"]]);
  assert.deepEqual(attained("9.38", 32), [[3, "half-up", "half-even"]]);
});

Deno.test("grim() finds no count where there is none, and names its neighbours", () => {
  const { attained, between, vacuous } = grim(Printed.parse("47.30")!, [164], 100);
  assert.deepEqual(attained, []);
  assert.deepEqual(between, { below: 77, above: 78, n: 164 });
  assert.equal(vacuous, false);
  assert.deepEqual(grim(Printed.parse("100.30")!, [164], 100).attained, []);
  assert.deepEqual(grim(Printed.parse("-1.00")!, [164], 100).attained, []);
});

Deno.test("grim() says nothing where every number is a count", () => {
  assert.equal(grim(Printed.parse("54.94")!, [14_042], 100).vacuous, true);
  assert.equal(grim(Printed.parse("54.9")!, [1319], 100).vacuous, true);
  assert.equal(grim(Printed.parse("54.94")!, [1319], 100).vacuous, false);
  assert.equal(grim(Printed.parse("54.94")!, [1319, 14_042], 100).vacuous, true, "one of the sizes");
});

Deno.test("grim() takes any of several sizes", () => {
  const found = grim(Printed.parse("33.33")!, [4, 3], 100);
  assert.deepEqual(found.attained.map(({ k, n }) => `${k}/${n}`), ["1/3"]);
});

Deno.test("grim() finds every count that was printed, however it was rounded", () => {
  const counts = fc.integer({ min: 1, max: 3000 }).chain((n) =>
    fc.record({
      n: fc.constant(n),
      k: fc.integer({ min: 0, max: n }),
      decimals: fc.integer({ min: 0, max: 4 }),
    })
  );
  fc.assert(fc.property(counts, fc.boolean(), ({ n, k, decimals }, truncated) => {
    const scaled = 100n * BigInt(k) * 10n ** BigInt(decimals), size = BigInt(n);
    const units = truncated ? scaled / size : (2n * scaled + size) / (2n * size);
    const digits = String(units).padStart(decimals + 1, "0");
    const text = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
    assert.ok(attained(text, n).some(([found]) => found === k), `${k}/${n} as ${text}`);
  }));
});
