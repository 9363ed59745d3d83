/**
 * Scorers on whole real data sets, against numpy, scipy, scikit-learn and pytrec_eval, or MTEB's own evaluators, on the same
 * vectors.
 */
import { assertClose, sharedData, testWith } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { hashedTrigrams } from "../../fixtures/hashed_trigrams.ts";
import { loadTask } from "./load.ts";
import { scoreTask } from "./score_task.ts";
import { type MtebTask, mtebTask } from "./tasks.ts";
import { Mirror } from "../../lib/data/mirror.ts";

const reference = golden<Record<string, Record<string, number>>>("mteb/real_data.json");

function vectors() {
  const seen = new Map<string, Float32Array>();
  return (text: string) => {
    let vector = seen.get(text);
    if (vector === undefined) seen.set(text, vector = hashedTrigrams(text));
    return vector;
  };
}

const checks: [task: string, metrics: string[], tolerance: number][] = [
  ["STSBenchmark", ["cosine_spearman", "cosine_pearson"], 1e-5],
  ["STS13", ["cosine_spearman", "cosine_pearson"], 1e-5],
  ["Banking77Classification", ["accuracy", "f1"], 1e-4],
  ["SciFact", ["ndcg_at_10", "map_at_100", "recall_at_100"], 1e-4],
];

for (const [name, metrics, tolerance] of checks) {
  testWith(
    sharedData,
    `${name} scores as the reference libraries do on the whole real test set`,
    async (root) => {
      const { data } = await loadTask(new Mirror(root), mtebTask(name));
      const score = scoreTask(data, vectors());
      for (const metric of metrics) {
        assertClose([score.metrics[metric]!], [reference[name]![metric]!], tolerance, `${name} ${metric}`);
      }
    },
  );
}

const evaluators = golden<{ real: Record<string, Record<string, number>> }>("mteb/evaluators.json").real;

for (
  const [repo, category] of [
    ["mini/scifact-reranking", "reranking"],
    ["mini/fever-symmetric-pairs", "pair_classification"],
    ["mini/realsumm-summeval", "summarization"],
  ] as const
) {
  testWith(sharedData, `${repo} scores as MTEB's evaluator does on every metric`, async (root) => {
    const task = { name: repo, category, repo, split: "test" } as MtebTask;
    const { data } = await loadTask(new Mirror(root), task);
    const { metrics } = scoreTask(data, vectors());
    for (const [metric, value] of Object.entries(metrics)) {
      assertClose([value], [evaluators[repo]![metric]!], 1e-5, `${repo} ${metric}`);
    }
  });
}
