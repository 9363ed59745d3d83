import { assert, assertClose, sharedData, testWith } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { sha256Hex } from "../../lib/manifest/hash.ts";
import { requestKey } from "../generation_store.ts";
import {
  HUMANEVAL_LIMITS,
  humanEvalItems,
  type HumanEvalOptions,
  humanEvalProgram,
  humanEvalRequests,
  type HumanEvalVariant,
  scoreHumanEval,
} from "./humaneval.ts";
import { loadHumanEval } from "./load.ts";
import type { Ending } from "./sandbox/messages.ts";
import { PythonSandbox } from "./sandbox/python_sandbox.ts";

interface Golden {
  prompts: Record<HumanEvalVariant, string[]>;
  programs: Record<HumanEvalVariant, { text: string; sha256: string }[]>;
}

const { humaneval } = golden<{ humaneval: Golden }>("general/answers.json");

interface CodeEvalCase {
  n: number;
  k: number[];
  passed: number[];
  passAtK: Record<string, number>;
}

const codeEval = golden<{ cases: CodeEvalCase[] }>("general/code_eval.json").cases;

for (const variant of ["base", "instruct"] as const) {
  testWith(sharedData, `loadHumanEval() makes lm-eval's prompts and programs: ${variant}`, async (root) => {
    const { name, data: { items } } = await loadHumanEval(new Mirror(root), { variant });
    assert.deepEqual([name, items.length], [variant === "base" ? "humaneval" : "humaneval_instruct", 164]);
    assert.deepEqual([0, 32, 163].map((i) => sha256Hex(items[i]!.prompt)), humaneval.prompts[variant]);
    for (const { text, sha256 } of humaneval.programs[variant]) {
      assert.equal(sha256Hex(humanEvalProgram(items[0]!, text, { variant })), sha256, JSON.stringify(text));
    }
  });
}

testWith(
  sharedData,
  "PythonSandbox.run() passes the official solutions, and fails what lacks them",
  async (root) => {
    const mirror = new Mirror(root);
    const { data: { items, options } } = await loadHumanEval(mirror, { variant: "base" });
    const solutions = await mirror.split(
      "test",
      "openai/openai_humaneval",
      "test",
      ({ value }) => String(value["canonical_solution"]),
    );
    const sandbox = await PythonSandbox.open(HUMANEVAL_LIMITS);
    // With MD5, regular expressions, long numbers, deep loops, and another function defined before.
    for (const i of [0, 32, 39, 75, 162]) {
      const program = humanEvalProgram(items[i]!, solutions.rows[i]!, options);
      assert.deepEqual(await sandbox.run(program), { kind: "returned" }, items[i]!.id);
    }
    for (const text of ["", "    return None\n", "    import sys\n    sys.exit(0)\n"]) {
      const ending = await sandbox.run(humanEvalProgram(items[0]!, text, options));
      assert.equal(ending.kind, "raised", text);
    }
  },
);

const ROWS = ["a", "b"].map((taskId) => ({
  taskId,
  prompt: "def f():\n",
  test: "def check(f): pass",
  entryPoint: "f",
}));
const generation = { text: "    pass", tokens: 2, stopped: "stop" as const };
const PASSED: Ending = { kind: "returned" };
const FAILED: Ending = { kind: "raised", detail: "AssertionError" };
const samples = (...endings: Ending[]) => endings.map((ending) => ({ generation, ending }));

Deno.test("scoreHumanEval() is the share of programs that pass for one sample each, and tells how the others ended", () => {
  const items = humanEvalItems(ROWS, { variant: "base" });
  const { metrics, counts, warnings, items: scored } = scoreHumanEval(items, [
    samples(PASSED),
    samples({ kind: "timeout", detail: "3 s" }),
  ], { variant: "base" });
  assertClose([metrics["pass@1"]!, metrics["pass@1_stderr"]!], [0.5, 0.5], 1e-15);
  assert.deepEqual(Object.keys(metrics), ["pass@1", "pass@1_stderr"]);
  assert.deepEqual(counts, {
    items: 2,
    trials: 2,
    correct: 1,
    raised: 0,
    died: 0,
    timeout: 1,
    refused: 0,
    empty: 0,
    stopped_by_length: 0,
  });
  assert.match(warnings.join(), /1 of 2 programs ran out of time/);
  assert.deepEqual(scored.map((item) => item["endings"]), [["passed"], ["timeout: 3 s"]]);
});

Deno.test("scoreHumanEval() counts functions of which nothing was written, and tells", () => {
  const items = humanEvalItems(ROWS, { variant: "base" });
  const nothing = {
    generation: { ...generation, text: "\n  " },
    ending: { kind: "raised", detail: "" },
  } as const;
  const { counts, warnings } = scoreHumanEval(items, [samples(PASSED), [nothing]], { variant: "base" });
  assert.equal(counts["empty"], 1);
  assert.match(warnings.join(), /1 of 2 functions were left without a body/);
});

const drawn = (n: number, k: readonly number[]): HumanEvalOptions => ({
  variant: "base",
  sampling: { samples: n, temperature: 0.2, topP: 0.95, seed: 1, k },
});

Deno.test("scoreHumanEval() estimates pass@10 without bias from more samples", () => {
  const options = drawn(12, [10]), items = humanEvalItems(ROWS, options);
  const many = (passed: number) =>
    samples(...Array.from({ length: 12 }, (_, i) => i < passed ? PASSED : FAILED));
  const { metrics, counts } = scoreHumanEval(items, [many(1), many(0)], options);
  // One of twelve: ten of them miss it with probability 2/12.
  assertClose([metrics["pass@1"]!, metrics["pass@10"]!], [1 / 24, (10 / 12) / 2], 1e-12);
  assert.deepEqual([counts["trials"], counts["correct"]], [24, 1]);
});

Deno.test("scoreHumanEval() agrees with the means of `code_eval` over problems with different shares of passes", () => {
  for (const { n, passed, k, passAtK } of codeEval) {
    const options = drawn(n, k),
      items = humanEvalItems(
        passed.map((_, i) => ({ ...ROWS[0]!, taskId: String(i) })),
        options,
      );
    const { metrics } = scoreHumanEval(
      items,
      passed.map((c) => samples(...Array.from({ length: n }, (_, i) => i < c ? PASSED : FAILED))),
      options,
    );
    assertClose(k.map((one) => metrics[`pass@${one}`]!), k.map((one) => passAtK[`pass@${one}`]!), 1e-12);
  }
});

Deno.test("humanEvalRequests() asks for every sample of an item by its number, and for one greedy program without", () => {
  const options = drawn(3, [2]), items = humanEvalItems(ROWS, options);
  const requests = humanEvalRequests(items, options);
  assert.deepEqual(requests.map(({ sampling }) => sampling?.sample), [0, 1, 2, 0, 1, 2]);
  assert.equal(new Set(requests.map(requestKey)).size, 3, "the two problems have the same prompt");
  assert.deepEqual(humanEvalRequests(items, { variant: "base" }).map(({ sampling }) => sampling), [
    undefined,
    undefined,
  ]);
});
