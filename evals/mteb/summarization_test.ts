import { assert, assertClose } from "#test";
import { NumericError, UsageError } from "#errors";
import { evaluatorCases, vectorsOf } from "./_golden_vectors.ts";
import { scoreSummarization, type SummarizedDocument } from "./summarization.ts";

interface Row {
  human: string[];
  machine: string[];
  relevance: number[];
}

const document = (id: string, machineSummaries: string[], relevance: number[]): SummarizedDocument => ({
  id,
  humanSummaries: ["1,0", "0,1"],
  machineSummaries,
  relevance,
});

const vectors = (text: string) => Float32Array.from(text.split(",").map(Number));

Deno.test("scoreSummarization() agrees with MTEB's evaluators, the old one included, and skips what they skip", () => {
  for (const example of evaluatorCases<Row>("summarization")) {
    const documents = example.rows.map((row, i) => ({
      id: `${i}`,
      humanSummaries: row.human,
      machineSummaries: row.machine,
      relevance: row.relevance,
    }));
    const score = scoreSummarization(documents, vectorsOf(example));
    assert.deepEqual(Object.keys(score.metrics).sort(), Object.keys(example.metrics).sort());
    for (const [name, expected] of Object.entries(example.metrics)) {
      assertClose([score.metrics[name]!], [expected], name.includes("pearson") ? 1e-6 : 1e-12, name);
    }
    assert.deepEqual(score.items.filter((item) => item.value === undefined).map((item) => item["skipped"]), [
      "equal ratings",
      "equal predictions",
    ]);
    assert.equal(score.warnings.length, 2);
  }
});

Deno.test("scoreSummarization() has the mean with p-values as the main metric of the older task, and says what the correlation is", () => {
  const [example] = evaluatorCases<Row>("summarization");
  const documents = example!.rows.map((row, i) => ({
    id: `${i}`,
    humanSummaries: row.human,
    machineSummaries: row.machine,
    relevance: row.relevance,
  }));
  const vectors = vectorsOf(example!);
  const score = scoreSummarization(documents, vectors, { legacy: true });
  assert.equal(score.main, "spearman_and_p_mean");
  assertClose([score.metrics[score.main]!], [example!.metrics["spearman_and_p_mean"]!], 1e-12);
  const values = score.items.flatMap((item) => item.value ?? []);
  assertClose(
    [values.reduce((sum, value) => sum + value) / values.length],
    [score.metrics[score.main]!],
    1e-12,
  );
  assert.match(score.warnings[0]!, /p-values.*; the correlation is 83\.83$/);
  assert.deepEqual(score.metrics, scoreSummarization(documents, vectors).metrics);
  const two = document("a", ["2,.1", "1,1"], [2, 1]);
  assert.throws(
    () =>
      scoreSummarization([two], (text) => Float32Array.from(text.split(",").map(Number)), { legacy: true }),
    UsageError,
  );
});

Deno.test("scoreSummarization() gives two summaries a correlation, but no p-value", () => {
  const score = scoreSummarization([document("a", ["2,.1", "1,1"], [2, 1])], vectors);
  assertClose([score.metrics["cosine_spearman"]!], [1], 1e-15);
  assert.ok(!("spearman_and_p_mean" in score.metrics) && !("pValue" in score.items[0]!));
});

Deno.test("scoreSummarization() refuses equal ratings everywhere as input, equal predictions as a collapse", () => {
  const rated = document("a", ["1,.1", "1,1"], [2, 2]);
  assert.throws(() => scoreSummarization([rated], vectors), UsageError);
  const collapsed = document("b", ["1,1", "1,1"], [1, 2]);
  assert.throws(() => scoreSummarization([rated, collapsed], vectors), NumericError);
  assert.throws(() => scoreSummarization([document("c", ["0,0", "1,1"], [1, 2])], vectors), NumericError);
});
