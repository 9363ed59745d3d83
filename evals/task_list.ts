/**
 * What a suite consists of, and which of its data are there: known before anything is read.
 *
 * @module
 */
import { isEmbedded } from "../lib/data/embedded.ts";
import type { Mirror } from "../lib/data/mirror.ts";
import { entryCategory, entryName } from "./find_suite.ts";
import { TYPE_NAMES } from "./category.ts";
import { generalSource } from "./general/general_task.ts";
import { DEFAULT_PROFILE, mainMetric, pinned, type ScoringProfile } from "./mteb/profile.ts";
import { type SingleTask, singleTasks } from "./mteb/tasks.ts";
import type { Suite, SuiteEntry } from "./suite.ts";

/** A data set of a task. */
export interface ListedData {
  readonly repo: string;
  /** Null where no revision is pinned. */
  readonly revision: string | null;
  readonly split: string;
  readonly subset: string | null;
  /** How much it holds, where that is known; of a slice, of the whole. */
  readonly size: Readonly<Record<string, number>>;
  /** Whether all of its files are below the data root or in the hub's cache, or come with the program. */
  readonly here: boolean;
}

/** One task of a suite. */
export interface ListedTask {
  readonly task: string;
  /** MTEB's name of the category, or "General". */
  readonly type: string;
  readonly metric: string;
  /** Whether the suite has only a part of the task. */
  readonly sliced: boolean;
  /** One, or one for each part of a mean over data sets. */
  readonly data: readonly ListedData[];
}

/** The count that stands for the size of a task: what its score is over. */
const MAIN_COUNT = ["questions", "queries", "rows", "sets", "pairs", "test", "documents"];

/** The tasks of a suite in its order. */
export function listTasks(suite: Suite, mirror: Mirror): Promise<ListedTask[]> {
  const profile = suite.profile ?? DEFAULT_PROFILE;
  return Promise.all(suite.entries.map(async (entry): Promise<ListedTask> => ({
    task: entryName(entry),
    type: TYPE_NAMES[entryCategory(entry)],
    metric: metricOf(entry, profile),
    sliced: entry.slice !== undefined,
    data: await Promise.all(dataOf(entry, mirror, profile)),
  })));
}

/** How many items the score of a task is over, all data sets together; undefined where that is not known. */
export function listedCount({ data }: ListedTask): number | undefined {
  const counts = data.map(({ size }) =>
    MAIN_COUNT.map((name) => size[name]).find((count) => count !== undefined)
  );
  return counts.includes(undefined) ? undefined : counts.reduce((sum, count) => sum! + count!, 0);
}

function metricOf(entry: SuiteEntry, profile: ScoringProfile): string {
  return entry.benchmark === "mteb" || entry.benchmark === "embedded"
    ? mainMetric(entry.task, profile)
    : generalSource(entry).metric;
}

function dataOf(entry: SuiteEntry, mirror: Mirror, profile: ScoringProfile): Promise<ListedData>[] {
  if (entry.benchmark === "mteb" || entry.benchmark === "embedded") {
    return singleTasks(entry.task).map(async (single) => {
      const task = pinned(single, profile);
      const { repo, revision = null, split, subset = null, size = {} } = task;
      return { repo, revision, split, subset, size, here: await isHere(task, mirror, profile) };
    });
  }
  const { repo, split, questions, also } = generalSource(entry);
  const listed = async (): Promise<ListedData> => {
    const needed = [{ repo, split }, ...also];
    const there = await Promise.all(needed.map((one) => mirror.hasSplit(one.repo, one.split)));
    return {
      // Parts of one data set, as BBH has, are one.
      repo: repo.split("/").slice(0, also.some((one) => one.repo !== repo) ? 2 : undefined).join("/"),
      revision: isEmbedded(repo) ? "embedded" : null,
      split,
      subset: null,
      size: questions === undefined ? {} : { questions },
      here: there.every(Boolean),
    };
  };
  return [listed()];
}

async function isHere(task: SingleTask, mirror: Mirror, { mteb }: ScoringProfile): Promise<boolean> {
  const { repo, split, subset } = task;
  mirror = mirror.at(task.revision);
  const all = async (...splits: string[]) =>
    (await Promise.all(splits.map((name) => mirror.hasSplit(repo, name, subset)))).every(Boolean);
  switch (task.category) {
    case "retrieval":
      return await all("corpus", "queries") && await mirror.hasJudgements(repo, split);
    case "reranking":
      return await all(split) ||
        mteb === "2" && await all("corpus", "queries", "top_ranked") &&
          await mirror.hasJudgements(repo, split);
    case "classification":
      return await all("train", split);
    default:
      return await all(split);
  }
}
