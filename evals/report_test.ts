import { assert } from "#test";
import type { Comparison } from "./compare.ts";
import { renderComparison } from "./report.ts";

const comparison: Comparison = {
  arms: ["base", "grace"],
  base: "base",
  bootstrap: { resamples: 100, confidence: 0.95, seed: 0 },
  tasks: [
    {
      task: "SciFact[mini:40]",
      category: "retrieval",
      metric: "ndcg_at_10",
      main: true,
      items: 40,
      cells: [
        { value: 0.5, stderr: 0.0312, share: null, difference: null },
        {
          value: 0.4999999,
          stderr: null,
          share: null,
          difference: { value: -1e-7, interval: [-0.02, 0.0312] },
        },
      ],
    },
    {
      task: "mmlu|x",
      category: "general",
      metric: "acc",
      main: true,
      items: 2,
      cells: [
        { value: 0.5, stderr: null, share: { correct: 1, trials: 2 }, difference: null },
        {
          value: 1,
          stderr: null,
          share: { correct: 2, trials: 2 },
          difference: { value: 0.5, interval: null },
        },
      ],
    },
  ],
  categories: [{
    category: "retrieval",
    label: "retrieval (partial)",
    complete: false,
    values: [0.5, 0.4999999],
    stderrs: [0.0312, null],
    differences: [null, { value: -1e-7, interval: [-0.02, 0.0312] }],
  }],
  averages: [],
  embedded: false,
  warnings: [{ arm: "grace", task: "T", text: "the filters differ" }],
};

const TEXT = `\
Scores (x 100)
--------------------------------------------------------------
task              metric      items         base         grace
--------------------------------------------------------------
SciFact[mini:40]  ndcg_at_10     40  50.00 ±3.12         50.00
mmlu|x            acc             2  50.00 (1/2)  100.00 (2/2)

Change against "base" in points, with 95 % intervals
----------------------------------------
task                               grace
----------------------------------------
SciFact[mini:40]    +0.00 [-2.00, +3.12]
mmlu|x            +50.00 [too few items]

Category means (x 100)
-----------------------------------------------
category                    base          grace
-----------------------------------------------
retrieval (partial)  50.00 ±3.12  50.00 (+0.00)

Intervals: paired bootstrap over items, 100 resamples, seed 0. They cover the choice of items, \
not the randomness of training or sampling.

No average over the benchmark is given, because not all of its 56 tasks were evaluated.

Warning: grace: T: the filters differ.
`;

Deno.test("renderComparison() aligns columns and prints points, shares and intervals as text", () => {
  assert.equal(renderComparison(comparison, "text"), TEXT);
});

Deno.test("renderComparison() escapes bars in Markdown and quotes in CSV", () => {
  const markdown = renderComparison(comparison, "markdown");
  assert.match(markdown, /\| mmlu\\\|x /);
  const widths = markdown.split("\n\n")[1]!.split("\n").map((line) => line.length);
  assert.equal(new Set(widths).size, 1, "rows of one table are equally long");
  const csv = renderComparison({ ...comparison, arms: ['a,"b"', "grace"] }, "csv");
  assert.equal(csv.split("\n")[1], '"a,""b""",SciFact[mini:40],retrieval,ndcg_at_10,true,40,0.5,0.0312,,,,,');
});

Deno.test("renderComparison() refuses to print a number that is not finite", () => {
  const broken = structuredClone(comparison) as { -readonly [K in keyof Comparison]: Comparison[K] };
  broken.categories = [{
    category: null,
    label: "x",
    complete: false,
    values: [NaN, 1],
    stderrs: [null, null],
    differences: [null, { value: 1, interval: null }],
  }];
  assert.throws(() => renderComparison(broken, "text"), TypeError);
  assert.throws(() => renderComparison(broken, "markdown"), TypeError);
});

Deno.test("renderComparison() gives JSON that parses back to the comparison", () => {
  assert.deepEqual(JSON.parse(renderComparison(comparison, "json")), comparison);
});

Deno.test("renderComparison() begins with a line for each arm where there are averages", () => {
  const average = (label: string) => ({ ...comparison.categories[0]!, category: null, label });
  const text = renderComparison({
    ...comparison,
    averages: [average("embedding average"), average("general average (2 embedded tasks)")],
  }, "text");
  assert.equal(
    text.split("\n\n")[0],
    `\
Averages (x 100), and their change against "base" with 95 % intervals
-------------------------------------------------------------------------------------
arm    embedding average                change  general average                change
-------------------------------------------------------------------------------------
base         50.00 ±3.12                            50.00 ±3.12
grace              50.00  +0.00 [-2.00, +3.12]            50.00  +0.00 [-2.00, +3.12]
`.trimEnd(),
  );
});

Deno.test("renderComparison() puts arms below each other when there are too many to stand side by side", () => {
  const many = structuredClone(comparison) as { -readonly [K in keyof Comparison]: Comparison[K] };
  many.arms = ["base", "a", "b", "c", "d"];
  many.tasks = comparison.tasks.map((row) => ({
    ...row,
    cells: [row.cells[0]!, ...Array(4).fill(row.cells[1]!)],
  }));
  many.categories = [];
  assert.equal(
    renderComparison(many, "text").split("\n\n").slice(0, 2).join("\n\n"),
    `\
Scores (x 100)
--------------------------------------
task    SciFact[mini:40]        mmlu|x
--------------------------------------
metric        ndcg_at_10           acc
items                 40             2
base         50.00 ±3.12   50.00 (1/2)
a                  50.00  100.00 (2/2)
b                  50.00  100.00 (2/2)
c                  50.00  100.00 (2/2)
d                  50.00  100.00 (2/2)

Change against "base" in points, with 95 % intervals
-------------------------------------------------
arm      SciFact[mini:40]                  mmlu|x
-------------------------------------------------
a    +0.00 [-2.00, +3.12]  +50.00 [too few items]
b    +0.00 [-2.00, +3.12]  +50.00 [too few items]
c    +0.00 [-2.00, +3.12]  +50.00 [too few items]
d    +0.00 [-2.00, +3.12]  +50.00 [too few items]`,
  );
});

Deno.test("renderComparison() gives the standard error where an item is tried more than once", () => {
  const [row] = comparison.tasks;
  const cell = { ...row!.cells[0]!, share: { correct: 200, trials: 400 } };
  const text = renderComparison(
    { ...comparison, tasks: [{ ...row!, cells: [cell, row!.cells[1]!] }] },
    "text",
  );
  assert.match(text, /50\.00 ±3\.12/);
  assert.doesNotMatch(text, /200\/400/);
});
