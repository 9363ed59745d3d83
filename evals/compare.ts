/**
 * Compares models ("arms") that were evaluated on the same suite.
 *
 * Two scores are compared only if task, scorer version and the scored rows are the same; anything else is an
 * error, never a footnote.
 *
 * @module
 */
import { UsageError } from "#errors";
import {
  type BootstrapOptions,
  type Difference,
  pairedBootstrap,
  type ResampledDifference,
  sumDifferences,
  withInterval,
} from "./bootstrap.ts";
import type { Category } from "./category.ts";
import { categoryMeans, overallMeans, type TaskMean } from "./category_means.ts";
import { comparisonKey, type LoadedScore, readScores, type ScoreRecord } from "./score_record.ts";

/** An arm and the folder with its scores. */
export interface ArmFolder {
  readonly name: string;
  readonly folder: string;
}

/** An arm with its scores. */
export interface Arm {
  readonly name: string;
  readonly scores: readonly LoadedScore[];
}

/** Choices of a comparison. */
export interface CompareOptions extends Partial<BootstrapOptions> {
  /** Arm that the others are compared with. Default: the first. */
  readonly base?: string;
}

/** One number of one arm. */
export interface Cell {
  /** Fraction. */
  readonly value: number;
  readonly stderr: number | null;
  /** Correct answers and trials, where the metric is a share of correct answers. */
  readonly share: { readonly correct: number; readonly trials: number } | null;
  /** Against the base; null for the base itself and for metrics beside the main one. */
  readonly difference: Difference | null;
}

/** One metric of one task in all arms. */
export interface TaskRow {
  readonly task: string;
  readonly category: string;
  readonly metric: string;
  /** Whether this is the task's main metric. */
  readonly main: boolean;
  readonly items: number;
  /** One per arm. */
  readonly cells: readonly Cell[];
}

/** A mean over a category, or an average over categories, in all arms. */
export interface MeanRow {
  /** Null for an average over categories. */
  readonly category: Category | null;
  /** Says how much it covers. */
  readonly label: string;
  readonly complete: boolean;
  /** One per arm; fractions. */
  readonly values: readonly number[];
  readonly stderrs: readonly (number | null)[];
  /** Against the base; null for the base. The items of each task are drawn independently of the others'. */
  readonly differences: readonly (Difference | null)[];
}

/** A comparison, ready to be printed. */
export interface Comparison {
  readonly arms: readonly string[];
  readonly base: string;
  readonly bootstrap: BootstrapOptions;
  readonly tasks: readonly TaskRow[];
  readonly categories: readonly MeanRow[];
  /** Averages over categories, as {@linkcode overallMeans} gives them: of MTEB only if all of its 56 tasks are there. */
  readonly averages: readonly MeanRow[];
  /** Whether tasks that come with the program are among them. */
  readonly embedded: boolean;
  /** What a reader should know before quoting a score. */
  readonly warnings: readonly { readonly arm: string; readonly task: string; readonly text: string }[];
}

/**
 * Reads and compares the scores of two or more folders.
 *
 * @throws MissingError if a folder has no scores; UsageError as {@linkcode compareScores}
 */
export async function compareFolders(
  folders: readonly ArmFolder[],
  options: CompareOptions = {},
): Promise<Comparison> {
  const arms = await Promise.all(
    folders.map(async ({ name, folder }) => ({ name, scores: await readScores(folder) })),
  );
  return compareScores(arms, options);
}

/**
 * Compares scores.
 *
 * @throws UsageError if there are fewer than two arms, two have one name, the base is not among them, or two arms
 *   differ in tasks, scorer versions or scored rows
 */
export function compareScores(arms: readonly Arm[], options: CompareOptions = {}): Comparison {
  const names = arms.map((arm) => arm.name);
  const base = options.base ?? names[0];
  const baseIndex = names.indexOf(base ?? "");
  if (arms.length < 2 || new Set(names).size < names.length || baseIndex < 0) {
    throw new UsageError(
      `cannot compare ${JSON.stringify(names)} with base "${base}"`,
      "name two or more different arms, and one of them as the base",
    );
  }
  const bootstrap = {
    resamples: options.resamples ?? 2000,
    confidence: options.confidence ?? 0.95,
    seed: options.seed ?? 0,
  };
  requireComparable(arms);

  const compared = arms[0]!.scores.map(({ record: { task } }) => {
    const scores = arms.map((arm) => arm.scores.find((score) => score.record.task === task)!);
    return { task, scores, differences: taskDifferences(scores, baseIndex, bootstrap) };
  });
  const differences = new Map(compared.map((entry) => [entry.task, entry.differences]));
  const meanRows = (means: (scores: readonly ScoreRecord[]) => TaskMean[]) => {
    const perArm = arms.map((arm) => means(arm.scores.map((score) => score.record)));
    return perArm[0]!.map((_, i) =>
      meanRow(perArm.map((list) => list[i]!), differences, baseIndex, bootstrap)
    );
  };
  return {
    arms: names,
    base: base!,
    bootstrap,
    tasks: compared.flatMap(({ scores, differences }) => taskRows(scores, differences, bootstrap)),
    categories: meanRows(categoryMeans),
    averages: meanRows(overallMeans),
    embedded: arms[0]!.scores.some((score) => score.record.embedded === true),
    warnings: arms.flatMap((arm) =>
      arm.scores.flatMap(({ record }) =>
        record.warnings.map((text) => ({ arm: arm.name, task: record.task, text }))
      )
    ),
  };
}

