/**
 * Compares models ("arms") that were evaluated on the same suite.
 *
 * Two scores are compared only if task, scorer version and the scored rows are the same; anything else is an
 * error, never a footnote.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type BootstrapOptions, type Difference, pairedBootstrap } from "./bootstrap.ts";
import type { Category } from "./category.ts";
import { categoryMeans } from "./category_means.ts";
import { weighted56 } from "./paper/averages.ts";
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

/** One category, or the average over all tasks, in all arms. */
export interface MeanRow {
  /** Category; null for the average over all tasks. */
  readonly category: Category | null;
  /** Says how much it covers. */
  readonly label: string;
  readonly complete: boolean;
  /** One per arm; fractions. */
  readonly values: readonly number[];
  /** Against the base; null for the base. */
  readonly differences: readonly (number | null)[];
}

/** A comparison, ready to be printed. */
export interface Comparison {
  readonly arms: readonly string[];
  readonly base: string;
  readonly bootstrap: BootstrapOptions;
  readonly tasks: readonly TaskRow[];
  readonly categories: readonly MeanRow[];
  /** Mean over the 56 tasks; null unless every category is complete. */
  readonly average: MeanRow | null;
  readonly warnings: readonly string[];
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

  const tasks = arms[0]!.scores.flatMap(({ record }) => {
    const scores = arms.map((arm) => arm.scores.find((score) => score.record.task === record.task)!);
    return taskRows(scores, baseIndex, bootstrap);
  });
  const means = arms.map((arm) => categoryMeans(arm.scores.map((score) => score.record)));
  const categories = means[0]!.map(({ category, label, complete }, i) =>
    meanRow(category, label, complete, means.map((mean) => mean[i]!.value), baseIndex)
  );
  const mteb = means.map((mean) => mean.filter((entry) => entry.category !== "general"));
  const whole = mteb[0]!.length === 7 && mteb[0]!.every((entry) => entry.complete);
  return {
    arms: names,
    base: base!,
    bootstrap,
    tasks,
    categories,
    average: whole
      ? meanRow(
        null,
        "average of 56 tasks",
        true,
        mteb.map((list) =>
          weighted56(Object.fromEntries(list.map((entry) => [entry.category, entry.value])))
        ),
        baseIndex,
      )
      : null,
    warnings: arms.flatMap((arm) =>
      arm.scores.flatMap(({ record }) =>
        record.warnings.map((text) => `${arm.name}, ${record.task}: ${text}`)
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

function taskRows(
  scores: readonly LoadedScore[],
  baseIndex: number,
  bootstrap: BootstrapOptions,
): TaskRow[] {
  const { record } = scores[0]!;
  const others = scores.filter((_, i) => i !== baseIndex);
  const differences: (Difference | null)[] = pairedBootstrap(
    scores[baseIndex]!.items,
    others.map((score) => score.items),
    record.aggregate,
    bootstrap,
  );
  differences.splice(baseIndex, 0, null);
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

/** Metrics of a score that a table shows: the main one first, and those that differ from it only in their filter. */
export function shownMetrics({ main, metrics }: ScoreRecord): string[] {
  // "exact_match,strict-match": a metric that is read with several filters is shown with all of them.
  const [metric, filter] = main.split(",");
  const variants = filter === undefined
    ? []
    : Object.keys(metrics).filter((name) => name.startsWith(`${metric},`) && name !== main);
  return [main, ...variants];
}

/** Correct answers and trials behind a metric; null where it is no share of correct answers. */
export function shareOf({ counts }: ScoreRecord, metric: string): Cell["share"] {
  const filter = metric.split(",")[1];
  const correct = counts[filter === undefined ? "correct" : `correct,${filter}`];
  const trials = counts["trials"] ?? counts["items"];
  return correct === undefined || trials === undefined ? null : { correct, trials };
}

function meanRow(
  category: Category | null,
  label: string,
  complete: boolean,
  values: readonly number[],
  baseIndex: number,
): MeanRow {
  const base = values[baseIndex]!;
  return {
    category,
    label,
    complete,
    values,
    differences: values.map((value, i) => i === baseIndex ? null : value - base),
  };
}
