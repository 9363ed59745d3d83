import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { ChecksumGenerator, TrigramEncoder } from "../fixtures/hashed_trigrams.ts";
import { writeTinyMirror } from "../fixtures/tiny_mirror.ts";
import { categoryMeans } from "./category_means.ts";
import { type Arm, compareFolders, compareScores } from "./compare.ts";
import { renderComparison, type ReportFormat } from "./report.ts";
import { runSuite } from "./run_suite.ts";
import type { LoadedScore, ScoreRecord } from "./score_record.ts";
import { findSuite } from "./suite.ts";

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
  { name: "base", scores: [score("T[s:4]", [1, 0, 0, 1], { baseTask: "T" })] },
  { name: "grace", scores: [score("T[s:4]", [1, 1, 0, 1], { baseTask: "T", ...change })] },
];

Deno.test("compareScores() gives values, shares and differences to the base", () => {
  const { tasks, categories, average } = compareScores(twoArms(), { resamples: 200 });
  const [base, grace] = tasks[0]!.cells;
  assert.equal(base!.difference, null);
  assert.deepEqual([base!.value, grace!.value, grace!.difference!.value], [0.5, 0.75, 0.25]);
  assert.deepEqual(grace!.share, { correct: 3, trials: 4 });
  assert.equal(categories[0]!.label, "classification (partial: 1 of 12 tasks, sliced)");
  assert.deepEqual(categories[0]!.differences, [null, 0.25]);
  assert.equal(average, null);
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
  refused(twoArms({ task: "T[s:5]" }));
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
  const counts = {
    retrieval: 15,
    reranking: 4,
    clustering: 11,
    pair_classification: 3,
    classification: 12,
    sts: 10,
    summarization: 1,
  } as const;
  const arm = (name: string, shift: number): Arm => ({
    name,
    scores: Object.entries(counts).flatMap(([category, n]) =>
      Array.from(
        { length: n },
        (_, i) => score(`${category}${i}`, [i / n, shift], { category: category as keyof typeof counts }),
      )
    ),
  });
  const arms = [arm("a", 0), arm("b", 1)];
  const { average } = compareScores(arms, { resamples: 2 });
  const plain = arms.map(({ scores }) => scores.reduce((sum, s) => sum + s.record.value, 0) / 56);
  assertClose(average!.values, plain, 1e-12);
  const without = arms.map(({ name, scores }) => ({ name, scores: scores.slice(1) }));
  assert.equal(compareScores(without, { resamples: 2 }).average, null);
});

Deno.test("categoryMeans() calls a category complete only with all of its tasks unsliced", () => {
  const one = (task: string, baseTask: string) =>
    score(task, [1, 0], { category: "summarization", baseTask }).record;
  assert.deepEqual(categoryMeans([one("S", "S")]).map((c) => [c.label, c.complete]), [[
    "summarization",
    true,
  ]]);
  assert.deepEqual(categoryMeans([one("S[mini:2]", "S")])[0]!.complete, false);
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
