import { assert, assertClose } from "#test";
import { invertCumulative, truncatedDistribution } from "./sampling.ts";

/** Probabilities 0.1, 0.4, 0.2, 0.3 at temperature 1. */
const logits = Float64Array.of(0.1, 0.4, 0.2, 0.3).map(Math.log);

Deno.test("truncatedDistribution() is the softmax when nothing is cut", () => {
  assertClose(
    truncatedDistribution(logits, { temperature: 1, topP: 1, topK: 0 }),
    [0.1, 0.4, 0.2, 0.3],
    1e-15,
  );
});

Deno.test("truncatedDistribution() sharpens below temperature 1", () => {
  const squares = [0.01, 0.16, 0.04, 0.09].map((p) => p / 0.3);
  assertClose(truncatedDistribution(logits, { temperature: 0.5, topP: 1, topK: 0 }), squares, 1e-14);
});

Deno.test("truncatedDistribution() keeps the smallest set that reaches topP", () => {
  const p = truncatedDistribution(logits, { temperature: 1, topP: 0.65, topK: 0 });
  assertClose(p, [0, 0.4 / 0.7, 0, 0.3 / 0.7], 1e-14);
});

Deno.test("truncatedDistribution() applies topP to what topK left", () => {
  // Of 0.4, 0.3, 0.2 (sum 0.9) the first holds 0.44 and the first two hold 0.78.
  const p = truncatedDistribution(logits, { temperature: 1, topP: 0.75, topK: 3 });
  assertClose(p, [0, 0.4 / 0.7, 0, 0.3 / 0.7], 1e-14);
});

Deno.test("truncatedDistribution() chooses the lowest of the largest logits at temperature 0", () => {
  const p = truncatedDistribution(Float64Array.of(1, 3, 3, 2), { temperature: 0, topP: 1, topK: 0 });
  assert.deepEqual([...p], [0, 1, 0, 0]);
});

Deno.test("invertCumulative() goes by ids and skips what is left out", () => {
  const p = Float64Array.of(0, 0.5, 0, 0.5);
  assert.deepEqual([0, 0.49, 0.5, 0.99].map((u) => invertCumulative(p, u)), [1, 1, 3, 3]);
});
