import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose } from "#test";
import golden from "../fixtures/golden/sampling/sampling.json" with { type: "json" };
import { Purpose, uniform } from "../lib/rollout/philox.ts";
import { PLAIN_SAMPLING, sampleToken, samplingWeights } from "./sampling.ts";

const normalised = (weights: Float64Array) => {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
};

const logitArrays = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((a) => Float32Array.from(a));
const uniforms = fc.nat(2 ** 32 - 1).map((word) => word / 2 ** 32);

for (const [i, { logits, probabilities, ...options }] of golden.cases.entries()) {
  const { temperature, topK, topP } = options;
  Deno.test(`samplingWeights() agrees with transformers, case ${i}: T ${temperature}, top_k ${topK}, top_p ${topP}`, () => {
    const actual = samplingWeights(Float32Array.from(logits, (x) => x ?? -Infinity), options);
    assertClose(normalised(actual), probabilities, 1e-6);
    assert.deepEqual([...actual].map((w) => w > 0), probabilities.map((p) => p > 0));
  });
}

Deno.test("sampleToken() draws with the probabilities of the softmax (chi-square, 99.99 %)", () => {
  const logits = Float32Array.of(0, 1, -1, 2, 0.5, -3, 1.5, 0);
  const draws = 20_000;
  for (const temperature of [0.5, 1, 2]) {
    const counts = new Float64Array(8);
    const options = { ...PLAIN_SAMPLING, temperature };
    for (let position = 0; position < draws; position++) {
      counts[sampleToken(logits, options, uniform(3, { purpose: Purpose.rollout, position }))]! += 1;
    }
    const expected = Array.from(logits, (x) => Math.exp(x / temperature));
    const total = expected.reduce((a, b) => a + b, 0);
    let chi2 = 0;
    counts.forEach((n, id) =>
      chi2 += (n - draws * expected[id]! / total) ** 2 / (draws * expected[id]! / total)
    );
    // Upper 99.99 % point of chi-square with 7 degrees of freedom (scipy.stats.chi2.ppf).
    assert.ok(chi2 < 29.877503909, `temperature ${temperature}: chi-square ${chi2}`);
  }
});

Deno.test("sampleToken() inverts the cumulative distribution in the order of the vocabulary", () => {
  const logits = Float32Array.from([1, 2, 3, 4], Math.log); // probabilities .1 .2 .3 .4
  const draw = (u: number) => sampleToken(logits, PLAIN_SAMPLING, u);
  assert.deepEqual([0, 0.0999, 0.1001, 0.2999, 0.3001, 0.5999, 0.6001, 1 - 2 ** -32].map(draw), [
    0,
    0,
    1,
    1,
    2,
    2,
    3,
    3,
  ]);
});

Deno.test("sampleToken() agrees with a walk over one running sum when the vocabulary spans many blocks", () => {
  const logits = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i) * 3);
  const weights = normalised(samplingWeights(logits, PLAIN_SAMPLING));
  for (let position = 0; position < 300; position++) {
    const u = uniform(9, { purpose: Purpose.rollout, position });
    let sum = 0;
    const slow = weights.findIndex((w) => (sum += w) > u);
    assert.equal(sampleToken(logits, PLAIN_SAMPLING, u), slow);
  }
});

Deno.test("sampleToken() is monotone in its random number and never draws what is not kept", () => {
  fc.assert(fc.property(
    logitArrays,
    fc.record({
      temperature: fc.double({ min: 0.05, max: 3, noNaN: true }),
      topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
      topK: fc.integer({ min: -1, max: 50 }),
    }),
    uniforms,
    uniforms,
    (logits, options, u, v) => {
      const weights = samplingWeights(logits, options);
      const [low, high] = [Math.min(u, v), Math.max(u, v)].map((x) => sampleToken(logits, options, x));
      assert.ok(low! <= high!);
      assert.ok(weights[low!]! > 0 && weights[high!]! > 0);
    },
  ));
});

Deno.test("samplingWeights() keeps the smallest set that reaches top_p", () => {
  fc.assert(fc.property(logitArrays, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (logits, topP) => {
    const all = normalised(samplingWeights(logits, PLAIN_SAMPLING));
    const kept = samplingWeights(logits, { ...PLAIN_SAMPLING, topP });
    const inside = [...all].filter((_, id) => kept[id]! > 0),
      outside = [...all].filter((_, id) => kept[id] === 0);
    const mass = inside.reduce((a, b) => a + b, 0), least = Math.min(...inside);
    assert.ok(inside.length >= 1 && mass >= topP - 1e-12);
    assert.ok(inside.length === 1 || mass - least < topP + 1e-12, "one token too many");
    assert.ok(outside.every((p) => p <= least), "a more probable token was dropped");
  }));
});

Deno.test("samplingWeights() keeps the lowest ids among equals at the edge of the nucleus", () => {
  const kept = samplingWeights(new Float32Array(4), { temperature: 1, topP: 0.5, topK: -1 });
  assert.deepEqual([...kept], [1, 1, 0, 0]);
});

Deno.test("sampleToken() takes the largest logit, lowest id first, when the temperature is 0", () => {
  const greedy = { temperature: 0, topP: 0.1, topK: 3 };
  assert.equal(sampleToken(Float32Array.of(-5, 2, 7, 7, 1), greedy, 0.99), 2);
});

Deno.test("sampleToken() stays finite when the temperature is tiny", () => {
  assert.equal(
    sampleToken(Float32Array.of(80, 90, -90), { ...PLAIN_SAMPLING, temperature: 1e-300 }, 0.999),
    1,
  );
});

Deno.test("sampleToken() refuses logits that are not a distribution", () => {
  const draw = (...logits: number[]) => sampleToken(Float32Array.from(logits), PLAIN_SAMPLING, 0.5);
  assert.throws(() => draw(0, NaN), NumericError);
  assert.throws(() => draw(0, Infinity), NumericError);
  assert.throws(() => draw(-Infinity, -Infinity), NumericError);
  assert.throws(() => draw(), UsageError);
  assert.equal(draw(-Infinity, 0, -Infinity), 1);
});

Deno.test("sampleToken() refuses options and random numbers out of range", () => {
  const draw = (options: object, u = 0.5) =>
    sampleToken(Float32Array.of(0, 1), { ...PLAIN_SAMPLING, ...options }, u);
  for (const temperature of [-1, NaN, Infinity]) assert.throws(() => draw({ temperature }), UsageError);
  for (const topP of [0, -0.1, 1.1, NaN]) assert.throws(() => draw({ topP }), UsageError);
  for (const topK of [-2, 1.5, NaN]) assert.throws(() => draw({ topK }), UsageError);
  for (const u of [-0.1, 1, NaN]) assert.throws(() => draw({}, u), UsageError);
});
