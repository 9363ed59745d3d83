import { assert } from "#test";
import type { Comparison, MeanRow, TaskRow } from "../compare.ts";
import { changes, drawIntervals } from "./intervals.ts";

const difference = (value: number, interval: [number, number] | null) => ({ value, interval });

const average: MeanRow = {
  category: null,
  label: "average",
  complete: true,
  values: [0.5, 0.6, 0.5],
  stderrs: [null, null, null],
  differences: [null, difference(0.1, [0.05, 0.15]), difference(0, null)],
};

const task: TaskRow = {
  task: "T",
  category: "sts",
  metric: "m",
  main: true,
  items: 9,
  cells: [null, difference(-0.1, [-0.2, -0.05]), difference(0.01, [-0.1, 0.1])].map((difference) => ({
    value: 0.5,
    stderr: null,
    share: null,
    difference,
  })),
};

const comparison = (averages: readonly MeanRow[]): Comparison => ({
  arms: ["base", "a", "b"],
  base: "base",
  bootstrap: { resamples: 10, confidence: 0.95, seed: 0 },
  tasks: [task, { ...task, metric: "other", main: false }],
  categories: [],
  averages,
  embedded: true,
  warnings: [],
});

Deno.test("changes() shows the averages in points, or the main metrics of the tasks where there are none", () => {
  assert.deepEqual(changes(comparison([average]))!.panels, [{
    title: "average",
    intervals: [
      { name: "a", value: 10, low: 5, high: 15 },
      { name: "b", value: 0, low: null, high: null },
    ],
  }]);
  assert.deepEqual(changes(comparison([]))!.panels.map(({ title }) => title), ["T, m"]);
});

Deno.test("drawIntervals() draws each change on one scale with 0, and colours those that leave 0 out", () => {
  const drawn = drawIntervals(changes(comparison([]))!);
  const dots = [...drawn.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="3.5" fill="(#[0-9a-f]+)"/g)];
  assert.deepEqual(dots.map(([, x, y, colour]) => [Number(x), Number(y), colour]), [
    [236.7, 40, "#d4700c"],
    [343, 60, "#737b85"],
  ]);
  assert.match(drawn, /<path d="M333.3 30V70" stroke="#737b85" stroke-opacity="0.9"/);
});

Deno.test("drawIntervals() escapes what arms and tasks are called", () => {
  const panel = { title: "<T>", intervals: [{ name: "a&b", value: 1, low: null, high: null }] };
  const drawn = drawIntervals({ title: "t", panels: [panel] });
  assert.match(drawn, /&lt;T&gt;(.|\n)*a&amp;b/);
  assert.doesNotMatch(drawn, /<T>/);
});
