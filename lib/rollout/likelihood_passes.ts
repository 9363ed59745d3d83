/**
 * Which contexts and continuations are run together when log-likelihoods are asked for.
 *
 * @module
 */
import { type PackedBatch, packSequences } from "../backbone/decoder.ts";
import { byBeginning } from "./relatives.ts";
import { PromptPacking } from "./shared_prefix.ts";

/** Most rows that are run together, and what they begin with. */
const forwardRows = 1024;

/** Continuations of one context, by the index of their question. */
export interface Question {
  readonly context: readonly number[];
  /** Tokens of each. */
  readonly continuations: ReadonlyMap<number, readonly number[]>;
}

/** Questions that are run together. */
export interface Pass {
  readonly batch: PackedBatch;
  readonly questions: readonly Question[];
  /** Row of the last token of each question's context. */
  readonly lastRows: readonly number[];
  /** Row of the first token of each continuation that has more than one. */
  readonly continuationRows: ReadonlyMap<number, number>;
}

/** Cuts questions into passes, in no order that matters. */
export function* passes(questions: readonly Question[]): Generator<Pass> {
  // Continuations of one token need no rows of their own, so their contexts may share their beginning. Otherwise a
  // context is the parent of its continuations, and can have none itself.
  const single = ({ continuations }: Question) =>
    [...continuations.values()].every(({ length }) => length === 1);
  yield* singlePasses(questions.filter(single));
  yield* treePasses(questions.filter((question) => !single(question)));
}

function* singlePasses(questions: readonly Question[]): Generator<Pass> {
  let packing = new PromptPacking(), chosen: Question[] = [];
  const pass = (): Pass => {
    const { batch, prompts } = packing.pack();
    const lastRows = chosen.map(({ context }, i) => prompts[i]!.origin + context.length - 1);
    return { batch, questions: chosen, lastRows, continuationRows: new Map() };
  };
  for (const index of byBeginning(questions.map(({ context }) => context))) {
    const question = questions[index]!;
    if (!packing.empty && packing.rowsWith(question.context) > forwardRows) {
      yield pass();
      packing = new PromptPacking();
      chosen = [];
    }
    packing.add(question.context);
    chosen.push(question);
  }
  if (chosen.length > 0) yield pass();
}

function* treePasses(questions: readonly Question[]): Generator<Pass> {
  // The last token of a continuation predicts nothing and is left out.
  const rowsOf = ({ context, continuations }: Question) =>
    continuations.values().reduce((sum, { length }) => sum + length - 1, context.length);
  for (let start = 0; start < questions.length;) {
    let end = start, rows = 0;
    while (end < questions.length && (end === start || rows + rowsOf(questions[end]!) <= forwardRows)) {
      rows += rowsOf(questions[end++]!);
    }
    const chosen = questions.slice(start, end);
    const sequences: { ids: readonly number[]; parent?: number }[] = [], lastRows: number[] = [];
    const continuationRows = new Map<number, number>();
    let row = 0;
    for (const { context, continuations } of chosen) {
      const parent = sequences.length;
      sequences.push({ ids: context });
      row += context.length;
      lastRows.push(row - 1);
      for (const [index, ids] of continuations) {
        if (ids.length === 1) continue;
        sequences.push({ ids: ids.slice(0, -1), parent });
        continuationRows.set(index, row);
        row += ids.length - 1;
      }
    }
    yield { batch: packSequences(sequences), questions: chosen, lastRows, continuationRows };
    start = end;
  }
}
