import { assert } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import { MTEB_CATEGORIES, TYPE_NAMES } from "../category.ts";
import { languagesOf } from "./languages.ts";
import { DEFAULT_PROFILE, mainMetric, pinned, scoringProfile } from "./profile.ts";
import { GRACE_RELEASED, inAllLanguages, SUBSET_16, SUBSETS } from "./task_lists.ts";
import { parseTaskTable } from "./parse_task_table.ts";
import { MTEB_TASKS, type MtebTask, mtebTask, OTHER_TASKS, type SingleTask, singleTasks } from "./tasks.ts";

/** What mteb says of a task. */
interface Row {
  readonly name: string;
  readonly type: string;
  readonly repo: string;
  readonly revision: string;
  readonly split: string;
  readonly main: string;
  readonly subset: string | null;
  readonly domains: string[];
  readonly samplesPerLabel?: number;
  readonly dropSelf?: boolean;
  readonly scoreRange?: number[];
}
type Listed = Row | { readonly name: string; readonly main: string; readonly parts: Row[] };
interface Golden {
  readonly tasks: Listed[];
  readonly other: Row[];
  readonly languages: Record<string, Record<string, string[]>>;
}

const v1 = golden<Golden>("mteb/tasks.json"), v2 = golden<Golden>("mteb/tasks_mteb_2.json");
const rowsOf = (tasks: readonly Listed[]) => tasks.flatMap((task) => "parts" in task ? task.parts : [task]);

function requireAgreement(task: SingleTask, expected: Row, main: string) {
  const { scoreRange } = expected;
  assert.deepEqual({
    name: task.name,
    type: TYPE_NAMES[task.category],
    repo: task.repo,
    revision: task.revision,
    split: task.split,
    subset: task.subset ?? null,
    main: main.replace("spearman_and_p_mean", "cosine_spearman"),
    domains: task.domains,
    ..."samplesPerLabel" in task && { samplesPerLabel: task.samplesPerLabel },
    ..."dropSelf" in task && { dropSelf: task.dropSelf },
    ...scoreRange && { scoreRange: (task as { scoreRange?: unknown }).scoreRange },
  }, expected);
}

Deno.test("MTEB_TASKS are those of mteb 1.38.33 in every column that mteb has", () => {
  assert.deepEqual(MTEB_TASKS.map((task) => task.name).sort(), v1.tasks.map((task) => task.name).sort());
  const expected = new Map([...rowsOf(v1.tasks), ...v1.other].map((row) => [row.name, row]));
  const tasks = [...MTEB_TASKS, ...OTHER_TASKS].flatMap(singleTasks);
  assert.equal(tasks.length, 56 - 1 + 12 + 2);
  for (const task of tasks) {
    requireAgreement(task, expected.get(task.name)!, mainMetric(task, DEFAULT_PROFILE));
  }
});

Deno.test("pinned() and mainMetric() of the profile mteb-2 are those of mteb 2", () => {
  const profile = scoringProfile("mteb-2");
  const expected = new Map(rowsOf(v2.tasks).map((row) => [row.name, row]));
  for (const task of MTEB_TASKS.flatMap(singleTasks)) {
    const { domains: _, ...row } = expected.get(task.name)!;
    const { domains: _domains, ...own } = pinned(task, profile);
    requireAgreement(
      { ...own, domains: [] } as unknown as SingleTask,
      { ...row, domains: [] },
      mainMetric(task, profile),
    );
  }
});

Deno.test("MTEB_TASKS have as many of each category as the averages count", () => {
  const counts: Record<string, number> = {};
  for (const { category } of MTEB_TASKS) counts[category] = (counts[category] ?? 0) + 1;
  assert.deepEqual(counts, MTEB_CATEGORIES);
  const forums = mtebTask("CQADupstackRetrieval");
  assert.equal("parts" in forums && forums.parts.length, 12);
});

Deno.test("SUBSET_16 is the paper's: 3, 2, 3, 1, 3, 3 and 1 of the categories, each a task of the 56", () => {
  const counts = new Map<string, number>();
  for (const { category } of SUBSET_16.map(mtebTask)) counts.set(category, (counts.get(category) ?? 0) + 1);
  assert.deepEqual([...counts.values()], [3, 2, 3, 1, 3, 3, 1]);
  assert.equal(new Set(SUBSET_16).size, 16);
  assert.ok(SUBSET_16.every((name) => MTEB_TASKS.some((task) => task.name === name)));
});

Deno.test("GRACE_RELEASED has 55 tasks, 54 of them of the 56, in all languages that mteb has", () => {
  const names = GRACE_RELEASED.map((task) => task.name.replace(/\[.*/, ""));
  assert.equal(new Set(names).size, 55);
  const lacking = MTEB_TASKS.map((task) => task.name).filter((name) => !names.includes(name));
  assert.deepEqual(lacking, ["StackExchangeClusteringP2P", "TweetSentimentExtractionClassification"]);
  assert.deepEqual(Object.keys(SUBSETS).sort(), Object.keys(v1.languages).sort());
  for (const [name, languages] of Object.entries(v1.languages)) {
    assert.deepEqual(SUBSETS[name], Object.keys(languages), name);
    const task = GRACE_RELEASED.find((task) => task.name === `${name}[all languages]`)!;
    assert.ok("parts" in task);
    for (const { subset, repo, category } of task.parts) {
      assert.deepEqual(languagesOf(subset), languages[subset!]);
      assert.equal(category, task.category);
      assert.equal(repo, (mtebTask(name) as SingleTask).repo);
    }
  }
  assert.equal(inAllLanguages("STS13"), mtebTask("STS13") as MtebTask);
});

Deno.test("mtebTask() and scoringProfile() suggest what was meant", () => {
  assert.throws(
    () => mtebTask("STSBenchmarks"),
    (error) => error instanceof UsageError && /did you mean STSBenchmark\?/.test(error.cure),
  );
  assert.equal(scoringProfile("sklearn-1.2").id, "mteb-1.38.33+sklearn-1.2");
  assert.equal(scoringProfile("mteb-2").id, "mteb-2+sklearn-1.4");
  for (const id of ["", "mteb-3", "sklearn-1.1", "mteb-2+numpy-1", "mteb"]) {
    assert.throws(() => scoringProfile(id), UsageError);
  }
});

Deno.test("parseTaskTable() refuses a line that says something else than the table's columns", () => {
  const line = (revision: string, rest: string) => `\nA  mteb/a  ${revision}  test  -  ${rest}\n`;
  const [task] = parseTaskTable("sts", line("-", "pairs=3 scores=1..4"));
  assert.ok(task !== undefined && !("revision" in task) && !("subset" in task));
  assert.deepEqual([task.size, task.scoreRange], [{ pairs: 3 }, [1, 4]]);
  assert.throws(() => parseTaskTable("clustering", line("c22ab2a5", "sets=3")), /revision/);
  assert.throws(() => parseTaskTable("clustering", line("-", "drop-self")), /drop-self/);
  assert.throws(() => parseTaskTable("clustering", "\nA mteb/a - test\n"), /five columns/);
});
