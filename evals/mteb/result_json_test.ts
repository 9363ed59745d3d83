import { assert } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { type EvaluatorCase, evaluatorCases, vectorsOf } from "./_golden_vectors.ts";
import type { Category } from "../category.ts";
import type { Score } from "../score.ts";
import type { ScoreRecord } from "../score_record.ts";
import { scoreClassification } from "./classification.ts";
import { scorePairClassification } from "./pair_classification.ts";
import { mtebResults } from "./result_json.ts";
import { scoreSts } from "./sts.ts";
import { scoreSummarization } from "./summarization.ts";

const reported = golden<Record<string, EvaluatorCase<never>[]>>("mteb/reported.json");

function resultsOf(category: Category, score: Score, changes: Partial<ScoreRecord> = {}) {
  const record = {
    ...score,
    task: "T",
    baseTask: "T",
    category,
    value: score.metrics[score.main]!,
    options: { split: "test", referenceRevision: "c0ffee", profile: "mteb-1.38.33+sklearn-1.4" },
    ...changes,
  } as unknown as ScoreRecord;
  return mtebResults(record, score.items);
}

/** The only subset of the only result. */
function scoresOf(category: Category, score: Score): Record<string, unknown> {
  const [result, ...more] = resultsOf(category, score);
  assert.deepEqual([more.length, Object.keys(result!.scores), result!.dataset_revision], [
    0,
    ["test"],
    "c0ffee",
  ]);
  return result!.scores["test"]![0]!;
}

const FRAME = ["hf_subset", "languages", "main_score"];
const names = (metrics: object, ...more: string[]) => [...Object.keys(metrics), ...FRAME, ...more].sort();

Deno.test("mtebResults() has mteb's own metrics under its own names, and no others", () => {
  const sts = reported["sts"]![0]! as unknown as EvaluatorCase<[string, string, number]>;
  const pairs = sts.rows.map(([sentence1, sentence2, gold], i) => ({
    id: `${i}`,
    sentence1,
    sentence2,
    gold,
  }));
  const stsScores = scoresOf("sts", scoreSts(pairs, vectorsOf(sts)));
  assert.deepEqual(Object.keys(stsScores).sort(), names(sts.metrics));
  assert.equal(stsScores["spearman"], Number(sts.metrics["spearman"]!.toFixed(6)));

  const [pair] = evaluatorCases<[string, string, 0 | 1]>("pair_classification");
  const labelled = pair!.rows.map(([sentence1, sentence2, label], i) => ({
    id: `${i}`,
    sentence1,
    sentence2,
    label,
  }));
  const pairScores = scoresOf("pair_classification", scorePairClassification(labelled, vectorsOf(pair!)));
  assert.deepEqual(Object.keys(pairScores).sort(), names(pair!.metrics));
  assert.equal(pairScores["similarity_ap"], pairScores["cosine_ap"]);

  for (
    const example of reported["classification"]! as unknown as EvaluatorCase<{ text: string[]; label: [] }>[]
  ) {
    const [train, test] = example.rows.map(({ text, label }) =>
      text.map((text, i) => ({ id: `${i}`, text, label: label[i]! }))
    );
    const options = { samplesPerLabel: 6, experiments: 10, seed: 42, probe: "1.4" as const };
    const score = scoreClassification({ train: train!, test: test! }, vectorsOf(example), options);
    const scores = scoresOf("classification", score);
    assert.deepEqual(Object.keys(scores).sort(), names(example.metrics, "scores_per_experiment"));
    const experiments = scores["scores_per_experiment"] as Record<string, number>[];
    assert.equal(experiments.length, 10);
    assert.deepEqual(Object.keys(experiments[9]!).sort(), Object.keys(example.metrics).sort());
  }
});

Deno.test("mtebResults() of the older SummEval has the means with p-values where mteb has them", () => {
  const [example] = evaluatorCases<{ human: string[]; machine: string[]; relevance: number[] }>(
    "summarization",
  );
  const documents = example!.rows.map((row, i) => ({
    id: `${i}`,
    humanSummaries: row.human,
    machineSummaries: row.machine,
    relevance: row.relevance,
  }));
  const six = (name: string) => Number(example!.metrics[name]!.toFixed(6));
  const of = (legacy: boolean) =>
    scoresOf("summarization", scoreSummarization(documents, vectorsOf(example!), { legacy }));
  assert.deepEqual(
    [of(true)["main_score"], of(true)["cosine_spearman"], of(true)["dot_pearson"]],
    [six("spearman_and_p_mean"), six("spearman_and_p_mean"), six("dot_pearson_and_p_mean")],
  );
  assert.deepEqual(
    [of(false)["main_score"], of(false)["spearman"], of(false)["dot_pearson"]],
    [six("cosine_spearman"), six("cosine_spearman"), six("dot_pearson")],
  );
  assert.deepEqual(Object.keys(of(true)).sort(), Object.keys(of(false)).sort());
});

Deno.test("mtebResults() gives no result of a slice, of a built-in task or of a general benchmark", () => {
  const score: Score = {
    main: "map",
    aggregate: "mean",
    metrics: { map: 1 },
    items: [],
    counts: {},
    warnings: [],
  };
  assert.equal(resultsOf("reranking", score).length, 1);
  assert.deepEqual(resultsOf("general", score), []);
  assert.deepEqual(resultsOf("reranking", score, { embedded: true }), []);
  assert.deepEqual(
    resultsOf("reranking", score, { options: { split: "test", slice: { kind: "reranking" } } }),
    [],
  );
  const [unpinned] = resultsOf("reranking", score, { options: { split: "test" } });
  assert.equal(unpinned!.dataset_revision, "no_revision_available");
});
