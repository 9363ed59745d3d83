import { assert, assertClose } from "#test";
import { NumericError, UsageError } from "#errors";
import { evaluatorCases, vectorsOf } from "./_golden_vectors.ts";
import { type RerankingQuery, scoreReranking } from "./reranking.ts";

interface Row {
  query: string | string[];
  positive: string[];
  negative: string[];
}

const query = (id: string, positive: string[], negative: string[], texts = ["1,0"]): RerankingQuery => ({
  id,
  query: texts,
  positive,
  negative,
});

/** A text is its own vector: "3,4". */
const vectors = (text: string) => Float32Array.from(text.split(",").map(Number));

Deno.test("scoreReranking() agrees with MTEB's evaluator, for one text a query and for several", () => {
  for (const example of evaluatorCases<Row>("reranking")) {
    const queries = example.rows.map((row, i) => ({ ...row, id: `${i}`, query: [row.query].flat() }));
    const score = scoreReranking({ queries }, vectorsOf(example));
    assert.deepEqual(Object.keys(score.metrics).sort(), Object.keys(example.metrics).sort());
    for (const [name, expected] of Object.entries(example.metrics)) {
      assertClose([score.metrics[name]!], [expected], 1e-12, name);
    }
  }
});

Deno.test("scoreReranking() leaves out, and tells, queries without relevant or irrelevant candidates", () => {
  const queries = [
    query("a", ["1,1"], ["0,1"]),
    query("b", [], ["0,1"]),
    query("c", ["1,1"], []),
  ];
  const { items, counts, warnings, metrics } = scoreReranking({ queries }, vectors);
  assert.deepEqual(items.map((item) => item.id), ["a"]);
  assert.deepEqual([counts["queries"], counts["dropped_queries"], metrics["map"]], [1, 2, 1]);
  assert.match(warnings[0]!, /^2 of 3 queries /);
  assert.throws(() => scoreReranking({ queries: queries.slice(1) }, vectors), UsageError);
});

Deno.test("scoreReranking() takes the closest of a query's texts for each candidate", () => {
  const both = query("a", ["1,0", "0,1"], ["1,1"], ["1,0", "0,1"]);
  const one = { ...both, query: ["1,0"] };
  assert.equal(scoreReranking({ queries: [both] }, vectors).metrics["map"], 1);
  assertClose([scoreReranking({ queries: [one] }, vectors).metrics["map"]!], [(1 + 2 / 3) / 2], 1e-15);
});

Deno.test("scoreReranking() gives a collapsed model the share of relevant candidates and the worst rank", () => {
  const queries = [query("a", ["2,0"], ["3,0", "4,0", "5,0"])];
  assert.deepEqual(scoreReranking({ queries }, vectors).metrics, { map: 0.25, mrr: 0.25 });
});

Deno.test("scoreReranking() counts no relevant candidate behind rank ten for mrr", () => {
  const negatives = (n: number) => Array.from({ length: n }, (_, i) => `${i + 20},1`);
  const mrr = (n: number) =>
    scoreReranking({ queries: [query("a", ["1,1"], negatives(n))] }, vectors).metrics["mrr"];
  assert.deepEqual([mrr(9), mrr(10)], [0.1, 0]);
});

Deno.test("scoreReranking() refuses a zero embedding", () => {
  assert.throws(() => scoreReranking({ queries: [query("a", ["0,0"], ["0,1"])] }, vectors), NumericError);
});
