import { assert, assertClose } from "#test";
import { learningRateAt } from "./optimizer.ts";

const rates = (schedule: "constant" | "linear" | "cosine", warmupSteps = 0, steps = 4) =>
  Array.from({ length: steps }, (_, i) => learningRateAt(1, i + 1, steps, { schedule, warmupSteps }));

Deno.test("learningRateAt() stays at the peak when constant", () => {
  assert.deepEqual(rates("constant"), [1, 1, 1, 1]);
});

Deno.test("learningRateAt() falls from the peak and never to 0 within the steps", () => {
  assertClose(rates("linear"), [1, 0.75, 0.5, 0.25], 1e-15);
  assertClose(rates("cosine"), [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2], 1e-15);
});

Deno.test("learningRateAt() rises linearly to the peak over the warm-up", () => {
  assertClose(rates("constant", 2), [0.5, 1, 1, 1], 1e-15);
  assertClose(rates("linear", 2), [0.5, 1, 1, 0.5], 1e-15);
});
