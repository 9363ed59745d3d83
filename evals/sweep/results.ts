/**
 * From the scores of a sweep's runs to what each cell gives: mean and deviation over seeds, and the change against one cell.
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
} from "../bootstrap.ts";
import { overallMeans } from "../category_means.ts";
import { comparisonKey, type LoadedScore } from "../score_record.ts";
import { mean, standardError } from "../statistics.ts";

/** A cell's run with one seed. */
export interface SeedRun {
  readonly cell: string;
  readonly seed: number;
  /** Scores of an arm, in the order of the tasks' names. */
  readonly scores: (arm: string) => Promise<readonly LoadedScore[]>;
}

/** A number of an arm, over the seeds of a cell. Fractions, not percent. */
export interface MetricResult {
  /** Label of an average, or name of a task. */
  readonly name: string;
  readonly kind: "average" | "task";
  /** Main metric of a task, "mean" of an average. */
  readonly metric: string;
  /** One per seed. */
  readonly values: readonly number[];
  readonly mean: number;
  /** Standard deviation over the seeds, with one degree of freedom less than there are; null of one seed. */
  readonly deviation: number | null;
  /** Against the base cell, over the seeds that both have; null for the base, and where there is no such seed. */
  readonly change: Difference | null;
}

/** An arm in a cell. */
export interface CellResult {
  readonly arm: string;
  /** Null where the arm is the same in all cells: nothing that was swept is read by it. */
  readonly cell: string | null;
  readonly seeds: readonly number[];
  readonly metrics: readonly MetricResult[];
}

/** How the results are to be computed. */
export interface ResultOptions {
  /** All arms of the runs, in the order of the table. */
  readonly arms: readonly string[];
  /** All cells, in the order of the table. */
  readonly cells: readonly string[];
  /** Cell that the others are compared with. */
  readonly base: string;
  readonly bootstrap: BootstrapOptions;
}

/**
 * Results of all arms and cells that have a run.
 *
 * @throws {UsageError} if two runs cannot be compared: they differ in tasks, scorers or scored rows
 */
export async function sweepResults(runs: readonly SeedRun[], options: ResultOptions): Promise<CellResult[]> {
  const results: CellResult[] = [];
  for (const arm of options.arms) {
    const common = await isCommon(runs, arm);
    const base = await loadAll(runs.filter(({ cell }) => cell === options.base), arm);
    for (const cell of common ? options.cells.slice(0, 1) : options.cells) {
      const own = await loadAll(common ? oneEach(runs) : runs.filter((run) => run.cell === cell), arm);
      if (own.size === 0) continue;
      requireComparable([...base.values(), ...own.values()]);
      const against = common || cell === options.base ? new Map() : base;
      results.push({
        arm,
        cell: common ? null : cell,
        seeds: [...own.keys()],
        metrics: metricsOf(own, against, options.bootstrap),
      });
    }
  }
  return results;
}

/** Scores by seed. */
type BySeed = ReadonlyMap<number, readonly LoadedScore[]>;

async function loadAll(runs: readonly SeedRun[], arm: string): Promise<BySeed> {
  return new Map(
    await Promise.all(runs.map(async ({ seed, scores }) => [seed, await scores(arm)] as const)),
  );
}

/** The first run of each seed. */
function oneEach(runs: readonly SeedRun[]): SeedRun[] {
  return [...Map.groupBy(runs, ({ seed }) => seed).values()].map(([first]) => first!);
}

/** Whether an arm's scores are those of the same model in all cells, seed by seed; never where there is one cell. */
async function isCommon(runs: readonly SeedRun[], arm: string): Promise<boolean> {
  if (new Set(runs.map(({ cell }) => cell)).size < 2) return false;
  const models = new Map<number, string>();
  for (const { seed, scores } of runs) {
    const own = (await scores(arm)).map(({ record }) => record.model).join();
    if ((models.get(seed) ?? own) !== own) return false;
    models.set(seed, own);
  }
  return true;
}

function requireComparable(lists: readonly (readonly LoadedScore[])[]): void {
  const keys = lists.map((scores) => scores.map(({ record }) => comparisonKey(record)));
  const other = keys.find((own) => own.join("\n") !== keys[0]!.join("\n"));
  if (other === undefined) return;
  const differs = other.find((key) => !keys[0]!.includes(key)) ??
    keys[0]!.find((key) => !other.includes(key))!;
  throw new UsageError(
    `the runs of the sweep cannot be compared: not all have the task ${
      differs.split(" ")[0]
    } with the same scorer and rows`,
    "make all cells with one version of the program, on the same suite and data",
  );
}

function metricsOf(own: BySeed, base: BySeed, bootstrap: BootstrapOptions): MetricResult[] {
  const lists = [...own.values()], shared = [...own.keys()].filter((seed) => base.has(seed));
  const records = lists[0]!.map(({ record }) => record);
  const differences = new Map(records.map(({ task }, i) => [
    task,
    shared.length === 0 ? null : meanDifference(
      shared.map((seed) =>
        pairedBootstrap(
          base.get(seed)![i]!.items,
          [own.get(seed)![i]!.items],
          records[i]!.aggregate,
          bootstrap,
        )[0]!
      ),
    ),
  ]));
  const averages = overallMeans(records).map(({ label, weights }, i) => ({
    ...{ name: label, kind: "average", metric: "mean" } as const,
    values: lists.map((scores) => overallMeans(scores.map(({ record }) => record))[i]!.value),
    difference: shared.length === 0 ? null : sumDifferences(
      [...weights].map(([task, weight]) => ({ difference: differences.get(task)!, weight })),
    ),
  }));
  const tasks = records.map(({ task, main }, i) => ({
    ...{ name: task, kind: "task", metric: main } as const,
    values: lists.map((scores) => scores[i]!.record.value),
    difference: differences.get(task)!,
  }));
  return [...averages, ...tasks].map(({ difference, ...metric }) => ({
    ...metric,
    mean: mean(metric.values),
    deviation: deviationOf(metric.values),
    change: difference && withInterval(difference, bootstrap.confidence),
  }));
}

/** The mean over seeds of differences on the same draws of items. */
function meanDifference(differences: readonly ResampledDifference[]): ResampledDifference {
  const n = differences.length, { length } = differences[0]!.resampled;
  return {
    value: mean(differences.map(({ value }) => value)),
    resampled: Float64Array.from(
      { length },
      (_, i) => differences.reduce((sum, { resampled }) => sum + resampled[i]!, 0) / n,
    ),
  };
}

function deviationOf(values: readonly number[]): number | null {
  const error = standardError(values);
  return error === undefined ? null : error * Math.sqrt(values.length);
}
