import { UsageError } from "#errors";
import { assert, assertClose } from "#test";
import { rewardStatistics } from "./reward_statistics.ts";

Deno.test("rewardStatistics() separates what varies within groups from what varies between them", () => {
  const group = (uid: string, positive: number[], negative: number) => ({
    uid,
    positive: Float64Array.from(positive),
    negative: Float64Array.of(negative, negative),
    consistency: new Float64Array(2),
    crossGroup: new Float64Array(2),
    total: Float64Array.from(positive, (x) => x + negative),
  });
  const { positive, negative, total } = rewardStatistics([group("a", [1, 3], -1), group("b", [2, 6], 5)]);
  assertClose([positive.mean, positive.withinGroupVariance], [3, (1 + 4) / 2], 1e-15);
  assertClose([negative.mean, negative.withinGroupVariance], [2, 0], 1e-15);
  assertClose([total.mean, total.withinGroupVariance], [5, 2.5], 1e-15);
});

Deno.test("rewardStatistics() refuses an empty batch", () => {
  assert.throws(() => rewardStatistics([]), UsageError);
});
