/**
 * Random packed streams for the attention suites.
 *
 * @module
 */
import fc from "fast-check";
import type { AttentionShape, Segment } from "../attention_types.ts";
import { seed } from "./harness.ts";

/** Grouped-query shapes: head dims of real models, groups of 1 to 4. */
export const shapes: fc.Arbitrary<AttentionShape> = fc.record({
  kvHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 4 }),
  headDim: fc.constantFrom(32, 64, 80, 96, 128),
}).map(({ kvHeads, group, headDim }) => ({ heads: kvHeads * group, kvHeads, headDim }));

/** A packed stream of n rows. */
export interface Stream {
  readonly segments: readonly Segment[];
  readonly n: number;
}

const trees = fc.array(
  fc.record({
    prompt: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 })),
    children: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 })), { maxLength: 3 }),
    /** Rows in no segment, after the prompt. */
    gap: fc.nat(2),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Prompts with and without rationales, single tokens, and rows that belong to no segment. */
export const streams: fc.Arbitrary<Stream> = trees.map((list) => {
  const segments: Segment[] = [];
  let n = 0;
  const append = (length: number, parent: number) => {
    segments.push({ start: n, length, parent });
    n += length;
  };
  for (const { prompt, children, gap } of list) {
    const parent = segments.length;
    append(prompt, -1);
    n += gap;
    for (const child of children) append(child, parent);
  }
  return { segments, n };
});

/** A stream, a shape and the seed of its data. `spread` is the scale of q: large ones give peaked probabilities. */
export const attentionCases = fc.record({
  stream: streams,
  shape: shapes,
  spread: fc.constantFrom(0.3, 1, 5),
  seed,
});
