import { assert } from "#test";
import { inputsOf } from "./_all_texts.ts";
import { MissingInputs } from "./inputs.ts";
import { Corpus } from "./mteb/corpus.ts";
import type { TaskData } from "./task_data.ts";

const sts = (...pairs: [string, string][]) => ({
  baseTask: "STS",
  category: "sts" as const,
  data: {
    kind: "sts",
    pairs: pairs.map(([sentence1, sentence2], i) => ({ id: String(i), sentence1, sentence2, gold: i })),
  } as TaskData,
});

const texts = async (tasks: Parameters<typeof inputsOf>[0]) =>
  (await inputsOf(tasks)).map(({ text }) => text);

Deno.test("MissingInputs.read() has a text once that several tasks share, where the first has it", async () => {
  const one = sts(["a", "b"], ["b", "c"]), other = sts(["c", "d"], ["a", "a"]);
  assert.deepEqual(await texts([one]), ["a", "b", "c"]);
  assert.deepEqual(await texts([one, other]), ["a", "b", "c", "d"]);
  assert.deepEqual(await texts([other, one]), ["c", "d", "a", "b"]);
});

Deno.test("MissingInputs.read() tells texts apart that differ in white space or case", async () => {
  assert.deepEqual(await texts([sts(["a", "A"], ["a ", "a"])]), ["a", "A", "a "]);
});

Deno.test("MissingInputs.read() hands out what is missing, once for each prompt, the texts of one prompt together", async () => {
  const retrieval = {
    baseTask: "Search",
    category: "retrieval" as const,
    data: {
      kind: "retrieval",
      queries: [{ id: "q1", text: "a" }, { id: "q2", text: "b" }],
      documents: Corpus.of([{ id: "d1", text: "a" }, { id: "d2", text: "c" }, { id: "d3", text: "c" }]),
      judgements: new Map(),
      options: { dropSelf: false },
    } as TaskData,
  };
  const prompts = { named: { query: "Q: " }, standard: "" };
  const inputs = new MissingInputs([retrieval, sts(["b", "c"])], prompts, (text) => text === "a");
  assert.deepEqual([inputs.needed, inputs.missing], [5, 3]);
  const found: string[] = [];
  let waiting = false;
  await inputs.read(async ({ text, prompt }) => {
    assert.ok(!waiting, "the next input waits for the one before");
    waiting = true;
    await Promise.resolve();
    found.push(prompt + text);
    waiting = false;
  });
  assert.deepEqual(found, ["Q: b", "c", "b"]);
});
