import { assert } from "#test";
import { type Category, MTEB_CATEGORIES } from "../category.ts";
import type { Comparison, MeanRow } from "../compare.ts";
import { tradeoff } from "./tradeoff.ts";

const row = (category: MeanRow["category"], values: number[]): MeanRow => ({
  category,
  label: "",
  complete: true,
  values,
  stderrs: values.map(() => null),
  differences: values.map(() => null),
});

const comparison = (categories: MeanRow[]) => ({ categories }) as unknown as Comparison;

const arms = [
  { name: "base", family: "untrained", curve: null },
  { name: "cl-high", family: "cl", curve: { name: "cl", at: 1e-3 } },
  { name: "cl", family: "cl", curve: { name: "cl", at: 1e-4 } },
  { name: "reasoning", family: "untrained", curve: null },
];

Deno.test("tradeoff() means categories, not tasks, and joins the baseline by its learning rate", () => {
  const chart = tradeoff(
    "t",
    comparison([
      row("sts", [0.5, 0.7, 0.6, 0.5]),
      row("retrieval", [0.1, 0.3, 0.2, 0.1]),
      row("general", [0.8, 0.3, 0.7, 0.8]),
    ]),
    arms,
  )!;
  assert.deepEqual(chart.points.map(({ name, x, y, group }) => [name, Math.round(x), Math.round(y), group]), [
    ["base", 80, 30, 0],
    ["cl-high", 30, 50, 1],
    ["cl", 70, 40, 1],
    ["reasoning", 80, 30, 0],
  ]);
  assert.deepEqual(chart.lines, [["cl", "cl-high"]]);
});

Deno.test("tradeoff() draws nothing where one of the two was not evaluated", () => {
  assert.equal(tradeoff("t", comparison([row("sts", [1, 1, 1, 1])]), arms), null);
  assert.equal(tradeoff("t", comparison([row("general", [1, 1, 1, 1])]), arms), null);
});

Deno.test("tradeoff() calls an axis partial unless everything behind it was evaluated", () => {
  const names = Object.keys(MTEB_CATEGORIES) as Category[], values = [0.5, 0.5, 0.5, 0.5];
  const axes = (categories: MeanRow[]) => {
    const { x, y } = tradeoff("t", comparison(categories), arms)!;
    return [x.includes("(partial)"), y.includes("(partial)")];
  };
  const whole = [...names, "general" as const].map((name) => row(name, values));
  assert.deepEqual(axes(whole), [false, false]);
  assert.deepEqual(axes(whole.slice(1)), [false, true]);
  assert.deepEqual(axes(whole.map((one) => ({ ...one, complete: one.category === "sts" }))), [true, true]);
});
