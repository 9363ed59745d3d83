/**
 * The tasks that come with the program: one for each of MTEB's categories, made from WordNet synsets that the embedded
 * backbone has not been trained on, scored by the scorers of the real tasks. They are no tasks of MTEB.
 *
 * @module
 */
import type { SingleTask } from "./tasks.ts";

/**
 * Which synsets: "tiny" to report on, "tiny-dev" to choose settings by. No synset is in both. Also the folder of the data sets
 * below a data root.
 */
export type EmbeddedPart = "tiny" | "tiny-dev";

/** The seven tasks of a part, in the order of the paper's tables. Their names are the same in both parts. */
export function embeddedTasks(part: EmbeddedPart): SingleTask[] {
  const row = (name: string, folder: string) => ({
    name,
    repo: `${part}/${folder}`,
    revision: "embedded",
    split: "test",
  });
  return [
    { ...row("WordNetRetrieval", "retrieval"), category: "retrieval", dropSelf: false },
    { ...row("WordNetReranking", "reranking"), category: "reranking" },
    { ...row("WordNetClustering", "clustering"), category: "clustering" },
    { ...row("WordNetPairs", "pair-classification"), category: "pair_classification" },
    { ...row("WordNetClassification", "classification"), category: "classification", samplesPerLabel: 8 },
    { ...row("WordNetSTS", "sts"), category: "sts" },
    { ...row("WordNetSummarization", "summarization"), category: "summarization" },
  ];
}
