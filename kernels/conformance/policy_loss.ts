/**
 * Conformance of the policy loss, and of the vocabulary head where its statistics and gradients stay with the engine.
 *
 * @module
 */
import fc from "fast-check";
import { assert, assertClose, assertSameBits } from "#test";
import type { PolicyLossSpec, PolicySums, SampledSequences } from "../policy_loss.ts";
import { KL_ESTIMATORS } from "../kl_penalty.ts";
import { klOf, policyLoss, policyLossBackward } from "../reference/policy_loss.ts";
import { TestRandom } from "../reference/random.ts";
import {
  assertRows,
  backwardTolerance,
  conformanceTest,
  forwardTolerance,
  propertyTest,
  seed,
  type Subject,
} from "./harness.ts";
import { assertInvariant, poolSize } from "./row_invariance.ts";
import type { Workbench } from "./workbench.ts";

const ppo: PolicyLossSpec = {
  surrogate: "ppo-clip",
  clipLow: 0.2,
  clipHigh: 0.28,
  dualClip: 3,
  logRatioClamp: 20,
  scale: 1 / 64,
};

const cases = fc.record({
  lengths: fc.oneof(
    fc.constant([]),
    fc.constant([1]),
    fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 9 }),
  ),
  surrogate: fc.constantFrom("ppo-clip" as const, "ppo-clip" as const, "reinforce" as const),
  clipLow: fc.constantFrom(0, 0.2, 1),
  clipHigh: fc.constantFrom(0, 0.28, 1e300),
  dualClip: fc.constantFrom(1.5, 3, Infinity),
  logRatioClamp: fc.constantFrom(0.9, 20),
  scale: fc.constantFrom(1, 1 / 640),
  spread: fc.constantFrom(0, 0.3, 2),
  kl: fc.option(
    fc.record({ coef: fc.constantFrom(0.001, 0.5), estimator: fc.constantFrom(...KL_ESTIMATORS) }),
    { nil: undefined },
  ),
  seed,
});

/** Tokens with their statistics, all numbers exact in f32. */
interface Tokens extends SampledSequences {
  readonly logProb: Float64Array;
  readonly entropy: Float64Array;
  readonly oldLogProbs: Float64Array;
  readonly referenceLogProbs: Float64Array;
  /** Of each token. */
  readonly advantage: Float64Array;
}

/** Random tokens whose ratios keep away from the kinks of a loss, where f32 and f64 may take different sides. */
function randomTokens(
  random: TestRandom,
  lengths: readonly number[],
  spread: number,
  { clipLow, clipHigh, dualClip, logRatioClamp }: PolicyLossSpec,
): Tokens {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  const tokens = offsets.at(-1)!, advantages = random.normals(lengths.length);
  // An advantage of 0, as a flat group has it, and one of each sign.
  advantages.set([1.5, 0, -1.5].slice(0, lengths.length));
  const kinks = [
    Math.log(1 - clipLow),
    Math.log1p(clipHigh),
    Math.log(dualClip),
    logRatioClamp,
    -logRatioClamp,
  ];
  const oldLogProbs = random.normals(tokens).map((x) => -Math.abs(x));
  const logProb = oldLogProbs.map((old) => {
    // The same weights again: a ratio of exactly 1, which is a kink where nothing may be clipped, but no loss jumps there.
    if (random.uniform() < 0.1) return old;
    for (;;) {
      const value = Math.fround(old + random.normal() * spread);
      if (kinks.every((kink) => Math.abs(value - old - kink) > 1e-3 || value === old)) return value;
      if (spread === 0) return value;
    }
  });
  const entropy = random.normals(tokens).map(Math.abs);
  // Within the clamp of k3, and some exactly where the policy is.
  const reach = 0.9 * Math.min(3, logRatioClamp);
  const referenceLogProbs = logProb.map((x) =>
    random.uniform() < 0.1 ? x : Math.fround(x + (2 * random.uniform() - 1) * reach)
  );
  const advantage = Float64Array.from(lengths.flatMap((length, i) => Array(length).fill(advantages[i])));
  return { logProb, entropy, oldLogProbs, referenceLogProbs, advantage, advantages, offsets };
}

/** Statistics [n, 3]; the log-sum-exp is not looked at. */
function putStatistics(bench: Workbench, { logProb, entropy }: Pick<Tokens, "logProb" | "entropy">) {
  const rows = new Float64Array(3 * logProb.length);
  logProb.forEach((value, i) => rows.set([value, NaN, entropy[i]!], 3 * i));
  return bench.put(rows, logProb.length, 3);
}

