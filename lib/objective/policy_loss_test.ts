import fc from "fast-check";
import { NumericError, UsageError } from "#errors";
import { assert, assertClose, assertRelative } from "#test";
import estimatorGolden from "../../fixtures/golden/objective/estimators.json" with { type: "json" };
import golden from "../../fixtures/golden/objective/policy.json" with { type: "json" };
import { KL_ESTIMATORS, type KlEstimator, klPenalty } from "../../kernels/kl_penalty.ts";
import {
  type Aggregation,
  klTerm,
  type PolicyBatch,
  policyLoss,
  type SurrogateOptions,
} from "./policy_loss.ts";

const { kl } = estimatorGolden;

const offsetsOf = (lengths: readonly number[]) => {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  return offsets;
};

const ppo: SurrogateOptions = {
  surrogate: "ppo-clip",
  clipLow: 0.2,
  clipHigh: 0.2,
  dualClip: 3,
  logRatioClamp: 20,
};

for (const [i, testCase] of golden.losses.entries()) {
  const { lengths, clipLow, clipHigh, dualClip } = testCase;
  const batch = { ...testCase, offsets: offsetsOf(lengths) };
  const options = { ...ppo, clipLow, clipHigh, dualClip };
  const aggregations: [keyof typeof testCase, SurrogateOptions, Aggregation][] = [
    ["tokenMeanOver100", options, { kind: "token-mean", tokens: 100 }],
    ["tokenMeanMicro", options, { kind: "token-mean-micro", miniBatchSequences: 16 }],
    ["reinforceSeqSum", { ...options, surrogate: "reinforce" }, {
      kind: "seq-sum",
      sequences: lengths.length,
    }],
  ];
  for (const [name, surrogate, aggregation] of aggregations) {
    Deno.test(`policyLoss() agrees with PyTorch, batch ${i}: ${name}`, () => {
      const expected = testCase[name] as { loss: number; gradient: number[] };
      const actual = policyLoss(batch, surrogate, aggregation);
      assertClose([actual.loss], [expected.loss], 1e-12 * Math.max(1, Math.abs(expected.loss)));
      assertRelative(actual.gradient, expected.gradient, 1e-12);
    });
  }
  Deno.test(`policyLoss() measures clipping and KL as verl does, batch ${i}`, () => {
    const actual = policyLoss(batch, options, { kind: "token-mean", tokens: 100 });
    assertClose(
      [actual.clipFraction, actual.dualClipFraction, actual.approxKl],
      [testCase.clipFraction, testCase.dualClipFraction, testCase.approxKl],
      1e-6,
    );
  });
}

