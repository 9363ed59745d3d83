import { assert } from "#test";
import { distinctInputs } from "./inputs.ts";
import type { TaskData } from "./task_data.ts";

const sts = (...pairs: [string, string][]) => ({
  baseTask: "STS",
  category: "sts" as const,
  data: {
    kind: "sts",
    pairs: pairs.map(([sentence1, sentence2], i) => ({ id: String(i), sentence1, sentence2, gold: i })),
  } as TaskData,
});

const texts = (tasks: Parameters<typeof distinctInputs>[0]) =>
  distinctInputs(tasks, undefined).map(({ text }) => text);

Deno.test("distinctInputs() has a text once that several tasks share, where the first has it", () => {
  const one = sts(["a", "b"], ["b", "c"]), other = sts(["c", "d"], ["a", "a"]);
  assert.deepEqual(texts([one]), ["a", "b", "c"]);
  assert.deepEqual(texts([one, other]), ["a", "b", "c", "d"]);
  assert.deepEqual(texts([other, one]), ["c", "d", "a", "b"]);
});

Deno.test("distinctInputs() tells texts apart that differ in white space or case", () => {
  assert.deepEqual(texts([sts(["a", "A"], ["a ", "a"])]), ["a", "A", "a "]);
});
