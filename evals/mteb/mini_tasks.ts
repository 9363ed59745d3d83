/**
 * Small tasks of five of MTEB's categories, in the forms of its data sets, made from public sources: for the categories of which
 * no data set of MTEB may lie in a small folder. They are no tasks of MTEB, and no hub has them: a data root does, or not.
 *
 *     name                      made from
 *     SciFactReranking          SciFact: the relevant abstracts of a claim, and fifty others that BM25 finds for it
 *     StackOverflowClustering   titles of the STC2 corpus with their tags, ten sets of 2,000
 *     FeverSymmetricPairs       FEVER-Symmetric 0.2, test: evidence and claim; supported or refuted
 *     CLINC150Classification    clinc/oos-eval: questions in scope, scored on its validation split
 *     REALSummEval              REALSumm: 100 articles with fourteen summaries each, and people's judgements of them
 *
 * @module
 */
import { UsageError } from "#errors";
import type { SingleTask } from "./tasks.ts";

/** The tasks, in the order of the paper's tables. */
export const MINI_TASKS: readonly SingleTask[] = [
  {
    name: "SciFactReranking",
    category: "reranking",
    repo: "mini/scifact-reranking",
    split: "test",
    size: { rows: 300 },
  },
  {
    name: "StackOverflowClustering",
    category: "clustering",
    repo: "mini/stackoverflow-clustering",
    split: "test",
    size: { sets: 10, sentences: 20_000 },
  },
  {
    name: "FeverSymmetricPairs",
    category: "pair_classification",
    repo: "mini/fever-symmetric-pairs",
    split: "test",
    size: { pairs: 712 },
  },
  {
    name: "CLINC150Classification",
    category: "classification",
    samplesPerLabel: 8,
    repo: "mini/clinc150-classification",
    split: "validation",
    size: { train: 15_000, test: 3_000 },
  },
  {
    name: "REALSummEval",
    category: "summarization",
    repo: "mini/realsumm-summeval",
    split: "test",
    size: { documents: 100 },
  },
];

/**
 * The task of that name.
 *
 * @throws UsageError if there is none
 */
export function miniTask(name: string): SingleTask {
  const task = MINI_TASKS.find((row) => row.name === name);
  if (task !== undefined) return task;
  throw new UsageError(`unknown task "${name}"`, `there are ${MINI_TASKS.map((row) => row.name).join(", ")}`);
}
