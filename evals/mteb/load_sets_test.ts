import { assert } from "#test";
import { UsageError } from "#errors";
import { clusteringRow, pairRows, rerankingRow, summarizationRow } from "./load_sets.ts";

const source = { task: "T", file: "t.jsonl" };
const row = (value: Record<string, unknown>) => ({ line: 4, value });

Deno.test("pairRows() reads one pair, and parallel lists under both of the hub's names for their columns", () => {
  assert.deepEqual(pairRows(row({ sentence1: "a", sentence2: "b", labels: 1 }), source), [
    { id: "4", sentence1: "a", sentence2: "b", label: 1 },
  ]);
  for (const [first, second] of [["sentence1", "sentence2"], ["sent1", "sent2"]] as const) {
    const lists = row({ [first]: ["a", "c"], [second]: ["b", "d"], labels: [0, 1] });
    assert.deepEqual(pairRows(lists, source), [
      { id: "4.1", sentence1: "a", sentence2: "b", label: 0 },
      { id: "4.2", sentence1: "c", sentence2: "d", label: 1 },
    ]);
  }
});

Deno.test("rerankingRow() reads a query of one text and of several", () => {
  const candidates = { positive: ["p"], negative: [] };
  assert.deepEqual(rerankingRow(row({ query: "q", ...candidates }), source).query, ["q"]);
  assert.deepEqual(rerankingRow(row({ query: ["q", "r"], ...candidates }), source).query, ["q", "r"]);
});

Deno.test("rows of lists are refused where lengths, types or values are wrong", () => {
  const refused = (read: () => unknown) =>
    assert.throws(read, (error) => error instanceof UsageError && /"t.jsonl" line 4/.test(error.message));
  refused(() => pairRows(row({ sentence1: ["a"], sentence2: ["b", "c"], labels: [0] }), source));
  refused(() => pairRows(row({ sentence1: ["a"], sentence2: ["b"], labels: [2] }), source));
  refused(() => pairRows(row({ sentence1: "a", sentence2: "b", labels: 0.5 }), source));
  refused(() => rerankingRow(row({ query: [], positive: ["p"], negative: [] }), source));
  refused(() => clusteringRow(row({ sentences: ["a", "b"], labels: ["x"] }), source));
  refused(() => clusteringRow(row({ sentences: [], labels: [] }), source));
  const summaries = { human_summaries: ["h"], machine_summaries: ["m", "n"] };
  refused(() => summarizationRow(row({ ...summaries, relevance: [1] }), source));
  refused(() => summarizationRow(row({ ...summaries, relevance: [1, null] }), source));
});
