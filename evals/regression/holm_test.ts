import fc from "fast-check";
import { assert, assertClose } from "#test";
import { float32, golden } from "../../fixtures/golden_data.ts";
import { pairedBootstrap, withInterval } from "../bootstrap.ts";
import { doubtOf, holmDecisions } from "./holm.ts";
import { expandedTail } from "./small_samples.ts";

interface Golden {
  readonly holm: readonly {
    readonly confidence: number;
    readonly values: readonly string[];
    readonly p: readonly number[];
    readonly told: readonly boolean[];
    readonly direction: readonly number[];
  }[];
  readonly spearman: {
    readonly gold: readonly number[];
    readonly base: string;
    readonly now: string;
    readonly difference: number;
    readonly interval: readonly [number, number];
  };
}

const made = golden<Golden>("regression/regression.json");
const resampled = (values: Float64Array, items = Infinity) => ({
  value: values[0]!,
  resampled: values,
  items,
});

Deno.test("holmDecisions() tells apart what statsmodels does from p-values that numpy's percentiles give", () => {
  for (const { confidence, values, p, told, direction } of made.holm) {
    const differences = values.map((text) => resampled(Float64Array.from(float32(text))));
    assertClose(differences.map((one) => doubtOf(one)!), p, 1e-9);
    const decisions = holmDecisions(differences, values.length, confidence);
    assert.deepEqual(decisions.map((one) => one!.direction !== 0), told);
    assert.deepEqual(decisions.map((one) => one!.direction), direction);
  }
});

Deno.test("holmDecisions() gives an interval that holds 0 if and only if the difference is not told", () => {
  const difference = fc.tuple(
    fc.double({ min: -3, max: 3, noNaN: true }),
    fc.integer({ min: 1, max: 1000 }),
    fc.constantFrom(12, 50, 5000, Infinity),
  ).map(([shift, seed, items]) =>
    resampled(Float64Array.from({ length: 60 }, (_, i) => shift + Math.sin(seed * (i + 1) * 12.9898)), items)
  );
  const confidence = fc.double({ min: 0.5, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(fc.array(difference, { minLength: 1, maxLength: 6 }), confidence, (differences, sure) => {
      const decisions = holmDecisions(differences, differences.length, sure);
      decisions.forEach((decision, i) => {
        const { interval: [low, high], level, direction } = decision!;
        assert.equal(low <= 0 && 0 <= high, direction === 0);
        const tail = expandedTail((1 - level) / 2, differences[i]!.items);
        assert.deepEqual([low, high], withInterval(differences[i]!, 1 - 2 * tail).interval);
        assert.ok(level >= sure - 1e-12);
      });
    }),
  );
});

Deno.test("holmDecisions() asks more of each difference the more there are, and nothing of those that are null", () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => i - 20.5);
  const alone = holmDecisions([resampled(values)], 1, 0.95),
    among = holmDecisions([resampled(values), null], 10, 0.95);
  assert.equal(alone[0]!.direction, 1);
  assert.equal(among[0]!.direction, 0);
  assertClose([alone[0]!.level, among[0]!.level], [0.95, 0.995], 1e-12);
  assert.equal(among[1], null);
  // A metric that does not exist on most resamples.
  assert.deepEqual(holmDecisions([resampled(values.map((x, i) => i % 2 ? x : NaN))], 1, 0.95), [null]);
});

Deno.test("pairedBootstrap() gives the interval of a difference of rank correlations that scipy gives", () => {
  const { gold, base, now, difference, interval } = made.spearman;
  const items = (text: string) =>
    [...float32(text)].map((similarity, i) => ({ id: `${i}`, similarity, gold: gold[i]! }));
  const options = { resamples: 20_000, confidence: 0.95, seed: 0 };
  const [found] = pairedBootstrap(items(base), [items(now)], "spearman", options);
  assertClose([found!.value], [difference], 1e-12);
  // Both draw 20,000 resamples, other ones: their ends differ by about 1 % of the interval's width.
  assertClose(withInterval(found!, 0.95).interval!, interval, 0.02 * (interval[1] - interval[0]));
});
