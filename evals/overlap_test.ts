import { assert } from "#test";
import { overlaps } from "./overlap.ts";

const task = (baseTask: string, path: string) => ({
  name: `${baseTask}[mini:40]`,
  baseTask,
  files: [{ path, bytes: 1, sha256: "", rows: 1 }],
});

const triplet = (source: string) => ({ query: "q", positive: "p", negative: "n", source });

const tasks = [
  task("Banking77Classification", "mteb/banking77/test.jsonl.gz"),
  task("SciFact", "mteb/scifact/corpus.jsonl.gz"),
  task("gsm8k-2shot", "openai/gsm8k/test.jsonl"),
];

Deno.test("overlaps() counts training rows named like a task or its data set, whatever their spelling", () => {
  const sources = ["banking77", "clinc150", "Sci-Fact", "banking77", "GSM8K", "mteb", "fever", ""];
  assert.deepEqual(overlaps([...sources.map(triplet), { text: "a" }], tasks), [
    { source: "banking77", rows: 2, task: "Banking77Classification[mini:40]" },
    { source: "Sci-Fact", rows: 1, task: "SciFact[mini:40]" },
    { source: "GSM8K", rows: 1, task: "gsm8k-2shot[mini:40]" },
  ]);
  assert.deepEqual(overlaps([triplet("")], [task("T", "file.jsonl")]), []);
  assert.deepEqual(overlaps([{ text: "banking77" }], tasks), []);
});
