/**
 * Whose numbers are reproduced: the release of mteb and that of scikit-learn. Only what makes a difference is a choice:
 *
 *     mteb                     1.38.33                            2 (2.20.0)
 *     data sets                as in the table of tasks           ten of them moved on (SINCE_MTEB_2)
 *     a document's text        title, blank, text                 the same without blanks at its ends
 *     reranking                map of average precision           map_at_1000 of trec_eval
 *
 *     scikit-learn             <= 1.2    1.3      1.4 to 1.7      1.8       1.9
 *     k-means' draws           "1.2"     "1.3"    "1.3"           "1.8"     "1.9"
 *     logistic probe           "1.3"     "1.3"    "1.4"           "1.4"     "1.9"
 *
 * STS, pair classification and summarization are computed alike in all of them. In mteb 1.38.33 the first experiment of a
 * classification inherits the random state that the task before it left; here it is seeded as every other, in both profiles.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { ProbeProfile } from "./logistic_regression.ts";
import type { SklearnRelease } from "./sklearn_draws.ts";
import { SINCE_MTEB_2 } from "./task_table.ts";
import type { MtebTask, SingleTask } from "./tasks.ts";

/** Releases of scikit-learn that give different numbers; each stands for those up to the next. */
const SKLEARN = {
  "1.2": { draws: "1.2", probe: "1.3" },
  "1.3": { draws: "1.3", probe: "1.3" },
  "1.4": { draws: "1.3", probe: "1.4" },
  "1.8": { draws: "1.8", probe: "1.4" },
  "1.9": { draws: "1.9", probe: "1.9" },
} as const satisfies Record<string, { draws: SklearnRelease; probe: ProbeProfile }>;

/** What a score reproduces. */
export interface ScoringProfile {
  /** Such as "mteb-1.38.33+sklearn-1.4". */
  readonly id: string;
  readonly mteb: "1.38.33" | "2";
  /** Draws of k-means, and objective and stopping rule of the logistic probe. */
  readonly sklearn: { readonly draws: SklearnRelease; readonly probe: ProbeProfile };
}

/** Ids of all profiles. */
export const PROFILES: readonly string[] = ["1.38.33", "2"].flatMap((mteb) =>
  Object.keys(SKLEARN).map((sklearn) => `mteb-${mteb}+sklearn-${sklearn}`)
);

/**
 * The profile of that id. Where it names only one of the two releases, the other is that of {@linkcode DEFAULT_PROFILE}.
 *
 * @throws UsageError if there is none
 */
export function scoringProfile(id: string): ScoringProfile {
  let mteb = "1.38.33", sklearn = "1.4";
  for (const part of id.split("+")) {
    if (part.startsWith("mteb-")) mteb = part.slice("mteb-".length);
    else if (part.startsWith("sklearn-")) sklearn = part.slice("sklearn-".length);
    else mteb = "";
  }
  const whole = `mteb-${mteb}+sklearn-${sklearn}`;
  if (!PROFILES.includes(whole)) {
    throw new UsageError(`unknown profile "${id}"`, `profiles: ${PROFILES.join(", ")}; or one half of these`);
  }
  return {
    id: whole,
    mteb: mteb as ScoringProfile["mteb"],
    sklearn: SKLEARN[sklearn as keyof typeof SKLEARN],
  };
}

/** What GRACE pins: mteb 1.38.33, with a scikit-learn of its time (1.4 to 1.7). */
export const DEFAULT_PROFILE: ScoringProfile = scoringProfile("mteb-1.38.33+sklearn-1.4");

const MOVED = new Map(
  SINCE_MTEB_2.trim().split("\n").map((line) => {
    const [name, repo, revision] = line.split(/\s+/);
    return [name!, { repo: repo!, revision: revision! }];
  }),
);

/** The task with the data set that the profile's mteb reads; of one that moved on, how much it holds is not known. */
export function pinned<T extends SingleTask>(task: T, profile: ScoringProfile): T {
  const moved = MOVED.get(task.name.replace(/\[.*/, ""));
  if (profile.mteb === "1.38.33" || moved === undefined) return task;
  const { size: _former, ...row } = task;
  return { ...row, ...moved } as T;
}

/** Main metric of a task. */
export function mainMetric(task: MtebTask, { mteb }: ScoringProfile): string {
  switch (task.category) {
    case "retrieval":
      return "ndcg_at_10";
    case "reranking":
      return mteb === "1.38.33"
        ? "map"
        : "subqueries" in task && task.subqueries
        ? "max_over_subqueries_map_at_1000"
        : "map_at_1000";
    case "clustering":
      return "v_measure";
    case "pair_classification":
      return "max_ap";
    case "classification":
      return "accuracy";
    case "sts":
      return "cosine_spearman";
    case "summarization":
      return "legacy" in task && task.legacy ? "spearman_and_p_mean" : "cosine_spearman";
  }
}
