/**
 * Scores of a model against a baseline: task by task, item by item, all tasks asked at once.
 *
 * @module
 */
import { pairedBootstrap, type ResampledDifference, sumDifferences } from "../bootstrap.ts";
import type { LoadedScore } from "../score_record.ts";
import { standardError } from "../statistics.ts";
import { type Baseline, type BaselineTask, maxDropOf } from "./baseline.ts";
import { baselineItems } from "./baseline_task.ts";
import { refusals, remarks } from "./comparable.ts";
import { type Asked, type Decision, holmDecisions, undecided } from "./holm.ts";
import { differingItems, type TaskDifference } from "./item_differences.ts";
import { effectiveItems, expandedTail } from "./small_samples.ts";
import { fails, fewestItems, type Verdict, verdictOf } from "./verdict.ts";

/** Choices of a check; what is undefined is as the baseline says. */
export interface CheckOptions {
  /** Points that every task may lose. */
  readonly maxDropPoints?: number | undefined;
  /** Confidence of all intervals together. */
  readonly confidence?: number | undefined;
  /** Whether any bit that differs fails. */
  readonly exact?: boolean | undefined;
  /** Why nothing of this can be compared: settings under which the texts were embedded. */
  readonly refused?: readonly string[];
  /** SHA-256 of the embeddings behind the scores; undefined where those are not of the baseline's texts alone. */
  readonly embeddings?: string | null | undefined;
  /** Default 0. */
  readonly seed?: number;
}

/** One task, or the mean over all of them. Fractions, but for what is called points. */
export interface CheckedTask {
  readonly task: string;
  readonly metric: string;
  /** Of the mean, the number of tasks. */
  readonly items: number;
  /** Null for the mean over tasks: only its change says something. */
  readonly baseline: number | null;
  /** Null where there is no such score. */
  readonly now: number | null;
  /** Null where it was not compared. */
  readonly change: number | null;
  /** Null where noise was not asked. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Confidence of that interval alone. */
  readonly level: number | null;
  readonly maxDropPoints: number;
  readonly verdict: Verdict;
  /** Whether it fails the check. */
  readonly failed: boolean;
  /** Why it was not compared. */
  readonly reasons: readonly string[];
  readonly remarks: readonly string[];
}

/** What a check found. */
export interface CheckReport {
  readonly passed: boolean;
  readonly exact: boolean;
  readonly confidence: number;
  /** At least; of few items more are drawn. */
  readonly resamples: number;
  /** How many differences were asked about at once: tasks, and their mean. */
  readonly family: number;
  /** Items with fewer of which noise is not asked. */
  readonly fewest: number;
  readonly tasks: readonly CheckedTask[];
  /** The mean over the tasks that were compared; null of fewer than two. */
  readonly mean: CheckedTask | null;
  /** Tasks that were evaluated and that the baseline does not have. */
  readonly unchecked: readonly string[];
  /** With `exact`: what differs; else empty. */
  readonly differences: readonly TaskDifference[];
  /** With `exact`: whether the embeddings have the same bits; null where that was not asked. */
  readonly sameEmbeddings: boolean | null;
}

/** A task on the way to its verdict. */
interface Compared {
  readonly name: string;
  readonly before: BaselineTask;
  readonly now: LoadedScore | undefined;
  readonly reasons: readonly string[];
  readonly equal: boolean;
  /** Null where it was not compared. */
  readonly difference: ResampledDifference | null;
  readonly change: number | null;
  /** Items that differ, taken as two where they are fewer: the others say nothing of a difference. */
  readonly differing: number;
}

/** Compares scores with a baseline. */
export function checkScores(
  baseline: Baseline,
  scores: readonly LoadedScore[],
  options: CheckOptions = {},
): CheckReport {
  const confidence = options.confidence ?? baseline.tolerance.confidence;
  const names = Object.keys(baseline.tasks), family = names.length + (names.length > 1 ? 1 : 0);
  const fewest = fewestItems(family, confidence);
  const tail = (1 - confidence) / (2 * family);
  const resamples = confidence === 0 ? 0 : resamplesOf(tail, Infinity);
  const byName = new Map(scores.map((score) => [score.record.task, score]));
  const compared = names.map((name) => {
    const now = byName.get(name), before = baseline.tasks[name]!;
    // Where noise is not asked of the task, it is of the mean.
    const drawn = (differing: number) =>
      confidence === 0 || Math.min(before.items, differing) < fewest
        ? resamples
        : resamplesOf(tail, before.items, differing);
    return compareTask(name, before, now, options, drawn);
  });
  const mean = meanOf(compared, resamples, fewest);
  const testable = compared.map(({ before, equal, difference }) =>
    confidence === 0 || equal || before.items < fewest ? null : difference
  );
  const asked = testable.map((difference, i): Asked | null => {
    const items = compared[i]!.differing;
    return difference === null || items < fewest ? null : { ...difference, items };
  });
  const decisions = holmDecisions([...asked, mean?.asked ?? null], family, confidence);
  testable.forEach((difference, i) => {
    if (difference !== null && asked[i] === null) decisions[i] = undecided(difference, 1 - 2 * tail);
  });
  const maxDrop = (task: string) => maxDropOf(baseline.tolerance, task, options.maxDropPoints);
  const exact = options.exact ?? false;
  const tasks = compared.map((task, i) => checkedTask(task, decisions[i]!, maxDrop(task.name), exact));
  const meanRow = mean &&
    meanTask(mean, decisions.at(-1)!, options.maxDropPoints ?? baseline.tolerance.maxDropPoints);
  const sameEmbeddings = exact && baseline.embeddings !== null && options.embeddings !== undefined
    ? options.embeddings === baseline.embeddings
    : null;
  return {
    passed: ![...tasks, ...meanRow ? [meanRow] : []].some(({ failed }) => failed) && sameEmbeddings !== false,
    exact,
    confidence,
    resamples,
    family,
    fewest,
    tasks,
    mean: meanRow,
    unchecked: scores.map(({ record }) => record.task).filter((task) => !Object.hasOwn(baseline.tasks, task)),
    differences: exact
      ? compared.flatMap(({ name, before, now, equal, change }) =>
        equal || change === null ? [] : [differingItems(name, before, now!.items)]
      )
      : [],
    sameEmbeddings,
  };
}