/** Gradient and sums of tokens. */
async function run(bench: Workbench, tokens: Tokens, spec: PolicyLossSpec) {
  const dLogProb = bench.out(tokens.logProb.length);
  const pending = bench.device.policyLoss(putStatistics(bench, tokens), tokens, spec, dLogProb);
  assert.equal(pending.tokens, tokens.logProb.length);
  const [sums] = await bench.device.policySums([pending]);
  return { gradient: (await bench.read(dLogProb))[0]!, sums: sums! };
}

/** What the sums should be. */
function expectedSums(
  { logProb, oldLogProbs: old, referenceLogProbs: reference, advantage, entropy }: Tokens,
  spec: PolicyLossSpec,
): PolicySums {
  const differences = logProb.map((x, i) => x - old[i]!), clamp = spec.logRatioClamp;
  const count = (holds: (ratio: number, advantage: number) => boolean) =>
    differences.filter((x, i) =>
      spec.surrogate === "ppo-clip" &&
      holds(Math.exp(Math.min(clamp, Math.max(-clamp, x))), advantage[i]!)
    ).length;
  const { clipLow, clipHigh, dualClip } = spec;
  return {
    tokens: logProb.length,
    loss: policyLoss(logProb, old, advantage, { ...spec, scale: 1 }, reference),
    clipped: count((r, a) => (a > 0 && r > 1 + clipHigh) || (a < 0 && r < 1 - clipLow)),
    dualClipped: count((r, a) => a < 0 && r > dualClip),
    kl: -differences.reduce((sum, x) => sum + Math.min(clamp, Math.max(-clamp, x)), 0),
    entropy: entropy.reduce((sum, x) => sum + x, 0),
    logProbGap: differences.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    referenceKl: logProb.reduce((sum, x, i) => sum + klOf(x, reference[i]!, spec), 0),
    firstNotFinite: -1,
  };
}

