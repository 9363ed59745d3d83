/** Every metric that mteb itself reports, of whole tasks on made-up vectors. */
import { assert, assertClose } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { type EvaluatorCase, evaluatorCases, vectorsOf } from "./_golden_vectors.ts";
import { documentText } from "./load_retrieval.ts";
import { scoreClassification } from "./classification.ts";
import { scoreReranking } from "./reranking.ts";
import { Corpus } from "./corpus.ts";
import { scoreRetrieval } from "./retrieval.ts";
import { scoreSts } from "./sts.ts";

type Split = { readonly text: string[]; readonly label: (string | number)[] };
type Qrels = Readonly<Record<string, Record<string, number>>>;

interface Reported {
  readonly classification: (EvaluatorCase<Split> & {
    readonly samplesPerLabel: number;
    readonly experiments: Readonly<Record<string, number>>[];
  })[];
  readonly sts: EvaluatorCase<[string, string, number]>[];
  readonly retrieval: (EvaluatorCase<string[] | Qrels> & { readonly dropSelf: boolean })[];
}

const reported = golden<Reported>("mteb/reported.json");

function agree(
  actual: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
  within: number,
) {
  for (const [name, value] of Object.entries(expected)) {
    assert.ok(name in actual, `${name} is not reported`);
    assertClose([actual[name]!], [value], within, name);
  }
}

Deno.test("scoreClassification() reports what mteb's task reports, experiment by experiment, of two labels and of five", () => {
  for (const example of reported.classification) {
    const [train, test] = example.rows.map((split) =>
      split.text.map((text, i) => ({ id: `${i}`, text, label: split.label[i]! }))
    );
    const { samplesPerLabel } = example;
    const options = { samplesPerLabel, experiments: 10, seed: 42, probe: "1.4" as const };
    const { metrics } = scoreClassification({ train: train!, test: test! }, vectorsOf(example), options);
    agree(metrics, example.metrics, 1e-9);
    assert.equal("ap_weighted" in metrics, "ap_weighted" in example.metrics);
    example.experiments.forEach((experiment, e) =>
      agree(
        metrics,
        Object.fromEntries(
          Object.entries(experiment).map(([name, value]) => [`${name}_experiment_${e + 1}`, value]),
        ),
        1e-9,
      )
    );
  }
});

Deno.test("scoreSts() reports what mteb's evaluator reports, for judgements on any scale", () => {
  for (const example of reported.sts) {
    const pairs = example.rows.map(([sentence1, sentence2, gold], i) => ({
      id: `${i}`,
      sentence1,
      sentence2,
      gold,
    }));
    // The model's own similarity is the cosine, which has its names already.
    const { pearson: _pearson, spearman: _spearman, ...metrics } = example.metrics;
    agree(scoreSts(pairs, vectorsOf(example)).metrics, metrics, 1e-6);
  }
});

Deno.test("scoreRetrieval() reports what mteb's evaluator reports, with a query's own document and without", () => {
  for (const example of reported.retrieval) {
    const [queries, documents, qrels] = example.rows as [string[], string[], Qrels];
    const texts = (ids: string[]) => ids.map((id) => ({ id, text: id }));
    const judgements = new Map(
      Object.entries(qrels).map(([query, judged]) => [query, new Map(Object.entries(judged))]),
    );
    const data = { queries: texts(queries), documents: Corpus.of(texts(documents)), judgements };
    const { metrics } = scoreRetrieval(data, vectorsOf(example), { dropSelf: example.dropSelf });
    assert.deepEqual(Object.keys(metrics).sort(), Object.keys(example.metrics).sort());
    agree(metrics, example.metrics, 1e-5 + 1e-12);
  }
  const [kept, dropped] = reported.retrieval;
  assert.notEqual(kept!.metrics["ndcg_at_1"], dropped!.metrics["ndcg_at_1"]);
});

Deno.test("scoreReranking() reports what mteb 2 reports of the same rows, the worst order of ties included", () => {
  interface Row {
    readonly query: string | string[];
    readonly positive: string[];
    readonly negative: string[];
  }
  const { cases } = golden<{ cases: Record<string, number>[] }>("mteb/reranking_mteb_2.json");
  evaluatorCases<Row>("reranking").forEach((example, i) => {
    const subqueries = Array.isArray(example.rows[0]!.query);
    const queries = example.rows.map((row, i) => ({ ...row, id: `${i}`, query: [row.query].flat() }));
    const options = { metric: "map_at_1000", subqueries } as const;
    const score = scoreReranking({ queries }, vectorsOf(example), options);
    assert.equal(score.main, subqueries ? "max_over_subqueries_map_at_1000" : "map_at_1000");
    assert.deepEqual(Object.keys(score.metrics).sort(), Object.keys(cases[i]!).sort());
    agree(score.metrics, cases[i]!, 1e-5 + 1e-12);
  });
});

Deno.test("scoreReranking() of mteb 2 counts relevant documents that are no candidates as missed, and ranks ties by id", () => {
  const vectors = (text: string) => Float32Array.from(text.split(",").map(Number));
  const row = { id: "q", query: ["1,0"], positive: ["1,0"], negative: ["1,0", "0,1"] };
  const map = (more: object) =>
    scoreReranking({ queries: [{ ...row, ...more }] }, vectors, { metric: "map_at_1000", subqueries: false })
      .metrics["map_at_1000"];
  assert.equal(map({}), 0.5, "irrelevant first");
  assert.equal(map({ candidateIds: ["z", "a", "b"] }), 1, "z is before a");
  assert.equal(map({ candidateIds: ["z", "a", "b"], unrankedRelevant: 1 }), 0.5);
});

Deno.test("documentText() trims as mteb 2 does, and joins untrimmed as mteb 1.38.33 does", () => {
  const { documents } = golden<{ documents: { title: string; text: string; read: string }[] }>(
    "mteb/reranking_mteb_2.json",
  );
  assert.ok(documents.length > 5);
  for (const { title, text, read } of documents) {
    assert.equal(documentText(title, text, { mteb: "2" }), read);
    assert.equal(documentText(title, text, { mteb: "1.38.33" }), `${title} ${text}`);
  }
});