/** Random batches whose ratios keep away from the kinks, where finite differences mean nothing. */
const batches = fc.array(
  fc.record({
    advantage: fc.double({ min: -3, max: 3, noNaN: true }),
    tokens: fc.array(
      fc.record({
        old: fc.double({ min: -4, max: 0, noNaN: true }),
        ratio: fc.double({ min: 0.1, max: 5, noNaN: true }),
      })
        .filter(({ ratio }) => [0.8, 1, 1.2, 3].every((kink) => Math.abs(ratio - kink) > 1e-3)),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 3 },
).map((sequences): PolicyBatch => ({
  oldLogProbs: sequences.flatMap((s) => s.tokens.map((t) => t.old)),
  logProbs: sequences.flatMap((s) => s.tokens.map((t) => t.old + Math.log(t.ratio))),
  advantages: sequences.map((s) => s.advantage),
  offsets: offsetsOf(sequences.map((s) => s.tokens.length)),
}));

for (const surrogate of ["ppo-clip", "reinforce"] as const) {
  Deno.test(`policyLoss() has the gradient of its loss (finite differences): ${surrogate}`, () => {
    fc.assert(fc.property(batches, (batch) => {
      const run = (logProbs: ArrayLike<number>) =>
        policyLoss({ ...batch, logProbs }, { ...ppo, surrogate }, { kind: "token-mean", tokens: 20 });
      const numeric = Array.from(batch.logProbs, (_, t) => {
        const at = (h: number) => run(Array.from(batch.logProbs, (x, i) => i === t ? x + h : x)).loss;
        return (at(1e-6) - at(-1e-6)) / 2e-6;
      });
      assertClose(run(batch.logProbs).gradient, numeric, 1e-7);
    }));
  });
}

const two = {
  logProbs: [-1, -0.5, -2, -1],
  oldLogProbs: [-1.1, -0.4, -2, -1.3],
  advantages: [1, -2],
  offsets: [0, 3, 4],
};
const halves = [
  { logProbs: [-1, -0.5, -2], oldLogProbs: [-1.1, -0.4, -2], advantages: [1], offsets: [0, 3] },
  { logProbs: [-1], oldLogProbs: [-1.3], advantages: [-2], offsets: [0, 1] },
];

Deno.test("policyLoss() does not depend on the packing, except in the released code's aggregation", () => {
  const gap = (aggregation: Aggregation) => {
    const whole = policyLoss(two, ppo, aggregation).loss;
    return Math.abs(halves.reduce((sum, half) => sum + policyLoss(half, ppo, aggregation).loss, 0) - whole);
  };
  assert.ok(gap({ kind: "token-mean", tokens: 4 }) < 1e-15);
  assert.ok(gap({ kind: "seq-sum", sequences: 2 }) < 1e-15);
  assert.ok(gap({ kind: "token-mean-micro", miniBatchSequences: 2 }) > 0.1);
});

Deno.test("policyLoss() has the gradient of REINFORCE when the policy has not moved", () => {
  const batch = { ...two, oldLogProbs: two.logProbs };
  const aggregation = { kind: "token-mean", tokens: 4 } as const;
  const { gradient, approxKl, clipFraction } = policyLoss(batch, ppo, aggregation);
  assert.deepEqual(gradient, policyLoss(batch, { ...ppo, surrogate: "reinforce" }, aggregation).gradient);
  assertClose([approxKl, clipFraction], [0, 0], 0);
});

Deno.test("policyLoss() refuses arrays that do not describe one batch", () => {
  const run = (change: Partial<PolicyBatch>) =>
    policyLoss({ ...two, ...change }, ppo, { kind: "token-mean", tokens: 4 });
  assert.throws(() => run({ oldLogProbs: [-1] }), UsageError);
  assert.throws(() => run({ offsets: [0, 4] }), UsageError);
  assert.throws(() => run({ offsets: [1, 3, 4] }), UsageError);
  assert.throws(() => run({ offsets: [0, 3, 5] }), UsageError);
  assert.throws(() => run({ offsets: [0, 4, 4] }), NumericError);
  assert.throws(() => run({ advantages: [1, NaN] }), NumericError);
  assert.throws(() => run({ logProbs: [-1, -Infinity, -2, -1] }), NumericError);
});

Deno.test("policyLoss() refuses options out of range and a mini-batch smaller than its part", () => {
  const run = (
    change: Partial<SurrogateOptions>,
    aggregation: Aggregation = { kind: "token-mean", tokens: 4 },
  ) => policyLoss(two, { ...ppo, ...change }, aggregation);
  assert.throws(() => run({ clipLow: 1.1 }), UsageError);
  assert.throws(() => run({ clipHigh: -0.1 }), UsageError);
  assert.throws(() => run({ dualClip: 1 }), UsageError);
  assert.throws(() => run({ logRatioClamp: 0 }), UsageError);
  assert.throws(() => run({}, { kind: "token-mean", tokens: 3 }), UsageError);
  assert.throws(() => run({}, { kind: "token-mean-micro", miniBatchSequences: 1 }), UsageError);
  assert.throws(() => run({}, { kind: "seq-sum", sequences: 1 }), UsageError);
});

Deno.test("klPenalty() and its slope are verl's k1, k2 and k3", () => {
  const { logProb, reference, ...estimators } = kl;
  for (const [name, { value, gradient }] of Object.entries(estimators)) {
    const found = logProb.map((x, i) => klPenalty(x - reference[i]!, name as KlEstimator, 20));
    assertClose(found.map(({ value }) => value), value, 1e-13, name);
    assertClose(found.map(({ slope }) => slope), gradient, 1e-13, name);
  }
});

Deno.test("klPenalty() has a slope up to the clamp and none beyond, where verl has none from 10 on", () => {
  assertClose([klPenalty(-5, "k3", 20).slope], [1 - Math.exp(5)], 1e-12);
  assert.deepEqual([klPenalty(-21, "k3", 20).slope, klPenalty(21, "k3", 20).slope], [0, 0]);
  assertClose([klPenalty(-21, "k3", 20).value], [Math.exp(20) - 21], 1e-6);
  assert.deepEqual(KL_ESTIMATORS.map((name) => klPenalty(0, name, 20).value), [0, 0, 0]);
  // Where e^x - x - 1 would be rounding.
  assertClose([klPenalty(1e-7, "k3", 20).value / 5e-15], [1], 1e-2);
});

Deno.test("policyLoss() adds a KL term token by token, aggregated as the surrogate is", () => {
  const { logProb, reference, k3 } = kl, tokens = logProb.length;
  const batch = {
    logProbs: logProb,
    oldLogProbs: logProb,
    advantages: [1, -1],
    offsets: [0, 5, tokens],
    referenceLogProbs: reference,
  };
  const options = {
    surrogate: "ppo-clip",
    clipLow: 0.2,
    clipHigh: 0.2,
    dualClip: 3,
    logRatioClamp: 20,
  } as const;
  const aggregation = { kind: "token-mean", tokens: 100 } as const, term = klTerm(0.3, "k3")!;
  const plain = policyLoss(batch, options, aggregation);
  const both = policyLoss(batch, { ...options, kl: term }, aggregation);
  const sum = k3.value.reduce((a, b) => a + b, 0);
  assertClose([both.loss - plain.loss, both.referenceKl], [0.3 * sum / 100, sum / tokens], 1e-8);
  assertClose(
    both.gradient.map((g, i) => g - plain.gradient[i]!),
    k3.gradient.map((g) => 0.3 * g / 100),
    1e-12,
  );
  assert.equal(plain.referenceKl, 0);
  assert.equal(klTerm(0, "k3"), undefined);
  const refused = (coef: number, estimator: string) => () =>
    policyLoss(batch, { ...options, kl: { coef, estimator: estimator as KlEstimator } }, aggregation);
  for (const wrong of [refused(-1, "k3"), refused(NaN, "k1"), refused(Infinity, "k2"), refused(0.1, "k4")]) {
    assert.throws(wrong, UsageError);
  }
  const broken = { ...batch, referenceLogProbs: reference.with(3, NaN) };
  assert.throws(() => policyLoss(broken, { ...options, kl: term }, aggregation), NumericError);
  for (const referenceLogProbs of [[], reference.slice(1)]) {
    const ragged = { ...batch, referenceLogProbs };
    assert.throws(() => policyLoss(ragged, { ...options, kl: term }, aggregation), UsageError);
    policyLoss(ragged, options, aggregation);
  }
});
