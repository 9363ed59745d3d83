import { assert, assertRelative } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { Purpose, uniform } from "../../lib/rollout/philox.ts";
import { pairedBootstrap } from "../bootstrap.ts";
import { holmDecisions } from "./holm.ts";
import { contractedTail, effectiveItems, expandedTail } from "./small_samples.ts";

const { tails } = golden<{ tails: { tail: number; items: number; expanded: number }[] }>(
  "regression/regression.json",
);

Deno.test("expandedTail() is what scipy's distributions give, and contractedTail() undoes it", () => {
  for (const { tail, items, expanded } of tails) {
    assertRelative([expandedTail(tail, items)], [expanded], 1e-6);
    assertRelative([contractedTail(expanded, items)], [tail], 1e-6);
  }
});

Deno.test("expandedTail() asks the more the fewer items there are, and nothing of infinitely many", () => {
  const of = (items: number) => expandedTail(0.0025, items);
  assert.ok(of(5) < of(12) && of(12) < of(100) && of(100) < of(1e5) && of(1e5) < 0.0025);
  assert.equal(of(Infinity), 0.0025);
  assert.deepEqual([expandedTail(0, 12), expandedTail(0.5, 12), contractedTail(0, 12)], [0, 0.5, 0]);
});

Deno.test("effectiveItems() of one task are its items, of several equal ones all of theirs, and a task of few counts", () => {
  const part = (variance: number, items: number) => ({ variance, items });
  assertRelative([effectiveItems([part(2, 12)])], [12], 1e-12);
  assertRelative([effectiveItems([part(2, 12), part(2, 12)])], [23], 1e-12);
  assert.ok(effectiveItems([part(9, 12), part(1, 1000)]) < 16);
  assert.equal(effectiveItems([part(0, 12)]), Infinity);
});

Deno.test("holmDecisions() tells differences of 12 items from noise by chance as often as it says, without the correction more often", () => {
  const runs = 500, family = 1, confidence = 0.95;
  const gaussian = (example: number, position: number) => {
    const at = (rollout: number) =>
      uniform(5, { purpose: Purpose.bootstrap, example, rollout, position }, 24);
    return Math.sqrt(-2 * Math.log(1 - at(0))) * Math.cos(2 * Math.PI * at(1));
  };
  const zeros = Array.from({ length: 12 }, (_, i) => ({ id: `${i}`, value: 0 }));
  const told = { corrected: 0, plain: 0 };
  for (let run = 0; run < runs; run++) {
    const now = zeros.map(({ id }, i) => ({ id, value: gaussian(run, i) }));
    const [difference] = pairedBootstrap(zeros, [now], "mean", { resamples: 1000, confidence, seed: 0 });
    for (const [name, items] of [["corrected", 12], ["plain", Infinity]] as const) {
      const [decision] = holmDecisions([{ ...difference!, items }], family, confidence);
      if (decision!.direction !== 0) told[name]++;
    }
  }
  // Of 500 checks 5 % are 25, give or take 5; of 1,500 with 2,000 resamples, 64 were told with it and 116 without.
  assert.ok(told.corrected <= 30 && told.corrected >= 15, JSON.stringify(told));
  assert.ok(told.plain >= 33, JSON.stringify(told));
});
