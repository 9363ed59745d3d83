/**
 * What may not be concluded from a run, as far as its records tell: sentences that stand above the numbers.
 *
 * @module
 */
import type { PlannedArm } from "../../lib/manifest/arms.ts";
import type { Comparison } from "../compare.ts";
import type { Overlap } from "../overlap.ts";
import type { ScoreRecord } from "../score_record.ts";
import type { Suite } from "../suite.ts";
import { percentText } from "../table_layout.ts";

/** What the sentences are about. */
export interface CautionedRun {
  readonly plans: readonly PlannedArm[];
  readonly seed: number;
  readonly suite: Suite;
  /** Number of training examples. */
  readonly examples: number;
  readonly overlaps: readonly Overlap[];
  /** Null for a run of a single arm. */
  readonly comparison: Comparison | null;
  /** Of one arm. */
  readonly scores: readonly ScoreRecord[];
}

/** Fewer items than these leave an interval that hardly excludes anything. */
const FEW_ITEMS = 100;

/** The sentences, each of which holds for this run; the gravest first. */
export function cautions(run: CautionedRun): string[] {
  return [
    ...contamination(run),
    ...completeness(run),
    ...oneSeed(run),
    ...manyIntervals(run),
    ...fewItems(run),
  ];
}

function contamination({ overlaps, examples }: CautionedRun): string[] {
  return overlaps.map(({ source, rows, task }) =>
    `${rows} of ${examples} training rows are from "${source}", and so is the task ${task}: what trained arms score on ` +
    `it is no score of unseen data.`
  );
}

function completeness({ comparison, suite }: CautionedRun): string[] {
  const partial = comparison?.categories.filter(({ complete }) => !complete).map(({ label }) => label) ?? [];
  return [
    ...suite.embedded
      ? [
        "The tasks come with the program and were made for its small backbone: neither levels nor sizes of effects are " +
        "those of a benchmark or of a large model.",
      ]
      : [],
    ...partial.length > 0
      ? [`Partial, and no replica of the benchmark's numbers: ${partial.join("; ")}.`]
      : [],
  ];
}

function oneSeed({ plans, seed }: CautionedRun): string[] {
  if (plans.every(({ training }) => training === null)) return [];
  return [
    `Each arm was trained once, with seed ${seed}. The intervals cover the choice of items; what another seed would ` +
    `change is in none of them.`,
  ];
}

function manyIntervals({ comparison }: CautionedRun): string[] {
  if (comparison === null) return [];
  const { confidence } = comparison.bootstrap;
  const count = comparison.tasks.flatMap(({ main, cells }) => main ? cells : [])
    .filter(({ difference }) => difference?.interval != null).length;
  const byChance = Math.round(count * (1 - confidence));
  if (byChance < 1) return [];
  return [
    `Of the ${count} intervals of tasks at ${
      percentText(confidence)
    }, about ${byChance} would leave out 0 if nothing ` +
    `had changed.`,
  ];
}

function fewItems({ scores }: CautionedRun): string[] {
  const small = scores.filter(({ items }) => items.rows < FEW_ITEMS)
    .map(({ task, items }) => `${task} (${items.rows})`);
  return small.length === 0 ? [] : [`Fewer than ${FEW_ITEMS} items: ${small.join(", ")}.`];
}
