/** Questions that no answer could be right about are refused with task, file and row. */
import { assert } from "#test";
import { UsageError } from "#errors";
import { Mirror } from "../../lib/data/mirror.ts";
import { findSuite } from "../find_suite.ts";
import { resolveSuite } from "../suite.ts";
import { BBH_SUBTASKS } from "./bbh/bbh.ts";
import { isGeneral } from "./general_task.ts";

type Rows = readonly Record<string, unknown>[];

const questions = (n: number): Rows =>
  Array.from({ length: n }, (_, i) => ({ question: `${i} and 1?`, answer: `more\n#### ${i + 1}` }));
const choices: Rows = [0, 3].map((answer) => ({
  question: "Which?",
  subject: "numbers",
  choices: ["a", "b", "c", "d"],
  answer,
}));

/** Three rows or so of each benchmark. */
const DATA: Readonly<Record<string, Rows>> = {
  "openai/gsm8k/train": questions(6),
  "openai/gsm8k/test": questions(3),
  "cais/mmlu/dev": choices,
  "cais/mmlu/test": choices,
  "mandarjoshi/trivia_qa/test": [{ question: "Who?", answers: ["I", " "] }, {
    question: "Where?",
    answers: ["Here"],
  }],
  "fever/fever/paper_dev": ["SUPPORTS", "REFUTES", "SUPPORTS"].map((label, i) => ({
    id: i % 2,
    claim: `claim ${i % 2}`,
    label,
  })),
  "openai/openai_humaneval/test": [0, 1].map((i) => ({
    task_id: `HumanEval/${i}`,
    prompt: `def f${i}(x):\n`,
    test: "def check(candidate):\n    assert candidate(1)\n",
    entry_point: `f${i}`,
  })),
  ...Object.fromEntries(
    BBH_SUBTASKS.map((subtask) => [`lukaemon/bbh/${subtask}/test`, [{ input: "List: b a", target: "a b" }]]),
  ),
};

/** Loads one task of the suite "general" after its second row, or its only one, has been changed. */
async function load(task: string, split: string, change: Record<string, unknown> | ((rows: Rows) => Rows)) {
  const root = await Deno.makeTempDir();
  try {
    for (const [name, rows] of Object.entries(DATA)) {
      const spoil = typeof change === "function"
        ? change
        : (rows: Rows) =>
          rows.map((row, i) => i === Math.min(1, rows.length - 1) ? { ...row, ...change } : row);
      const text = (name === split ? spoil(rows) : rows).map((row) => JSON.stringify(row) + "\n").join("");
      await Deno.mkdir(`${root}/${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${name}.jsonl`, text);
    }
    return await resolveSuite(findSuite(`general:${task}`), new Mirror(root));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const GSM8K = "openai/gsm8k/test", MMLU = "cais/mmlu/test", TRIVIA = "mandarjoshi/trivia_qa/test";
const FEVER = "fever/fever/paper_dev",
  BBH = "lukaemon/bbh/navigate/test",
  HUMANEVAL = "openai/openai_humaneval/test";

const cases: [task: string, split: string, change: Parameters<typeof load>[2], complaint: RegExp][] = [
  ["gsm8k", GSM8K, { question: undefined }, /line 2: column "question" .* no such column/],
  ["gsm8k", GSM8K, { question: " " }, /line 2: column "question" must be a text that is not blank/],
  ["gsm8k", GSM8K, { answer: "it is 5" }, /line 2: column "answer" does not end in "#### " and a number/],
  ["gsm8k", GSM8K, { answer: "it is #### " }, /line 2: column "answer" does not end/],
  ["gsm8k", GSM8K, () => [], /holds no rows/],
  ["gsm8k", "openai/gsm8k/train", { answer: "5" }, /line 2: column "answer" does not end/],
  ["gsm8k", "openai/gsm8k/train", (rows) => rows.slice(0, 4), /has 4 rows, but 5 examples were asked for/],
  ["mmlu", MMLU, { answer: 4 }, /line 2: column "answer" must be a whole number from 0 to 3/],
  ["mmlu", MMLU, { choices: ["a", "b"] }, /line 2: column "choices" must be a list of 4/],
  ["mmlu", MMLU, { question: "" }, /line 2: column "question" must be a text that is not blank/],
  ["mmlu", MMLU, { subject: undefined }, /line 2: column "subject"/],
  ["mmlu", "cais/mmlu/dev", () => [], /holds no rows/],
  ["triviaqa-open", TRIVIA, { answers: [] }, /line 2: a question without an answer/],
  ["triviaqa-open", TRIVIA, { answers: ["", " "] }, /line 2: a question without an answer/],
  ["triviaqa-open", TRIVIA, { answers: "x" }, /line 2: column "answers" must be a list/],
  ["triviaqa-open", TRIVIA, { question: "" }, /line 2: column "question" must be a text/],
  ["fever-3way", FEVER, { label: "MAYBE" }, /line 2: the label is "MAYBE"/],
  ["fever-3way", FEVER, { claim: "" }, /line 2: column "claim" must be a text/],
  ["fever-3way", FEVER, { id: 0 }, /line 2 has the id 0 of line 1, but another claim/],
  ["fever-3way", FEVER, { id: 0, claim: "claim 0" }, /line 2 has the id 0 of line 1, but another label/],
  ["bbh_cot_fewshot", BBH, { target: "" }, /line 1: column "target" must be a text that is not blank/],
  ["bbh_cot_fewshot", BBH, { input: undefined }, /line 1: column "input"/],
  ["bbh_cot_fewshot", BBH, () => [], /holds no rows/],
  [
    "bbh_cot_fewshot",
    "lukaemon/bbh/word_sorting/test",
    { input: "Sort b a" },
    /line 1: column "input" lists no words behind "List:"/,
  ],
  ["humaneval", HUMANEVAL, { task_id: "HumanEval/0" }, /line 2 has the task_id "HumanEval\/0" of line 1/],
  ["humaneval", HUMANEVAL, { entry_point: "g" }, /line 2 does not define "g" in its prompt/],
  [
    "humaneval",
    HUMANEVAL,
    { entry_point: "exit()" },
    /line 2 has the entry_point "exit\(\)", which is no name/,
  ],
  ["humaneval", HUMANEVAL, { test: "pass" }, /line 2 does not define check\(\) in its test/],
  ["humaneval", HUMANEVAL, { prompt: "" }, /line 2: column "prompt" must be a text/],
  ["humaneval", HUMANEVAL, { test: undefined }, /line 2: column "test"/],
];

for (const [task, split, change, complaint] of cases) {
  Deno.test(`loadGeneral() refuses ${task} when ${complaint.source.slice(0, 60)}`, async () => {
    await assert.rejects(
      load(task, split, change),
      (error) =>
        error instanceof UsageError && error.message.startsWith(`${task}: "${split}.jsonl"`) &&
        complaint.test(error.message),
    );
  });
}

Deno.test("loadGeneral() takes the same rows unchanged, and a claim that is there for each of its evidence once", async () => {
  for (
    const [task, items] of [["gsm8k", 3], ["mmlu", 2], ["fever-3way", 2], ["bbh_cot_fewshot", 27]] as const
  ) {
    const { data } = (await load(task, "", {}))[0]!;
    assert.ok(isGeneral(data));
    assert.equal(data.items.length, items, task);
  }
});
