/**
 * Which data sets a suite reads, and which splits of them: what has to be downloaded for it.
 *
 * @module
 */
import { isEmbedded, isUnpublished } from "../lib/data/embedded.ts";
import { repoOf } from "../lib/data/hub_data.ts";
import type { SplitQuery } from "../lib/data/hub_layout.ts";
import { type Repo, repoText } from "../lib/hub/repo.ts";
import { BBH_SUBTASKS } from "./general/bbh/bbh.ts";
import { generalSource } from "./general/general_task.ts";
import { DEFAULT_PROFILE, pinned, type ScoringProfile } from "./mteb/profile.ts";
import { type SingleTask, singleTasks } from "./mteb/tasks.ts";
import type { Suite, SuiteEntry } from "./suite.ts";

/** Splits that are needed together; of several such lists, the first that the data set has. */
export type SplitChoice = readonly (readonly SplitQuery[])[];

/** A data set, and what is needed of it. */
export interface DataNeed {
  readonly repo: Repo;
  /** One for each task that reads it. */
  readonly choices: readonly SplitChoice[];
}

/** What a suite reads, without what comes with the program or is on no hub; each revision of a data set once. */
export function dataNeeds(suite: Suite): DataNeed[] {
  const profile = suite.profile ?? DEFAULT_PROFILE;
  const needs = new Map<string, { repo: Repo; choices: SplitChoice[] }>();
  for (const { id, revision, choice } of suite.entries.flatMap((entry) => readsOf(entry, profile))) {
    if (isEmbedded(id) || isUnpublished(id)) continue;
    const { repo, subset } = repoOf(id, revision), key = repoText(repo);
    const need = needs.get(key) ?? { repo, choices: [] };
    // An id may name a part of a data set behind its name.
    need.choices.push(
      choice.map((queries) => queries.map((query) => subset === undefined ? query : { ...query, subset })),
    );
    needs.set(key, need);
  }
  return [...needs.values()];
}

interface Read {
  readonly id: string;
  readonly revision?: string | undefined;
  readonly choice: SplitChoice;
}

function readsOf(entry: SuiteEntry, profile: ScoringProfile): Read[] {
  switch (entry.benchmark) {
    case "mteb":
    case "embedded":
      return singleTasks(entry.task).map((task) => pinned(task, profile))
        .map((task) => ({ id: task.repo, revision: task.revision, choice: mtebSplits(task, profile) }));
    case "bbh":
      return BBH_SUBTASKS.map((subtask) => ({
        id: `lukaemon/bbh/${subtask}`,
        choice: [[{ split: "test" }]],
      }));
    default: {
      const { repo, split } = generalSource(entry);
      const shots = entry.benchmark === "gsm8k" ? ["train"] : entry.benchmark === "mmlu" ? ["dev"] : [];
      return [{ id: repo, choice: [[...shots, split].map((split) => ({ split }))] }];
    }
  }
}

function mtebSplits({ category, split, subset }: SingleTask, { mteb }: ScoringProfile): SplitChoice {
  const tables = [{ split: "corpus" }, { split: "queries" }, { split, judgements: true }];
  switch (category) {
    case "retrieval":
      return [tables];
    case "reranking":
      return mteb === "2" ? [[...tables, { split: "top_ranked" }], [{ split }]] : [[{ split }]];
    case "classification":
      return [[{ split: "train", subset }, { split, subset }]];
    default:
      return [[{ split, subset }]];
  }
}
