import fc from "fast-check";
import { MTEB_CATEGORIES } from "../../category.ts";
import { assert, assertClose } from "#test";
import { gracePrinted65, meanOfTypes, weighted56 } from "../averages.ts";
import { cell, column, table } from "./_tables.ts";
import { Printed, valueOf, weightedRatio } from "./printed.ts";
import {
  cellSlack,
  declaredWeighting,
  fit,
  knownName,
  namedWeightings,
  oneWeightChanged,
} from "./weighting.ts";

const mteb = table(Object.entries(MTEB_CATEGORIES).map(([name, tasks]) => column(name, { tasks })), []);
const cells = (text: string) => text.split(" ").map((one) => cell(one)!);

Deno.test("namedWeightings() of the 56 tasks are the three averages of evals/paper/averages.ts", () => {
  const scores = cells("49.42 54.85 44.73 79.64 68.25 74.65 30.10");
  const means = Object.fromEntries(Object.keys(MTEB_CATEGORIES).map((name, i) => [name, scores[i]!.value]));
  const named = namedWeightings(mteb);
  assert.deepEqual(named.map(({ name }) => name), ["weighted56", "mean over 7 types", "grace_printed_65"]);
  assertClose(
    named.map(({ weights }) => valueOf(weightedRatio(scores, weights))),
    [weighted56(means), meanOfTypes(means), gracePrinted65(means)],
    1e-12,
  );
});

Deno.test("namedWeightings() knows grace_printed_65 only for tables of those 56 tasks", () => {
  const sixteen = table(
    mteb.columns.map((one) => ({ ...one, tasks: Math.min(one.tasks, 3) })),
    [],
  );
  assert.deepEqual(namedWeightings(sixteen).map(({ name }) => name), [
    "mean over 19 tasks",
    "mean over 7 types",
  ]);
  assert.equal(
    namedWeightings(table([column("a"), column("b")], [])).length,
    1,
    "tasks and types are the same",
  );
});

Deno.test("the mean over types takes the mean of each type first", () => {
  const typed = table(
    [
      column("STS12", { type: "sts" }),
      column("STS13", { type: "sts" }),
      column("SciFact", { type: "retrieval" }),
      column("CQADupstack", { type: "retrieval", tasks: 2 }),
    ],
    [],
    { weighting: "types" },
  );
  const scores = cells("10 20 30 60");
  assertClose(
    [valueOf(weightedRatio(scores, declaredWeighting(typed).weights))],
    [((10 + 20) / 2 + (30 + 2 * 60) / 3) / 2],
    1e-12,
  );
});

Deno.test("oneWeightChanged() holds every weight up to 20, the declared ones left out, and knows the paper's", () => {
  const all = oneWeightChanged(mteb);
  assert.equal(all.length, 7 * 20);
  const ten = all.find(({ name }) => name === "summarization weighs 10 instead of 1")!;
  assert.equal(knownName(mteb, ten), "grace_printed_65");
  assert.equal(knownName(mteb, all[0]!), "retrieval weighs 0 instead of 15");
});

Deno.test("fit() tells rounding, truncation and what lies within the digits of the cells from a miss", () => {
  const weighting = { name: "2a + b", weights: [2, 1] };
  const cases: [scores: string, average: string, expected: ReturnType<typeof fit>][] = [
    ["10.00 20.00", "13.33", "both"],
    ["10.02 20.00", "13.35", "rounded"],
    ["10.02 20.00", "13.34", "truncated"],
    ["10.00 20.00", "13.34", "within"],
    ["10.00 20.00", "13.32", "within"],
    ["10.00 20.00", "13.35", undefined],
    ["10.00 20.00", "13.31", undefined],
    ["10.0 20.0", "13.38", "within"],
  ];
  for (const [scores, average, expected] of cases) {
    assert.equal(fit(cells(scores), cell(average)!, weighting), expected, `${scores} as ${average}`);
  }
});

Deno.test("fit() takes the average of true scores however both were rounded", () => {
  const scores = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 2, maxLength: 7 });
  const cut = (value: number) => (Math.floor(value / 1000) / 100).toFixed(2);
  const round = (value: number) => (Math.round(value / 1000) / 100).toFixed(2);
  fc.assert(fc.property(scores, fc.boolean(), (exact, truncated) => {
    const mean = exact.reduce((sum, value) => sum + value, 0) / exact.length;
    const printed = Printed.parse((truncated ? cut : round)(mean))!;
    const rounded = exact.map((value) => Printed.parse(round(value))!);
    assert.ok(fit(rounded, printed, { name: "mean", weights: exact.map(() => 1) }), `${exact} as ${printed}`);
  }));
});

Deno.test("cellSlack() weighs the half units of the cells", () => {
  assertClose([cellSlack(cells("1.00 2.0"), { name: "", weights: [3, 1] })], [(3 * 0.005 + 0.05) / 4], 1e-15);
});
