/**
 * Means over the tasks of a category and averages over categories, each with a label that says what it covers.
 *
 * The tasks that are embedded in the program are not MTEB's, though its categories and metrics are theirs: the two are never
 * averaged together, and a mean of embedded tasks says that it is one.
 *
 * @module
 */
import { type Category, MTEB_CATEGORIES } from "./category.ts";
import { MTEB_TASKS } from "./mteb/tasks.ts";
import type { ScoreRecord } from "./score_record.ts";

/** Benchmarks of the paper's Table 5. */
const GENERAL_BENCHMARKS = 6;

/** Embedded tasks of general ability; of each of MTEB's categories there is one. */
const EMBEDDED_GENERAL_TASKS = 2;

/** Names of the 56: no other task takes the place of one of them. */
const NAMES: ReadonlySet<string> = new Set(MTEB_TASKS.map((task) => task.name));

/** In the names of general tasks whose data are only a part of the official ones: "mmlu-half", "humaneval-2-of-164". */
const PART = /-half\b|-half_|-\d+-of-\d+/;

const MTEB = Object.keys(MTEB_CATEGORIES) as Category[];

/** A weighted mean of the main metrics of tasks. */
export interface TaskMean {
  /** Null for an average over categories. */
  readonly category: Category | null;
  /** Whether the tasks are those that come with the program. */
  readonly embedded: boolean;
  /** Weight of each task by its name; the weights add up to 1. */
  readonly weights: ReadonlyMap<string, number>;
  /** Whether all tasks that belong to it are there, whole. */
  readonly complete: boolean;
  /** What it is, with "(partial: ...)" behind it unless it is complete. */
  readonly label: string;
  /** A fraction. */
  readonly value: number;
  /** From the standard errors of the tasks, whose items are independent; null if a task has none. */
  readonly stderr: number | null;
}

/** Plain means of the categories that occur, in the order of the paper's tables, embedded tasks after the others. */
export function categoryMeans(scores: readonly ScoreRecord[]): TaskMean[] {
  return [false, true].flatMap((embedded) =>
    [...MTEB, "general" as const].flatMap((category) => {
      const members = scores.filter((score) =>
        score.category === category && (score.embedded ?? false) === embedded
      );
      return members.length === 0 ? [] : [categoryMean(category, embedded, members)];
    })
  );
}

/**
 * Averages over categories. Of MTEB: the mean over its 56 tasks and that over its seven types, as its leaderboard has them ("Mean
 * (Task)", "Mean (TaskType)"), and nothing unless all are there. Of the embedded tasks: the mean of the seven categories and that
 * of general ability, labelled as partial where some are missing.
 */
export function overallMeans(scores: readonly ScoreRecord[]): TaskMean[] {
  const means = categoryMeans(scores);
  const members = (embedded: boolean, general: boolean) => {
    const found = means.filter((mean) =>
      mean.embedded === embedded && (mean.category === "general") === general
    );
    return {
      found,
      whole: found.length === (general ? 1 : MTEB.length) && found.every((mean) => mean.complete),
    };
  };
  const average = (
    label: string,
    complete: boolean,
    list: readonly TaskMean[],
    weightOf: (m: TaskMean) => number,
  ) => {
    const weights = new Map(
      list.flatMap((mean) =>
        [...mean.weights].map(([task, weight]) => [task, weight * weightOf(mean)] as const)
      ),
    );
    return taskMean({ category: null, embedded: list[0]!.embedded, label, complete, weights }, scores);
  };
  const mteb = members(false, false), embedding = members(true, false), general = members(true, true);
  const partial = (list: readonly TaskMean[]) => {
    const cut = list.some((mean) => !mean.complete) ? ", not all of them whole" : "";
    return ` (partial: ${list.length} of ${MTEB.length} categories${cut})`;
  };
  return [
    ...(mteb.whole
      ? [
        average("average of 56 tasks", true, mteb.found, ({ weights }) => weights.size / 56),
        average("average of 7 types", true, mteb.found, () => 1 / MTEB.length),
      ]
      : []),
    ...(embedding.found.length === 0 ? [] : [average(
      `embedding average${embedding.whole ? "" : partial(embedding.found)}`,
      embedding.whole,
      embedding.found,
      () => 1 / embedding.found.length,
    )]),
    ...general.found.map((mean) =>
      average(mean.label.replace(/^general/, "general average"), general.whole, [mean], () => 1)
    ),
  ];
}

function categoryMean(category: Category, embedded: boolean, members: readonly ScoreRecord[]): TaskMean {
  const all = embedded ? EMBEDDED_GENERAL_TASKS : GENERAL_BENCHMARKS;
  const expected = category === "general" ? all : embedded ? 1 : MTEB_CATEGORIES[category];
  const sliced = members.filter((score) => score.task !== score.baseTask || PART.test(score.task)).length;
  const foreign = embedded || category === "general"
    ? 0
    : members.filter((score) => !NAMES.has(score.baseTask)).length;
  const again = embedded || category !== "general" ? 0 : members.length - benchmarksOf(members);
  const complete = members.length === expected && sliced === 0 && foreign === 0 && again === 0;
  const kind = (count: number) => `${embedded ? "embedded " : ""}task${embedded && count === 1 ? "" : "s"}`;
  const sliceNote = sliced === 0 ? "" : sliced === members.length ? ", sliced" : `, ${sliced} of them sliced`;
  const foreignNote = foreign === 0 ? "" : `, ${foreign} of another list`;
  const againNote = again === 0 ? "" : `, ${again} in another variant, too`;
  const label = !complete
    ? `${category} (partial: ${members.length - foreign - again} of ${expected} ${
      kind(expected)
    }${foreignNote}${againNote}${sliceNote})`
    : embedded
    ? `${category} (${expected} ${kind(expected)})`
    : category;
  const weights = new Map(members.map((score) => [score.task, 1 / members.length]));
  return taskMean({ category, embedded, label, complete, weights }, members);
}

/** How many different benchmarks of general ability there are: two variants of one are one. */
function benchmarksOf(members: readonly ScoreRecord[]): number {
  return new Set(members.map(({ scorer }) => scorer.split("/")[0])).size;
}

function taskMean(mean: Omit<TaskMean, "value" | "stderr">, scores: readonly ScoreRecord[]): TaskMean {
  let value = 0, variance = 0;
  for (const { task, value: score, stderr } of scores) {
    const weight = mean.weights.get(task) ?? 0;
    value += weight * score;
    if (weight !== 0) variance += stderr === null ? NaN : (weight * stderr) ** 2;
  }
  return { ...mean, value, stderr: Number.isNaN(variance) ? null : Math.sqrt(variance) };
}
