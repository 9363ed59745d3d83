import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { ChecksumGenerator, TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { writeTinyMirror } from "../fixtures/tiny_mirror.ts";
import { type Category, MTEB_CATEGORIES } from "./category.ts";
import { type Arm, compareFolders, compareScores, type MeanRow, shareOf, shownMetrics } from "./compare.ts";
import { renderComparison, type ReportFormat } from "./report.ts";
import { runSuite } from "./run_suite.ts";
import type { LoadedScore, ScoreRecord } from "./score_record.ts";
import { findSuite } from "./find_suite.ts";
import { MTEB_TASKS } from "./mteb/tasks.ts";

function score(task: string, values: readonly number[], change: Partial<ScoreRecord> = {}): LoadedScore {
  const value = values.reduce((sum, v) => sum + v, 0) / values.length;
  const record: ScoreRecord = {
    schema: "grace-score/1",
    suite: "test",
    task,
    baseTask: task,
    category: "classification",
    main: "accuracy",
    value,
    stderr: null,
    aggregate: "mean",
    metrics: { accuracy: value },
    counts: { correct: values.filter(Boolean).length, trials: values.length },
    warnings: [],
    scorer: "classification/1",
    content: "c0",
    options: {},
    files: [],
    model: "m",
    items: { file: "x", rows: values.length, sha256: "" },
    ...change,
  };
  return { record, items: values.map((v, i) => ({ id: `${i}`, value: v })) };
}

const twoArms = (change: Partial<ScoreRecord> = {}): Arm[] => [
  {
    name: "base",
    scores: [score("ImdbClassification[s:4]", [1, 0, 0, 1], { baseTask: "ImdbClassification" })],
  },
  {
    name: "grace",
    scores: [score("ImdbClassification[s:4]", [1, 1, 0, 1], { baseTask: "ImdbClassification", ...change })],
  },
];

Deno.test("compareScores() gives values, shares and differences to the base", () => {
  const { tasks, categories, averages } = compareScores(twoArms(), { resamples: 200 });
  const [base, grace] = tasks[0]!.cells;
  assert.equal(base!.difference, null);
  assert.deepEqual([base!.value, grace!.value, grace!.difference!.value], [0.5, 0.75, 0.25]);
  assert.deepEqual(grace!.share, { correct: 3, trials: 4 });
  assert.equal(categories[0]!.label, "classification (partial: 1 of 12 tasks, sliced)");
  // Of one task, the category's difference is the task's.
  assert.deepEqual(categories[0]!.differences, [null, grace!.difference]);
  assert.deepEqual(averages, []);
});

Deno.test("compareScores() takes another arm as the base when asked", () => {
  const { tasks } = compareScores(twoArms(), { base: "grace", resamples: 50 });
  assert.deepEqual(tasks[0]!.cells.map((cell) => cell.difference?.value ?? null), [-0.25, null]);
});

Deno.test("compareScores() refuses scores of other rows, scorers, tasks or items", () => {
  const refused = (arms: Arm[]) =>
    assert.throws(
      () => compareScores(arms),
      (error) => error instanceof UsageError && /cannot be compared/.test(error.message),
    );
  refused(twoArms({ content: "c1" }));
  refused(twoArms({ scorer: "classification/2" }));
  refused(twoArms({ task: "ImdbClassification[s:5]" }));
  const [base, grace] = twoArms();
  refused([base!, { name: "grace", scores: [...grace!.scores, score("U", [1, 0])] }]);
  refused([{ ...base!, scores: [...base!.scores, score("U", [1, 0])] }, grace!]);
  const renamed = grace!.scores[0]!.items.map((item) => ({ ...item, id: `x${item.id}` }));
  refused([base!, { name: "grace", scores: [{ ...grace!.scores[0]!, items: renamed }] }]);
});

Deno.test("compareScores() refuses one arm, equal names and an unknown base", () => {
  const [base, grace] = twoArms();
  assert.throws(() => compareScores([base!]), UsageError);
  assert.throws(() => compareScores([base!, { ...grace!, name: "base" }]), UsageError);
  assert.throws(() => compareScores([base!, grace!], { base: "other" }), UsageError);
});

Deno.test("compareScores() averages over the benchmark only when every task is there, whole", () => {
  const arm = (name: string, shift: number): Arm => ({
    name,
    scores: MTEB_TASKS.map(({ name, category }, i) => score(name, [i / 56, shift], { category })),
  });
  const arms = [arm("a", 0), arm("b", 1)];
  const { averages } = compareScores(arms, { resamples: 20 });
  const plain = arms.map(({ scores }) => scores.reduce((sum, s) => sum + s.record.value, 0) / 56);
  assert.deepEqual(averages.map((row) => row.label), [
    "average of 56 tasks",
    "average of 7 types",
  ]);
  assertClose(averages[0]!.values, plain, 1e-12);
  const without = arms.map(({ name, scores }) => ({ name, scores: scores.slice(1) }));
  assert.deepEqual(compareScores(without, { resamples: 20 }).averages, []);
});

Deno.test("compareScores() averages embedded tasks apart from MTEB's, with intervals, and the report says so", () => {
  const embedded = (category: Category, i: number, values: readonly number[]) =>
    score(`WordNet ${category} ${i}`, values, { category, embedded: true, stderr: 0.01 });
  const categories = [...Object.keys(MTEB_CATEGORIES), "general", "general"] as Category[];
  const arm = (name: string, last: number): Arm => ({
    name,
    scores: categories.map((category, i) => embedded(category, i, [1, 0, 1, 0, last, last, 0, i % 2])),
  });
  const comparison = compareScores([arm("base", 0), arm("grace", 1)], { resamples: 200 });
  assert.deepEqual(comparison.averages.map((row) => row.label), [
    "embedding average",
    "general average (2 embedded tasks)",
  ]);
  const [embedding, general] = comparison.averages;
  assertClose([embedding!.differences[1]!.value, general!.differences[1]!.value], [0.25, 0.25], 1e-12);
  const width = (row: MeanRow) => row.differences[1]!.interval![1] - row.differences[1]!.interval![0];
  // The mean of seven tasks is surer than the mean of two, and that than one task.
  assert.ok(width(embedding!) < width(general!));
  assert.ok(width(general!) < width(comparison.categories[0]!));
  assert.equal(comparison.categories[0]!.label, "retrieval (1 embedded task)");
  const report = renderComparison(comparison, "text");
  assert.match(report, /^embedding average +\+25\.00 \[\+\d+\.\d\d, \+\d+\.\d\d\]$/m);
  assert.match(report, /they are not MTEB's/);
  assert.doesNotMatch(report, /of 15 tasks|56 tasks/);
});

Deno.test("compareFolders() compares evaluated folders, and every report shows both GSM8K filters", async () => {
  const root = await Deno.makeTempDir();
  try {
    const dataRoot = await writeTinyMirror(`${root}/data`);
    const folders = [];
    for (const [name, dimension] of [["base", 8], ["reasoning", 32], ["grace", 64]] as const) {
      const answer = (prompt: string) => name === "grace" ? `it is ${prompt.length} #### 1` : "1";
      await runSuite({
        suite: findSuite("smoke"),
        dataRoot,
        out: `${root}/${name}`,
        encoder: new TrigramEncoder(name, dimension),
        generator: new ChecksumGenerator(name, answer),
      });
      folders.push({ name, folder: `${root}/${name}` });
    }
    const comparison = await compareFolders(folders, { resamples: 100 });
    assert.equal(comparison.tasks.filter((row) => row.main).length, 5);
    for (const format of ["text", "markdown", "csv", "json"] as ReportFormat[]) {
      const report = renderComparison(comparison, format);
      assert.match(report, /exact_match,strict-match/);
      assert.match(report, /STSBenchmark\[smoke:12\]/);
      assert.doesNotMatch(report, /NaN|Infinity|undefined/);
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("shownMetrics() and shareOf() show pass@k of several samples, and correct answers of pass@1 alone", () => {
  const { record } = score("humaneval_64", [1, 0], {
    main: "pass@1",
    metrics: { "pass@1": 0.5, "pass@1_stderr": 0.1, "pass@8": 0.75, "pass@8_stderr": 0.1 },
    counts: { items: 2, trials: 128, correct: 64 },
  });
  assert.deepEqual(shownMetrics(record), ["pass@1", "pass@8"]);
  assert.deepEqual(shareOf(record, "pass@1"), { correct: 64, trials: 128 });
  assert.equal(shareOf(record, "pass@8"), null);
});
