import { assert } from "#test";
import type { Comparison, TaskRow } from "../compare.ts";
import { paperComparison } from "./comparison.ts";

const task = (name: string): TaskRow => ({
  task: name,
  category: "general",
  metric: "acc",
  main: true,
  items: 1,
  cells: [],
});

const comparison: Comparison = {
  arms: ["base", "reasoning", "cl", "grace"],
  base: "base",
  bootstrap: { resamples: 1, confidence: 0.95, seed: 0 },
  tasks: ["SciFact[mini:40]", "gsm8k-2shot[mini:40]", "mmlu-half[mini:100]"].map(task),
  categories: [
    { category: "sts", label: "sts (partial)", complete: false, values: [], stderrs: [], differences: [] },
    { category: "general", label: "general", complete: false, values: [], stderrs: [], differences: [] },
  ],
  averages: [],
  embedded: false,
  warnings: [],
};

const linesOf = (
  kind: "supervised" | "unsupervised",
  some = comparison,
  backbone = "qwen2.5-3b-instruct.q8",
) => paperComparison(some, backbone, kind).text.split("\n");

Deno.test("paperComparison() shows Tables 1 and 5 beside arms that were trained with labels", () => {
  const lines = linesOf("supervised");
  assert.match(lines[0]!, /^Paper, Qwen2\.5-3B-Instruct: .*; ours are partial/);
  assert.match(lines[2]!, /^category +base +reasoning +cl +grace$/);
  assert.match(lines[4]!, /^sts +\S+ +\S+ \(\S+\) +\S+ \(\S+\) +74\.65 \(\+\S+\)$/);
  assert.match(lines[5]!, /^general: gsm8k +57\.90 +- +0\.00 \(-57\.90\) +59\.10 \(\+1\.20\)$/);
  assert.match(lines[6]!, /^general: mmlu +62\.60 +- +0\.00 \(-62\.60\) +61\.20 \(-1\.40\)$/);
  assert.match(lines.join("\n"), /Table 5\. Its harness, prompts, shots and split are unknown/);
});

Deno.test("paperComparison() shows SimCSE and unsupervised GRACE beside arms that were trained without labels", () => {
  const lines = linesOf("unsupervised", comparison, "Qwen2.5-1.5B-Instruct");
  assert.match(lines[2]!, /^category +base +reasoning +cl \(SimCSE\) +grace \(unsupervised\)$/);
  assert.match(lines[5]!, /^general: gsm8k +32\.06 +- +- +32\.21 \(\+0\.15\)$/);
  assert.notEqual(lines[4], linesOf("supervised", comparison, "Qwen2.5-1.5B-Instruct")[4]);
});

Deno.test("paperComparison() leaves Table 5 out where no general benchmark was evaluated", () => {
  const text = linesOf("supervised", { ...comparison, tasks: [task("SciFact"), task("mmluish")] }).join("\n");
  assert.doesNotMatch(text, /gsm8k|mmlu|Table 5/);
  assert.equal(paperComparison({ ...comparison, arms: ["a", "b"] }, "x", "supervised").text, "");
});
