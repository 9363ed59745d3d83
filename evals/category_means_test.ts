import { assert, assertClose } from "#test";
import { type Category, MTEB_CATEGORIES } from "./category.ts";
import { categoryMeans, overallMeans } from "./category_means.ts";
import { MTEB_TASKS } from "./mteb/tasks.ts";
import type { ScoreRecord } from "./score_record.ts";

function record(task: string, category: Category, change: Partial<ScoreRecord> = {}): ScoreRecord {
  return {
    schema: "grace-score/1",
    suite: "test",
    task,
    baseTask: task,
    category,
    main: "m",
    value: 0.5,
    stderr: null,
    aggregate: "mean",
    metrics: { m: 0.5 },
    counts: {},
    warnings: [],
    scorer: "s/1",
    content: "c",
    options: {},
    files: [],
    model: "m",
    items: { file: "x", rows: 1, sha256: "" },
    ...change,
  };
}

const embedded = (task: string, category: Category, change: Partial<ScoreRecord> = {}) =>
  record(task, category, { embedded: true, ...change });

/** One embedded task of each of the seven categories, with values 0.1 to 0.7. */
const seven = (Object.keys(MTEB_CATEGORIES) as Category[]).map((category, i) =>
  embedded(`W${category}`, category, { value: (i + 1) / 10, stderr: 0.014 })
);

const labels = (means: { label: string; complete: boolean }[]) =>
  means.map((mean) => [mean.label, mean.complete]);

Deno.test("categoryMeans() calls a category complete only with all of its tasks unsliced", () => {
  assert.deepEqual(labels(categoryMeans([record("SummEval", "summarization")])), [["summarization", true]]);
  assert.deepEqual(
    labels(categoryMeans([record("SummEval[mini:2]", "summarization", { baseTask: "SummEval" })])),
    [
      ["summarization (partial: 1 of 1 tasks, sliced)", false],
    ],
  );
  assert.deepEqual(
    labels(categoryMeans([
      record("STS12", "sts"),
      record("STS13[x:1]", "sts", { baseTask: "STS13" }),
    ])),
    [
      ["sts (partial: 2 of 10 tasks, 1 of them sliced)", false],
    ],
  );
});

Deno.test("categoryMeans() says of embedded tasks that they are, and never averages them with MTEB's", () => {
  assert.deepEqual(labels(categoryMeans([record("STS12", "sts"), embedded("W", "sts")])), [
    ["sts (partial: 1 of 10 tasks)", false],
    ["sts (1 embedded task)", true],
  ]);
  assert.deepEqual(labels(categoryMeans([embedded("a", "general")])), [
    ["general (partial: 1 of 2 embedded tasks)", false],
  ]);
  assert.deepEqual(labels(categoryMeans([embedded("W[t:3]", "sts", { baseTask: "W" })])), [
    ["sts (partial: 1 of 1 embedded task, sliced)", false],
  ]);
});

Deno.test("categoryMeans() combines the standard errors of its tasks, if all have one", () => {
  const pair = [record("A", "sts", { value: 0.2, stderr: 0.03 }), record("B", "sts", { stderr: 0.04 })];
  const [mean] = categoryMeans(pair);
  assertClose([mean!.value, mean!.stderr!], [0.35, 0.025], 1e-12);
  assert.equal(categoryMeans([...pair, record("C", "sts")])[0]!.stderr, null);
});

Deno.test("overallMeans() gives the embedded suite two averages: over seven categories, and of general ability", () => {
  const general = [
    embedded("a", "general", { value: 0.2, stderr: 0.01 }),
    embedded("b", "general", { value: 0.6 }),
  ];
  const averages = overallMeans([...seven, ...general]);
  assert.deepEqual(labels(averages), [
    ["embedding average", true],
    ["general average (2 embedded tasks)", true],
  ]);
  assertClose(averages.map((mean) => mean.value), [0.4, 0.4], 1e-12);
  assertClose([averages[0]!.stderr!], [0.014 / Math.sqrt(7)], 1e-12);
  assert.equal(averages[1]!.stderr, null);
});

Deno.test("overallMeans() labels an average in which a category or a task is missing", () => {
  assert.deepEqual(labels(overallMeans([...seven.slice(1), embedded("a", "general")])), [
    ["embedding average (partial: 6 of 7 categories)", false],
    ["general average (partial: 1 of 2 embedded tasks)", false],
  ]);
  const cut = { ...seven[0]!, task: "Wretrieval[tiny:3]" };
  assert.deepEqual(labels(overallMeans([cut, ...seven.slice(1)])), [
    ["embedding average (partial: 7 of 7 categories, not all of them whole)", false],
  ]);
});

Deno.test("categoryMeans() takes no other task in the place of one of the 56", () => {
  const names = MTEB_TASKS.filter((task) => task.category === "classification").map((task) => task.name);
  const scores = names.map((name) => record(name, "classification"));
  assert.deepEqual(labels(categoryMeans(scores)), [["classification", true]]);
  const released = [...scores.slice(1), record("TweetSentimentClassification", "classification")];
  assert.deepEqual(labels(categoryMeans(released)), [
    ["classification (partial: 11 of 12 tasks, 1 of another list)", false],
  ]);
});

Deno.test("overallMeans() gives no average of MTEB's tasks but over all 56, each counted once", () => {
  assert.deepEqual(overallMeans([record("STS12", "sts"), record("B", "general")]), []);
  const all = MTEB_TASKS.map(({ name, category }, i) => record(name, category, { value: i / 56 }));
  assert.deepEqual(overallMeans(all.slice(1)), []);
  const averages = overallMeans(all);
  assert.deepEqual(labels(averages), [["average of 56 tasks", true], ["average of 7 types", true]]);
  const types = categoryMeans(all).map(({ value }) => value);
  assertClose(
    averages.map(({ value }) => value),
    [55 / 2 / 56, types.reduce((sum, value) => sum + value) / 7],
    1e-12,
  );
});

Deno.test("categoryMeans() calls general ability complete with one whole score of each of the six benchmarks", () => {
  const six = ["gsm8k", "mmlu", "triviaqa", "fever-3way", "bbh_fewshot", "humaneval"].map((task) =>
    record(task, "general", { scorer: `${task.split(/[-_]/)[0]}/1` })
  );
  const label = (scores: ScoreRecord[]) => categoryMeans(scores)[0]!.label;
  assert.equal(label(six), "general");
  const half = record("mmlu-half", "general", { scorer: "mmlu/1" });
  assert.equal(label(six.with(1, half)), "general (partial: 6 of 6 tasks, 1 of them sliced)");
  const generative = record("mmlu_generative", "general", { scorer: "mmlu/1" });
  assert.equal(label(six.with(0, generative)), "general (partial: 5 of 6 tasks, 1 in another variant, too)");
  assert.equal(label([...six, generative]), "general (partial: 6 of 6 tasks, 1 in another variant, too)");
});
