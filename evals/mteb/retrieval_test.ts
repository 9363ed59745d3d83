import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import type { KeyedVectors } from "../score.ts";
import { Corpus } from "./corpus.ts";
import { rank, rankingMetrics, scoreRetrieval } from "./retrieval.ts";

interface Ranking {
  ids: string[];
  scores: number[];
  judged: Record<string, number>;
  metrics: Record<string, number>;
}

Deno.test("rank() and rankingMetrics() agree with pytrec_eval on tied scores and graded judgements", () => {
  for (
    const { ids, scores, judged, metrics } of golden<{ rankings: Ranking[] }>("mteb/metrics.json").rankings
  ) {
    const order = rank(ids.map((id, i) => ({ id, score: scores[i]! }))).slice(0, 1000).map((hit) => hit.id);
    const actual = rankingMetrics(order, new Map(Object.entries(judged)));
    for (const [name, expected] of Object.entries(metrics)) {
      assertClose([actual[name]!], [expected], 1e-6, `${name} of ${ids.length} documents`);
    }
  }
});

Deno.test("rank() breaks ties by document id descending, in byte order", () => {
  const ids = ["a", "b", "Z", "10", "9", "\u{1f600}", "\uff5e"];
  const order = rank(ids.map((id) => ({ id, score: 0.5 }))).map((hit) => hit.id);
  assert.deepEqual(order, ["\u{1f600}", "\uff5e", "b", "a", "Z", "9", "10"]);
});

Deno.test("rankingMetrics() gives the worked example of the specification", () => {
  const order = rank([["d1", .5], ["d2", .5], ["d3", .9], ["d4", .1]].map(([id, score]) => ({
    id: id as string,
    score: score as number,
  }))).map((hit) => hit.id);
  assert.deepEqual(order, ["d3", "d2", "d1", "d4"]);
  const metrics = rankingMetrics(order, new Map([["d1", 2], ["d2", 1], ["d9", 1]]));
  assertClose([metrics["ndcg_at_10"]!], [0.5209090851403014], 1e-15);
  assert.equal(metrics["mrr_at_10"], 0.5);
  assert.equal(metrics["mrr_at_1"], 0);
});

Deno.test("scoreRetrieval() removes the document that is the query only when asked", () => {
  const data = {
    queries: [{ id: "1", text: "q" }],
    documents: Corpus.of([{ id: "1", text: "q" }, { id: "2", text: "d" }]),
    judgements: new Map([["1", new Map([["2", 1]])]]),
  };
  const vectors: KeyedVectors = (text) => new Float32Array(text === "q" ? [1, 0] : [1, 1]);
  assert.equal(scoreRetrieval(data, vectors, { dropSelf: true }).metrics["mrr_at_10"], 1);
  assert.equal(scoreRetrieval(data, vectors, { dropSelf: false }).metrics["mrr_at_10"], 0.5);
  assert.throws(
    () => scoreRetrieval({ ...data, judgements: new Map() }, vectors, { dropSelf: false }),
    UsageError,
  );
});
