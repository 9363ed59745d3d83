import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertSameBits } from "#test";
import { meanPool, poolingRanges, TRAINING_POOLING } from "./pooling.ts";

const parts = {
  promptTokens: 20,
  systemPrefix: 6,
  templateSuffix: 5,
  rationaleTokens: 10,
  endsWithEos: true,
};

Deno.test("poolingRanges() pools everything after the system prefix in training", () => {
  assert.deepEqual(poolingRanges(parts, TRAINING_POOLING), { ranges: [{ start: 6, end: 30 }], count: 24 });
});

Deno.test("poolingRanges() leaves out the last token when the end-of-sequence token is switched off", () => {
  const switches = { ...TRAINING_POOLING, eos: false };
  assert.deepEqual(poolingRanges(parts, switches).ranges, [{ start: 6, end: 29 }]);
  assert.deepEqual(poolingRanges({ ...parts, endsWithEos: false }, switches).ranges, [{ start: 6, end: 30 }]);
});

Deno.test("poolingRanges() splits around parts that are switched off", () => {
  assert.deepEqual(poolingRanges(parts, { ...TRAINING_POOLING, templateSuffix: false }), {
    ranges: [{ start: 6, end: 15 }, { start: 20, end: 30 }],
    count: 19,
  });
  assert.deepEqual(poolingRanges(parts, { ...TRAINING_POOLING, rationale: false }).ranges, [
    { start: 6, end: 20 },
    { start: 29, end: 30 },
  ]);
  assert.deepEqual(poolingRanges(parts, { ...TRAINING_POOLING, input: false }).ranges, [{
    start: 15,
    end: 30,
  }]);
});

Deno.test("poolingRanges() pools the prompt alone when there is no rationale", () => {
  const base = { ...parts, rationaleTokens: 0, endsWithEos: false };
  assert.deepEqual(poolingRanges(base, TRAINING_POOLING), { ranges: [{ start: 6, end: 20 }], count: 14 });
});

Deno.test("poolingRanges() partitions the tokens after the system prefix between its switches", () => {
  const lengths = fc.record({
    systemPrefix: fc.integer({ min: 1, max: 5 }),
    input: fc.nat(5),
    templateSuffix: fc.nat(5),
    rationale: fc.nat(5),
    endsWithEos: fc.boolean(),
  }).filter((x) => x.input > 0);
  const switches = fc.record({
    input: fc.boolean(),
    templateSuffix: fc.boolean(),
    rationale: fc.boolean(),
    eos: fc.boolean(),
  });
  fc.assert(fc.property(lengths, switches, (x, on) => {
    const labels = [
      ...Array(x.systemPrefix).fill("prefix"),
      ...Array(x.input).fill("input"),
      ...Array(x.templateSuffix).fill("templateSuffix"),
      ...Array(x.rationale).fill("rationale"),
      ...(x.endsWithEos ? ["eos"] : []),
    ];
    const expected = labels.flatMap((label, i) => on[label as keyof typeof on] ? [i] : []);
    const sequence = {
      promptTokens: x.systemPrefix + x.input + x.templateSuffix,
      systemPrefix: x.systemPrefix,
      templateSuffix: x.templateSuffix,
      rationaleTokens: x.rationale + (x.endsWithEos ? 1 : 0),
      endsWithEos: x.endsWithEos,
    };
    if (expected.length === 0) return assert.throws(() => poolingRanges(sequence, on), UsageError);
    const { ranges, count } = poolingRanges(sequence, on);
    const actual = ranges.flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, i) => start + i)
    );
    assert.deepEqual(actual, expected);
    assert.equal(count, expected.length);
  }));
});

Deno.test("poolingRanges() refuses lengths that contradict each other, and never pools nothing", () => {
  const pool = (change: object) => poolingRanges({ ...parts, ...change }, TRAINING_POOLING);
  assert.throws(() => pool({ systemPrefix: 0 }), UsageError);
  assert.throws(() => pool({ systemPrefix: 16 }), UsageError);
  assert.throws(() => pool({ rationaleTokens: -1 }), UsageError);
  assert.throws(() => pool({ rationaleTokens: 0 }), UsageError);
  assert.throws(() => pool({ promptTokens: 1.5 }), UsageError);
  const nothing = {
    promptTokens: 6,
    systemPrefix: 6,
    templateSuffix: 0,
    rationaleTokens: 0,
    endsWithEos: false,
  };
  assert.throws(() => poolingRanges(nothing, TRAINING_POOLING), UsageError);
});

Deno.test("meanPool() is the f32 quotient", () => {
  fc.assert(
    fc.property(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 1, max: 4096 }),
      (x, n) => {
        assertSameBits(meanPool(Float32Array.of(x), n), Float32Array.of(Math.fround(x / n)));
      },
    ),
  );
});

Deno.test("meanPool() refuses an empty mask and sums that are not finite", () => {
  assert.throws(() => meanPool([1, 2], 0), NumericError);
  assert.throws(() => meanPool([1, 2], 1.5), NumericError);
  assert.throws(() => meanPool([1, NaN], 2), NumericError);
  assert.throws(() => meanPool([Infinity, 1], 2), NumericError);
});
