/**
 * How the rationales of a mini-batch are cut into passes that fit into memory, and which rows of a pass predict their tokens.
 *
 * @module
 */
import { type PackedBatch, type PackedSequence, packSequences } from "../backbone/decoder.ts";
import type { RolloutRows } from "../rollout/request.ts";

/** A rationale. */
export interface WrittenRollout {
  /** Generated tokens, a final end-of-sequence token included; at least one. */
  readonly tokens: Int32Array;
  /** Where its activations are, if they are kept. */
  readonly rows?: RolloutRows;
}

/** Rationales of one prompt. */
export interface RolloutGroup<R extends WrittenRollout> {
  readonly prompt: Int32Array;
  readonly rollouts: readonly R[];
}

/** Rationales that are run together. */
export interface MicroBatch<R extends WrittenRollout> {
  readonly sequences: PackedSequence[];
  /** Of each sequence, its rows among the activations that are kept; none where none are. */
  readonly keptRows: Int32Array[];
  /** Each rollout with the index of its prompt's sequence and of its own (−1 if it has one token and needs no rows). */
  readonly rollouts: { rollout: R; prompt: number; own: number }[];
  rows: number;
}

/** How to cut. */
export interface MicroBatchOptions {
  /** Most rows of one pass. */
  readonly microBatchTokens: number;
  /** Let the rationales of a prompt share its rows. */
  readonly sharePrompts?: boolean;
}

/**
 * Cuts a mini-batch into passes of at most `microBatchTokens` rows, in its order; a prompt whose rollouts are cut apart is run
 * again.
 */
export function microBatches<R extends WrittenRollout>(
  groups: readonly RolloutGroup<R>[],
  { microBatchTokens, sharePrompts = true }: MicroBatchOptions,
): MicroBatch<R>[] {
  const empty = (): MicroBatch<R> => ({ sequences: [], keptRows: [], rollouts: [], rows: 0 });
  const batches: MicroBatch<R>[] = [];
  let batch = empty();
  const add = (sequence: PackedSequence, keptRows: Int32Array | undefined): number => {
    if (keptRows) batch.keptRows.push(keptRows);
    return batch.sequences.push(sequence) - 1;
  };
  for (const { prompt, rollouts } of groups) {
    let at = -1;
    for (const rollout of rollouts) {
      const own = rollout.tokens.length - 1;
      const more = () => own + (at < 0 ? prompt.length : 0);
      if (batch.rollouts.length > 0 && batch.rows + more() > microBatchTokens) {
        batches.push(batch);
        batch = empty();
        at = -1;
      }
      batch.rows += more();
      const { tokens, rows } = rollout;
      if (at < 0) at = add({ ids: prompt }, rows?.prompt);
      const ownAt = own > 0
        ? add({ ids: tokens.subarray(0, own), parent: at }, rows?.own.subarray(0, own))
        : -1;
      batch.rollouts.push({ rollout, prompt: at, own: ownAt });
      if (!sharePrompts) at = -1;
    }
  }
  batches.push(batch);
  return batches;
}

/** A pass: the stream, the rationales' tokens, and the rows of the stream that predict them. */
export interface Predictions {
  readonly packed: PackedBatch;
  readonly rows: Int32Array;
  readonly ids: Int32Array;
}

/** Packs a micro-batch. */
export function predictionsOf(
  { sequences, rollouts }: Pick<MicroBatch<WrittenRollout>, "sequences" | "rollouts">,
): Predictions {
  const packed = packSequences(sequences), { segments } = packed, rows: number[] = [], ids: number[] = [];
  for (const { rollout, prompt, own } of rollouts) {
    const head = segments[prompt]!;
    rollout.tokens.forEach((id, j) => {
      // The first token is predicted by the prompt's last row, each further one by the row of the token before it.
      rows.push(j === 0 ? head.start + head.length - 1 : segments[own]!.start + j - 1);
      ids.push(id);
    });
  }
  return { packed, rows: Int32Array.from(rows), ids: Int32Array.from(ids) };
}
