import { assert } from "#test";
import { Mirror } from "../lib/data/mirror.ts";
import { BBH_SUBTASKS } from "./general/bbh/bbh.ts";
import { findSuite } from "./find_suite.ts";
import { listedCount, listTasks } from "./task_list.ts";

Deno.test("listTasks() tells how many questions the general benchmarks have", async () => {
  const listed = await listTasks(findSuite("general"), new Mirror("/nowhere"));
  assert.deepEqual(listed.map((task) => [task.task, listedCount(task)]), [
    ["gsm8k", 1319],
    ["mmlu", 14042],
    ["triviaqa-open", 11313],
    ["fever-3way", 9999],
    ["bbh_cot_fewshot", 6511],
    ["humaneval", 164],
  ]);
  assert.equal(listed[4]!.data[0]!.repo, "lukaemon/bbh");
});

Deno.test("listTasks() calls data there only with their examples, and BBH with all of its subtasks", async () => {
  const root = await Deno.makeTempDir();
  try {
    const write = async (path: string) => {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, "");
    };
    const here = async () => {
      const tasks = await listTasks(findSuite("general:gsm8k,mmlu,bbh_cot_fewshot"), new Mirror(root));
      return tasks.map(({ data }) => data[0]!.here);
    };
    await write("openai/gsm8k/test.jsonl");
    for (const split of ["test", "dev"]) await write(`cais/mmlu/${split}.jsonl`);
    const [first, ...others] = BBH_SUBTASKS;
    await write(`lukaemon/bbh/${first}/test.jsonl`);
    assert.deepEqual(await here(), [false, true, false]);
    await write("openai/gsm8k/train.jsonl");
    for (const subtask of others) await write(`lukaemon/bbh/${subtask}/test.jsonl`);
    assert.deepEqual(await here(), [true, true, true]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