function requireComparable(arms: readonly Arm[]): void {
  const reference = new Map(arms[0]!.scores.map((score) => [score.record.task, score]));
  for (const arm of arms.slice(1)) {
    const tasks = new Map(arm.scores.map((score) => [score.record.task, score]));
    for (const task of new Set([...reference.keys(), ...tasks.keys()])) {
      const a = reference.get(task), b = tasks.get(task);
      const problem = a === undefined
        ? `only "${arm.name}" has it`
        : b === undefined
        ? `"${arm.name}" lacks it`
        : comparisonKey(a.record) !== comparisonKey(b.record)
        ? `"${arms[0]!.name}" was scored with ${a.record.scorer} on rows ${a.record.content.slice(0, 12)}, ` +
          `"${arm.name}" with ${b.record.scorer} on rows ${b.record.content.slice(0, 12)}`
        : a.items.some((item, i) => item.id !== b.items[i]?.id) || a.items.length !== b.items.length
        ? "the items differ"
        : null;
      if (problem !== null) {
        throw new UsageError(
          `the scores of "${task}" cannot be compared: ${problem}`,
          "evaluate all arms on the same suite, data and version; stored records can be scored again",
        );
      }
    }
  }
}

/** Against the base, one per arm; null for the base. */
function taskDifferences(
  scores: readonly LoadedScore[],
  baseIndex: number,
  bootstrap: BootstrapOptions,
): (ResampledDifference | null)[] {
  const others = scores.filter((_, i) => i !== baseIndex).map((score) => score.items);
  const { aggregate } = scores[0]!.record;
  const differences: (ResampledDifference | null)[] = pairedBootstrap(
    scores[baseIndex]!.items,
    others,
    aggregate,
    bootstrap,
  );
  differences.splice(baseIndex, 0, null);
  return differences;
}

function taskRows(
  scores: readonly LoadedScore[],
  resampled: readonly (ResampledDifference | null)[],
  { confidence }: BootstrapOptions,
): TaskRow[] {
  const { record } = scores[0]!;
  const differences = resampled.map((difference) => difference && withInterval(difference, confidence));
  const row = (metric: string, main: boolean): TaskRow => ({
    task: record.task,
    category: record.category,
    metric,
    main,
    items: record.items.rows,
    cells: scores.map((score, i) => ({
      value: score.record.metrics[metric]!,
      stderr: main ? score.record.stderr : null,
      share: shareOf(score.record, metric),
      difference: main ? differences[i]! : null,
    })),
  });
  return shownMetrics(record).map((metric, i) => row(metric, i === 0));
}

/** Metrics of a score that a table shows: the main one first, and those that differ from it only in their filter or their k. */
export function shownMetrics({ main, metrics }: ScoreRecord): string[] {
  if (main === "pass@1") return Object.keys(metrics).filter((name) => /^pass@\d+$/.test(name));
  // "exact_match,strict-match": a metric that is read with several filters is shown with all of them.
  const [metric, filter] = main.split(",");
  const variants = filter === undefined
    ? []
    : Object.keys(metrics).filter((name) => name.startsWith(`${metric},`) && name !== main);
  return [main, ...variants];
}

/** Correct answers and trials behind a metric; null where it is no share of correct answers. */
export function shareOf({ counts }: ScoreRecord, metric: string): Cell["share"] {
  // Of several samples, only the share of all of them is one of correct answers.
  if (/^pass@/.test(metric) && metric !== "pass@1") return null;
  const filter = metric.split(",")[1];
  const correct = counts[filter === undefined ? "correct" : `correct,${filter}`];
  const trials = counts["trials"] ?? counts["items"];
  return correct === undefined || trials === undefined ? null : { correct, trials };
}

/** @param means the same mean in every arm */
function meanRow(
  means: readonly TaskMean[],
  taskDifferences: ReadonlyMap<string, readonly (ResampledDifference | null)[]>,
  baseIndex: number,
  { confidence }: BootstrapOptions,
): MeanRow {
  const { category, label, complete, weights } = means[0]!;
  return {
    category,
    label,
    complete,
    values: means.map((mean) => mean.value),
    stderrs: means.map((mean) => mean.stderr),
    differences: means.map((_, arm) => {
      if (arm === baseIndex) return null;
      const parts = [...weights].map(([task, weight]) => ({
        difference: taskDifferences.get(task)![arm]!,
        weight,
      }));
      return withInterval(sumDifferences(parts), confidence);
    }),
  };
}
