/**
 * `grace-repro eval --list`: the tasks of a suite, and which of their data are there.
 *
 * @module
 */
import { findSuite } from "../evals/find_suite.ts";
import { SUITES } from "../evals/suite.ts";
import { listedCount, type ListedTask, listTasks } from "../evals/task_list.ts";
import { Mirror } from "../lib/data/mirror.ts";
import type { CommandIo } from "./io.ts";
import { layOut } from "./table.ts";

/** Prints the tasks of a suite, as a table or as JSON. */
export async function printTasks(id: string, dataRoot: string | undefined, io: CommandIo): Promise<void> {
  const suite = findSuite(id);
  const tasks = await listTasks(suite, new Mirror(dataRoot));
  if (io.json) {
    const suites = SUITES.map(({ id, about, entries }) => ({ id, about, tasks: entries.length }));
    io.print(JSON.stringify({ schema: "grace-tasks/1", suite: suite.id, tasks, suites }));
    return;
  }
  const here = tasks.filter((task) => task.data.every((data) => data.here)).length;
  const head = ["task", "type", "metric", "N", "split", "data set", "data"];
  io.print([
    `Suite ${suite.id}: ${suite.about}`,
    "",
    ...layOut([head, ...tasks.map(rowOf)], new Set([3])),
    "",
    `${here} of ${tasks.length} tasks have their data${dataRoot === undefined ? "" : ` below ${dataRoot}`}.`,
    "",
    ...layOut([
      ["suite", "tasks", ""],
      ...SUITES.map(({ id, about, entries }) => [id, `${entries.length}`, about]),
    ]),
  ].join("\n"));
}

function rowOf(task: ListedTask): string[] {
  const { data } = task, [first] = data;
  const count = listedCount(task), here = data.filter((one) => one.here).length;
  const repos = new Set(data.map((one) => one.repo));
  const one = `${first!.repo}${first!.revision === null ? " (unpinned)" : ""}`;
  const subset = data.length === 1 && first!.subset !== null ? ` ${first!.subset}` : "";
  return [
    task.task,
    task.type,
    task.metric,
    count === undefined ? "" : `${count.toLocaleString("en")}${task.sliced ? " (sliced)" : ""}`,
    `${first!.split}${subset}`,
    data.length === 1
      ? one
      : repos.size > 1
      ? `${repos.size} data sets`
      : `${first!.repo} in ${data.length} subsets`,
    here === data.length ? "here" : here === 0 ? "missing" : `${here} of ${data.length}`,
  ];
}
