import { assert } from "#test";
import { UsageError } from "#errors";
import { resolveManifest } from "../manifest/resolve.ts";
import { DataOrder, examplesSeen } from "./data_order.ts";

Deno.test("DataOrder gives every example once an epoch, but for what does not fill a batch", () => {
  const order = new DataOrder(23, 5, 7);
  const epoch = [1, 2, 3, 4].flatMap((step) => order.at(step));
  assert.equal(new Set(epoch).size, 20);
  assert.ok(epoch.every((index) => index >= 0 && index < 23));
});

Deno.test("DataOrder has another order in the next epoch, and no other left-out examples for ever", () => {
  const order = new DataOrder(23, 5, 7);
  const epoch = (number: number) => [1, 2, 3, 4].flatMap((step) => order.at(4 * number + step));
  assert.notDeepEqual(epoch(1), epoch(0));
  assert.equal(new Set(Array.from({ length: 40 }, (_, i) => epoch(i)).flat()).size, 23);
});

Deno.test("DataOrder.at() depends on the step alone, not on what was asked before", () => {
  const asked = new DataOrder(50, 4, 1), fresh = new DataOrder(50, 4, 1);
  asked.at(30);
  asked.at(2);
  assert.deepEqual(asked.at(17), fresh.at(17));
});

Deno.test("DataOrder is the same for arms of equal batch and seed, and another for another seed", () => {
  assert.deepEqual(new DataOrder(50, 4, 1).at(3), new DataOrder(50, 4, 1).at(3));
  assert.notDeepEqual(new DataOrder(50, 4, 2).at(3), new DataOrder(50, 4, 1).at(3));
});

Deno.test("DataOrder refuses data that do not fill one batch", () => {
  assert.throws(() => new DataOrder(3, 4, 1), UsageError);
});

Deno.test("examplesSeen() gives arms of other batch sizes the same examples in the same order within an epoch", () => {
  const { manifest } = resolveManifest({ train: { steps: 40 }, cl: { batch: 64, steps: 10 } });
  const cl = examplesSeen("cl", manifest, 700);
  assert.equal(cl.length, 640);
  assert.deepEqual(cl, examplesSeen("grace", manifest, 700));
  // 639 examples hold 9 batches of 64, but 39 of 16: the tenth batch begins the next epoch earlier.
  assert.notDeepEqual(examplesSeen("cl", manifest, 639), examplesSeen("grace", manifest, 639));
});

Deno.test("examplesSeen() is the same for equal batch sizes over any number of epochs", () => {
  const { manifest } = resolveManifest({ preset: "tiny" });
  assert.deepEqual(examplesSeen("cl", manifest, 70), examplesSeen("grace", manifest, 70));
});
