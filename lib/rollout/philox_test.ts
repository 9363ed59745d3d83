import fc from "fast-check";
import { UsageError } from "#errors";
import { assert } from "#test";
import { philox4x32, philoxInput, Purpose, randomWords, uniform, uniformInteger } from "./philox.ts";

const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, "0")).join(" ");

Deno.test("philox4x32() gives the known answer of Random123 when counter and key are 0", () => {
  assert.equal(hex(philox4x32([0, 0, 0, 0], [0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
});

Deno.test("philox4x32() gives the known answer of Random123 when all bits are set", () => {
  const f = 0xffffffff;
  assert.equal(hex(philox4x32([f, f, f, f], [f, f])), "408f276d 41c83b0e a20bc7c6 6d5451fd");
});

Deno.test("philox4x32() gives the known answer of Random123 when counter and key are digits of pi", () => {
  const words = philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
  assert.equal(hex(words), "d16cfe09 94fdcceb 5001e420 24126ea1");
});

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const seeds = fc.oneof(fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER), fc.constant(2 ** 32));
const addresses = fc.record({
  purpose: fc.constantFrom(...Object.values(Purpose)),
  step: u32,
  example: u32,
  rollout: u32,
  position: u32,
});

Deno.test("philoxInput() can be unpacked into seed and address, so no two of them share their numbers", () => {
  fc.assert(fc.property(seeds, addresses, (seed, address) => {
    const { counter, key } = philoxInput(seed, address);
    for (const word of [...counter, ...key]) assert.ok(Number.isInteger(word) && word >= 0 && word < 2 ** 32);
    const seedHigh = key[1] % 2 ** 21;
    assert.deepEqual(
      [seedHigh * 2 ** 32 + key[0], {
        purpose: Math.floor(key[1] / 2 ** 21),
        position: counter[0],
        rollout: counter[1],
        example: counter[2],
        step: counter[3],
      }],
      [seed, { ...address }],
    );
  }));
});

Deno.test("philoxInput() refuses a field outside its bit budget", () => {
  const bad: [number, Record<string, number>][] = [
    [2 ** 53, {}],
    [-1, {}],
    [0.5, {}],
    [NaN, {}],
    [0, { step: 2 ** 32 }],
    [0, { example: -1 }],
    [0, { rollout: 1.5 }],
    [0, { position: 2 ** 32 }],
  ];
  for (const [seed, fields] of bad) {
    assert.throws(() => philoxInput(seed, { purpose: Purpose.init, ...fields }), UsageError);
  }
  assert.throws(() => philoxInput(0, { purpose: 2048 as Purpose }), UsageError);
});

Deno.test("Purpose has one number per name", () => {
  const values = Object.values(Purpose);
  assert.equal(new Set(values).size, values.length);
});

Deno.test("uniform() is the top of the first word and below 1 when every bit of it is set", () => {
  fc.assert(fc.property(seeds, addresses, (seed, address) => {
    const word = randomWords(seed, address)[0];
    assert.equal(uniform(seed, address), word / 2 ** 32);
    const u = uniform(seed, address, 24);
    assert.equal(u, Math.floor(word / 256) / 2 ** 24);
    assert.equal(Math.fround(u), u);
    assert.ok(u < 1);
  }));
});

/** 0.01 % and 99.99 % points of chi-square with 99 degrees of freedom (scipy.stats.chi2.ppf). */
const CHI2_99 = [54.9868601478288, 160.05573829663157] as const;

Deno.test("uniform() fills 100 bins evenly along every field of its address", () => {
  for (const field of ["step", "example", "rollout", "position"] as const) {
    const counts = new Float64Array(100);
    for (let i = 0; i < 20_000; i++) {
      counts[Math.floor(uniform(7, { purpose: Purpose.rollout, [field]: i }) * 100)]! += 1;
    }
    const chi2 = counts.reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
    assert.ok(chi2 > CHI2_99[0] && chi2 < CHI2_99[1], `${field}: chi-square ${chi2}`);
  }
});

Deno.test("uniformInteger() equals the 128-bit product shifted by 64", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 0xffffffff }), seeds, addresses, (bound, seed, address) => {
    const [high, low] = randomWords(seed, address);
    const exact = (((BigInt(high) << 32n) | BigInt(low)) * BigInt(bound)) >> 64n;
    assert.equal(uniformInteger(bound, seed, address), Number(exact));
  }));
});

Deno.test("uniformInteger() refuses a bound that is not a positive 32-bit integer", () => {
  for (const bound of [0, -1, 1.5, 2 ** 32, NaN]) {
    assert.throws(() => uniformInteger(bound, 0, { purpose: Purpose.init }), UsageError);
  }
});
