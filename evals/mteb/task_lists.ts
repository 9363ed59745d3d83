/**
 * Which tasks a published table is about.
 *
 * @module
 */
import { type GroupTask, MTEB_TASKS, type MtebTask, mtebTask, type SingleTask } from "./tasks.ts";

/** The 16 tasks of the paper's Table 3: LLM2Vec's 15 and SummEval. */
export const SUBSET_16: readonly string[] = [
  "SciFact",
  "ArguAna",
  "NFCorpus",
  "StackOverflowDupQuestions",
  "SciDocsRR",
  "BiorxivClusteringS2S",
  "MedrxivClusteringS2S",
  "TwentyNewsgroupsClustering",
  "SprintDuplicateQuestions",
  "Banking77Classification",
  "EmotionClassification",
  "MassiveIntentClassification",
  "STS17",
  "SICK-R",
  "STSBenchmark",
  "SummEval",
];

/** Names that the released list lacks of the 56, and the one that it has instead of the second. */
const LACKING = ["StackExchangeClusteringP2P", "TweetSentimentExtractionClassification"];
const INSTEAD = "TweetSentimentClassification";

const MASSIVE =
  "af am ar az bn cy da de el en es fa fi fr he hi hu hy id is it ja jv ka km kn ko lv ml mn ms my nb nl pl pt ro ru sl sq sv sw " +
  "ta te th tl tr ur vi zh-CN zh-TW";

/** All subsets of the tasks that have several, in mteb's order. */
export const SUBSETS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({
    AmazonCounterfactualClassification: "en-ext en de ja",
    AmazonReviewsClassification: "en de es fr ja zh",
    MTOPDomainClassification: "en de es fr hi th",
    MTOPIntentClassification: "en de es fr hi th",
    MassiveIntentClassification: MASSIVE,
    MassiveScenarioClassification: MASSIVE,
    STS17: "ko-ko ar-ar en-ar en-de en-en en-tr es-en es-es fr-en it-en nl-en",
    STS22: "en de es pl tr ar ru zh fr de-en es-en it pl-en zh-en es-it de-fr de-pl fr-pl",
    TweetSentimentClassification: "arabic english german french italian portuguese spanish hindi",
  }).map(([task, subsets]) => [task, subsets.split(" ")]),
);

/**
 * The 55 tasks that GRACE's released `eval.sh` names, as its call of mteb runs them: without a choice of languages, so that tasks
 * in several are the mean over all of them. MSMARCO is scored on its `dev` split, the only one it has; the script asks for `test`,
 * and stops there.
 */
export const GRACE_RELEASED: readonly MtebTask[] = [...MTEB_TASKS.map((task) => task.name), INSTEAD]
  .filter((name) => !LACKING.includes(name))
  .map(inAllLanguages);

/** The task over all subsets of its data set, as a group; a task without subsets as it is. */
export function inAllLanguages(name: string): MtebTask {
  const task = mtebTask(name), subsets = SUBSETS[name];
  if (subsets === undefined || "parts" in task) return task;
  const { domains } = task;
  // What is known of the size is that of the English subset.
  const { size: _english, ...row } = task;
  return {
    name: `${name}[all languages]`,
    category: task.category,
    ...domains && { domains },
    parts: subsets.map((subset) => ({ ...row, name: `${name}[${subset}]`, subset }) as SingleTask),
  } satisfies GroupTask;
}