/**
 * As many resamples as it takes for five to lie beyond each end of the widest interval; at least 2,000.
 *
 * @param differing items that differ; of few, the interval is wider
 */
function resamplesOf(tail: number, items: number, differing: number = Infinity): number {
  const most = Math.min(100_000, MOST_DRAWS / items);
  return Math.ceil(Math.max(2000, Math.min(most || Infinity, 5 / expandedTail(tail, differing))));
}

/** Draws of a task: where more would be needed, the ends of its interval are the extremes of all resamples. */
const MOST_DRAWS = 5_000_000;

function compareTask(
  name: string,
  before: BaselineTask,
  now: LoadedScore | undefined,
  { refused = [], seed = 0 }: CheckOptions,
  drawn: (differing: number) => number,
): Compared {
  const reasons = [...refused, ...refusals(before, now)];
  const task = { name, before, now, reasons };
  if (reasons.length > 0) return { ...task, equal: false, difference: null, change: null, differing: 0 };
  const { record, items } = now!;
  const equal = record.items.sha256 === before.itemsSha256 && record.value === before.score;
  const change = record.value - before.score;
  const differing = equal ? 2 : Math.max(2, differingItems(name, before, items).items);
  const resamples = equal ? drawn(Infinity) : drawn(differing);
  if (equal) {
    const resampled = new Float64Array(resamples);
    return { ...task, equal, change, differing, difference: { value: 0, resampled } };
  }
  const options = { resamples, confidence: 0, seed };
  const [difference] = pairedBootstrap(baselineItems(before, items), [items], before.aggregate, options);
  return { ...task, equal, change, differing, difference: difference! };
}

function checkedTask(
  { name, before, now, reasons, equal, change }: Compared,
  decision: Decision | null,
  maxDropPoints: number,
  exact: boolean,
): CheckedTask {
  const verdict: Verdict = change === null
    ? "refused"
    : equal
    ? "equal"
    : verdictOf({ change, direction: decision?.direction ?? null, maxDropPoints });
  return {
    task: name,
    metric: before.metric,
    items: before.items,
    baseline: before.score,
    now: now?.record.value ?? null,
    change,
    interval: decision?.interval ?? null,
    level: decision?.level ?? null,
    maxDropPoints,
    verdict,
    failed: fails(verdict) || exact && verdict !== "equal",
    reasons,
    remarks: change === null ? [] : remarks(before, now!),
  };
}

/** The mean over what was compared: many small drops add up in it, and none of the tasks hides behind it. */
function meanOf(compared: readonly Compared[], resamples: number, fewest: number) {
  const parts = compared.filter(({ change }) => change !== null);
  if (parts.length < 2) return null;
  const weight = 1 / parts.length;
  const first = parts.map(({ difference }) => difference!.resampled.subarray(0, resamples));
  const sum = sumDifferences(first.map((resampled) => ({ difference: { value: 0, resampled }, weight })));
  const value = parts.reduce((total, { change }) => total + weight * change!, 0);
  const equal = parts.every((part) => part.equal);
  // What too few items say of a task says too little of the mean.
  const testable = resamples > 0 && parts.every(({ before, equal }) => equal || before.items >= fewest);
  const items = effectiveItems(
    first.map((values, i) => ({ variance: varianceOf(values), items: parts[i]!.differing })),
  );
  return { count: parts.length, value, equal, asked: equal || !testable ? null : { ...sum, value, items } };
}

/** Of the values that are finite; 0 of none. */
function varianceOf(values: Float64Array): number {
  const finite = values.filter(Number.isFinite);
  return finite.length < 2 ? 0 : standardError(finite)! ** 2 * finite.length;
}

function meanTask(
  { count, value, equal }: NonNullable<ReturnType<typeof meanOf>>,
  decision: Decision | null,
  maxDropPoints: number,
): CheckedTask {
  // Where noise is not asked of the mean it has no verdict of its own: each of its tasks has one.
  const verdict: Verdict = equal
    ? "equal"
    : decision === null
    ? "noise"
    : verdictOf({ change: value, direction: decision.direction, maxDropPoints });
  return {
    task: `mean of ${count} tasks`,
    metric: "",
    items: count,
    baseline: null,
    now: null,
    change: value,
    interval: decision?.interval ?? null,
    level: decision?.level ?? null,
    maxDropPoints,
    verdict,
    failed: fails(verdict),
    reasons: [],
    remarks: [],
  };
}
