/**
 * Top-k and top-p without sorting: which logit is the smallest that is kept.
 *
 * Logits are seen as 32-bit keys of the same order. The measure of a key is how many tokens have it or a larger one
 * (top-k), or their probability (top-p), and the edge is the largest key whose measure reaches the aim. It is found four
 * bits at a time: every step measures 16 keys in each segment of the vocabulary, and the next step adds up the segments, in
 * a fixed order, chooses the digit and measures on. Counts are exact (below 2²⁴ tokens); probabilities
 * are sums in f32, relative to the largest, with a relative error of some 10⁻⁶, within which the nucleus ends.
 *
 * @module
 */
import type { SamplingSpec } from "../lm_head_types.ts";
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import type { Distribution } from "./sampling.ts";
import type { GpuTensor } from "./tensor.ts";
import {
  candidates,
  digitBits,
  digits,
  measureCode,
  sharesCode,
  stateWords,
  truncationParams as params,
} from "./truncation_wgsl.ts";

/** One of the steps that find an edge; see the module comment. */
interface Step {
  /** Whether tokens are weighed with their probability rather than counted. */
  readonly weighs: boolean;
  /** Position of the digit. */
  readonly shift: number;
  /** Tokens to keep, or the share of what is kept so far. */
  readonly aim: number;
}

function stepsOf({ topK, topP }: SamplingSpec, vocab: number): Step[] {
  const shifts = Array.from({ length: digits }, (_, i) => 32 - digitBits * (i + 1));
  const search = (weighs: boolean, aim: number) => shifts.map((shift) => ({ weighs, shift, aim }));
  return [
    ...(topK > 0 && topK < vocab ? search(false, topK) : []),
    ...(topP < 1 ? search(true, topP) : []),
  ];
}

/** Whether any token may be left out. */
export function truncates(spec: SamplingSpec, vocab: number): boolean {
  return spec.temperature > 0 && stepsOf(spec, vocab).length > 0;
}

/** What a search leaves for drawing; both live until the caller releases them. */
export interface Edges {
  /** Of each row, the key of the smallest logit that is kept, and as f32 bits the probability to keep; [rows, 2]. */
  readonly edges: GpuTensor;
  /** By segment, the probability of the tokens above the edge, and the number of those on it; [rows, segments, 2]. */
  readonly shares: GpuTensor;
}

/** Finds the edges of top-k and top-p. */
export class Truncation {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Edges of a distribution under a spec that {@linkcode truncates}. */
  find({ logits, sums, inverseT }: Distribution, spec: SamplingSpec): Edges {
    const [rows, vocab] = logits.shape as [number, number], segments = sums.shape[1]!;
    const { queue, arena } = this;
    const measure = queue.kernel("truncation-measure", () => ({
      name: "truncation-measure",
      params,
      bindings: { logits: "in f32", sums: "in f32", measures: "out f32", state: "out u32" },
      code: measureCode,
    }));
    const share = queue.kernel("truncation-shares", () => ({
      name: "truncation-shares",
      params,
      bindings: {
        logits: "in f32",
        sums: "in f32",
        measures: "out f32",
        state: "out u32",
        shares: "out f32",
        edges: "out u32",
      },
      code: sharesCode,
    }));
    const measures = arena.alloc([2, rows, segments, candidates], "f32");
    const state = arena.alloc([rows, stateWords], "i32");
    const shares = arena.alloc([rows, segments, 2], "f32"), edges = arena.alloc([rows, 2], "i32");
    const common = { rows, vocab, segments, inverse_t: inverseT };
    const steps = stepsOf(spec, vocab), groups = [segments, rows] as const;
    const begins = (i: number) => steps[i]?.shift === steps[0]!.shift;
    for (let i = 0; i <= steps.length; i++) {
      const now = steps[i], before = steps[i - 1];
      const values = {
        ...common,
        step: i,
        shift: now?.shift ?? 0,
        settled_shift: before?.shift ?? 0,
        relative: before?.weighs && begins(i - 1) ? 1 : 0,
        begins: begins(i) ? 1 : 0,
        weighs: now?.weighs ? 1 : 0,
        aim: now?.aim ?? 0,
      };
      if (now) queue.run(measure, { logits, sums, measures, state }, values, groups);
      else queue.run(share, { logits, sums, measures, state, shares, edges }, values, groups);
    }
    arena.release(measures);
    arena.release(state);
    return { edges, shares };
  }
}