/** Registers the tests of policyLoss and policySums, of lmHeadInto and of what follows it. */
export function policyLossSuite(subject: Subject): void {
  propertyTest(subject, "policyLoss() and its gradient equal the reference", cases, async (bench, c) => {
    const random = new TestRandom(c.seed), tokens = randomTokens(random, c.lengths, c.spread, c);
    const { gradient, sums } = await run(bench, tokens, c);
    const { logProb, oldLogProbs, advantage, referenceLogProbs: reference } = tokens;
    const expected = policyLossBackward(logProb, oldLogProbs, advantage, c, reference);
    if (!c.kl) assertRows(gradient, expected, 1, backwardTolerance, "dLogProb");
    else {
      // The slopes of surrogate and KL term may cancel: each is right on its own scale.
      const surrogate = policyLossBackward(logProb, oldLogProbs, advantage, { ...c, kl: undefined });
      gradient.forEach((value, i) => {
        const size = Math.abs(surrogate[i]!) + Math.abs(expected[i]! - surrogate[i]!);
        assertClose([value], [expected[i]!], backwardTolerance * size, `dLogProb ${i}`);
      });
    }
    const { loss, kl, entropy, logProbGap, referenceKl, ...exact } = sums, whole = expectedSums(tokens, c);
    // A sum of both signs is off by a share of what it sums up.
    const size = logProb.reduce(
      (total, x, i) =>
        total +
        Math.abs(
          policyLoss(
            Float64Array.of(x),
            oldLogProbs.slice(i),
            advantage.slice(i),
            { ...c, scale: 1 },
            reference.slice(i),
          ),
        ),
      1,
    );
    assertClose([loss], [whole.loss], forwardTolerance * size, "loss");
    const estimates = logProb.reduce((sum, x, i) => sum + Math.abs(klOf(x, reference[i]!, c)), 1);
    assertClose([referenceKl], [whole.referenceKl], forwardTolerance * estimates, "referenceKl");
    const rest = Math.max(1, whole.entropy, whole.logProbGap * whole.tokens);
    assertClose(
      [kl, entropy, logProbGap],
      [whole.kl, whole.entropy, whole.logProbGap],
      forwardTolerance * rest,
      "sums",
    );
    const { tokens: n, clipped, dualClipped, firstNotFinite } = whole;
    assert.deepEqual(exact, { tokens: n, clipped, dualClipped, firstNotFinite });
  }, 60);

  conformanceTest(
    subject,
    "policyLoss() has the gradient of its loss (finite differences)",
    async (bench) => {
      const step = 2 ** -7, advantages = [1.5, -0.75];
      // A piece of the loss each, with room for the step: inside, clipped from above, from below, and by the dual clip.
      for (const logRatio of [0, -0.15, 0.15, 1, -1, 2]) {
        for (const surrogate of ["ppo-clip", "reinforce"] as const) {
          for (const advantage of advantages) {
            const at = (x: number) => ({
              logProb: Float64Array.of(-2 + logRatio + x),
              entropy: Float64Array.of(1),
              oldLogProbs: Float64Array.of(-2),
              referenceLogProbs: Float64Array.of(-2),
              advantage: Float64Array.of(advantage),
              advantages: [advantage],
              offsets: [0, 1],
            });
            const spec = { ...ppo, surrogate, scale: 1 };
            const { gradient } = await run(bench, at(0), spec);
            const [above, below] = [await run(bench, at(step), spec), await run(bench, at(-step), spec)];
            const slope = (above.sums.loss - below.sums.loss) / (2 * step);
            assertClose(
              gradient,
              [slope],
              1e-4 * Math.exp(logRatio),
              `${surrogate}, ${advantage}, ${logRatio}`,
            );
          }
        }
      }
    },
  );

  conformanceTest(
    subject,
    "policyLoss() with a KL term has the gradient of its loss (finite differences)",
    async (bench) => {
      const step = 2 ** -7;
      // At the tight clamp, k3 has no slope under the references that are far off.
      for (const [estimator, logRatioClamp] of KL_ESTIMATORS.flatMap((e) => [[e, 20], [e, 0.9]] as const)) {
        for (const reference of [-2, -2.25, -1.75, -0.25, -5, -2 + 2 ** -6]) {
          const spec = { ...ppo, logRatioClamp, scale: 1, kl: { coef: 0.75, estimator } };
          const at = (x: number) =>
            run(bench, {
              logProb: Float64Array.of(-2 + x),
              entropy: Float64Array.of(1),
              oldLogProbs: Float64Array.of(-2),
              referenceLogProbs: Float64Array.of(reference),
              // The surrogate is flat, so that what is seen is the term.
              advantage: Float64Array.of(0),
              advantages: [0],
              offsets: [0, 1],
            }, spec);
          const { gradient } = await at(0), [above, below] = [await at(step), await at(-step)];
          const slope = (above.sums.loss - below.sums.loss) / (2 * step);
          assertClose(
            gradient,
            [slope],
            2e-4 * Math.exp(Math.abs(-2 - reference)),
            `${estimator}, ${reference}, ${logRatioClamp}`,
          );
        }
      }
    },
  );

  conformanceTest(
    subject,
    "policyLoss() with a KL term is the plain one, to the bit, where the policy is the reference",
    async (bench) => {
      const tokens = randomTokens(new TestRandom(8), [300, 201, 7], 0.5, ppo);
      const same = { ...tokens, referenceLogProbs: tokens.logProb }, plain = await run(bench, tokens, ppo);
      for (const estimator of ["k2", "k3"] as const) {
        const { gradient, sums } = await run(bench, same, { ...ppo, kl: { coef: 0.5, estimator } });
        // But for the sign of a zero.
        const bits = (values: ArrayLike<number>) => Float32Array.from(values, (x) => x + 0);
        assertSameBits(bits(gradient), bits(plain.gradient), estimator);
        assert.deepEqual({ ...sums, referenceKl: 0 }, plain.sums);
        assert.equal(sums.referenceKl === 0, true, estimator);
      }
    },
  );

  conformanceTest(
    subject,
    "policyLoss() refuses a KL term without the reference's log-probabilities",
    (bench) => {
      const { referenceLogProbs: _, ...tokens } = randomTokens(new TestRandom(9), [5], 0.5, ppo);
      const spec = { ...ppo, kl: { coef: 0.5, estimator: "k3" as const } };
      const statistics = putStatistics(bench, tokens), out = bench.out(5);
      assert.throws(
        () => bench.device.policyLoss(statistics, tokens, spec, out),
        /undefined of the reference/,
      );
      return Promise.resolve();
    },
  );

  const kl = { coef: 0.5, estimator: "k3" as const };
  conformanceTest(subject, "policyLoss() gives a token the same bits in any batch", (bench) => {
    const random = new TestRandom(3), pool = randomTokens(random, Array(poolSize).fill(1), 0.6, ppo);
    return assertInvariant(async (items) => {
      using inner = bench.nested();
      const pick = (values: ArrayLike<number>) => Float64Array.from(items, (item) => values[item]!);
      const { gradient } = await run(inner, {
        logProb: pick(pool.logProb),
        entropy: pick(pool.entropy),
        oldLogProbs: pick(pool.oldLogProbs),
        referenceLogProbs: pick(pool.referenceLogProbs),
        advantage: pick(pool.advantage),
        advantages: pick(pool.advantages),
        offsets: Array.from({ length: items.length + 1 }, (_, i) => i),
      }, { ...ppo, kl });
      return Array.from(gradient, (value) => Float32Array.of(value));
    });
  });

  conformanceTest(
    subject,
    "policyLoss() has no gap, no KL and a ratio of 1 where nothing has moved",
    async (bench) => {
      const tokens = randomTokens(new TestRandom(4), [300, 201], 0, ppo);
      const { gradient, sums } = await run(bench, tokens, ppo);
      const { kl, logProbGap, clipped, dualClipped } = sums;
      assert.deepEqual([kl === 0, logProbGap, clipped, dualClipped], [true, 0, 0, 0]);
      assertClose(gradient, tokens.advantage.map((a) => -a * ppo.scale), 1e-6 * ppo.scale);
    },
  );

  conformanceTest(
    subject,
    "policyLoss() names the first token whose log-probability is not finite",
    async (bench) => {
      const random = new TestRandom(5);
      for (const wrong of [NaN, Infinity, -Infinity]) {
        for (const [first, second] of [[0, 0], [3, 700], [255, 256], [700, 703]] as const) {
          using inner = bench.nested();
          const tokens = randomTokens(random, [704], 0.1, ppo);
          tokens.logProb[first] = tokens.logProb[second] = wrong;
          const { sums } = await run(inner, tokens, ppo);
          assert.equal(sums.firstNotFinite, first, `${wrong} at ${first} and ${second}`);
        }
      }
    },
  );

  conformanceTest(subject, "policySums() tells the calls apart, and of none nothing", async (bench) => {
    const random = new TestRandom(6), lengths = [[5, 7], [300], [1]];
    const batches = lengths.map((one) => randomTokens(random, one, 0.5, ppo));
    const pending = batches.map((tokens) =>
      bench.device.policyLoss(putStatistics(bench, tokens), tokens, ppo, bench.out(tokens.logProb.length))
    );
    const together = await bench.device.policySums(pending);
    for (const [i, tokens] of batches.entries()) {
      assert.deepEqual(together[i], (await run(bench, tokens, ppo)).sums);
    }
    assert.deepEqual(await bench.device.policySums([]), []);
  });

  for (const [forBackward, temperature] of [[true, 1], [false, 0.7]] as const) {
    const kept = forBackward ? "kept" : "not kept";
    conformanceTest(
      subject,
      `lmHeadInto() and lmHeadBackward() on tensors have the bits of those on arrays, logits ${kept}`,
      async (bench) => {
        const random = new TestRandom(7), n = 9, dim = 24, vocab = 5003, { device } = bench;
        const h = bench.put(random.normals(n * dim), n, dim),
          w = bench.put(random.normals(vocab * dim), vocab, dim);
        const ids = random.integers(n, vocab), statistics = bench.out(n, 3);
        device.lmHeadInto(h, w, ids, temperature, statistics, { forBackward });
        const expected = await device.lmHead(h, w, ids, temperature, { forBackward });
        const [rows] = await bench.read(statistics);
        ["logProb" as const, "logSumExp" as const, "entropy" as const].forEach((key, column) =>
          assertSameBits(rows!.filter((_, i) => i % 3 === column), expected[key], key)
        );
        const dLogProb = random.normals(n), dEntropy = random.normals(n);
        const slopes = {
          tensors: { dLogProb: bench.put(dLogProb, n), dEntropy: bench.put(dEntropy, n) },
          arrays: { dLogProb: Float32Array.from(dLogProb), dEntropy: Float32Array.from(dEntropy) },
        };
        const zeros = (rows: number) => bench.put(new Float64Array(rows * dim), rows, dim);
        const [dh, dw, dhExpected, dwExpected] = [zeros(n), zeros(vocab), zeros(n), zeros(vocab)];
        device.lmHeadBackward(h, w, ids, temperature, statistics, slopes.tensors, dh!, dw!);
        device.lmHeadBackward(h, w, ids, temperature, expected, slopes.arrays, dhExpected!, dwExpected!);
        const read = await bench.read(dh!, dw!, dhExpected!, dwExpected!);
        assertSameBits(read[0]!, read[2]!, "dh");
        assertSameBits(read[1]!, read[3]!, "dw");
      },
    );
  }

  conformanceTest(
    subject,
    "lmHeadInto() keeps nothing after lmHeadDiscard(), nor twice for one tensor",
    (bench) => {
      const { device } = bench,
        h = bench.put(new Float64Array(12), 3, 4),
        w = bench.put(new Float64Array(36), 9, 4);
      const ids = Int32Array.of(0, 8, 3), statistics = bench.out(3, 3), before = device.memory.current;
      for (let i = 0; i < 2; i++) device.lmHeadInto(h, w, ids, 1, statistics, { forBackward: true });
      device.lmHeadDiscard(statistics);
      device.lmHeadDiscard(statistics);
      assert.equal(device.memory.current, before);
      return Promise.resolve();
    },
  );
}
