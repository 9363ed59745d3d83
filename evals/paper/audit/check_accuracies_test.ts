import { assert, assertClose } from "#test";
import { column, table } from "./_tables.ts";
import { accuracyCells, checkAccuracies } from "./check_accuracies.ts";

const general = [column("gsm8k", { items: [1319] }), column("humaneval", { items: [164] }), column("fever")];

Deno.test("checkAccuracies() has nothing to say about accuracies that are counts", () => {
  const { checked, findings } = checkAccuracies(table(general, ["m | Base | 32.07 46.95 1.23"]));
  assert.deepEqual(findings, []);
  assert.equal(checked.grim, 2, "a column without N is not checked");
});

Deno.test("checkAccuracies() finds accuracies that no count gives, and names the nearest", () => {
  const { findings } = checkAccuracies(table(general, ["m | GRACE | 32.54 47.30 1.23"]));
  assert.deepEqual(findings.map(({ rule, severity, column }) => [rule, severity, column]), [
    ["grim", "medium", "gsm8k"],
    ["grim", "medium", "humaneval"],
  ]);
  assertClose(findings.map(({ derived }) => derived!), [100 * 429 / 1319, 100 * 78 / 164], 1e-9);
  assert.equal(findings[0]!.text, "no k/1319: 429/1319 = 32.525, 430/1319 = 32.600");
});

Deno.test("checkAccuracies() notes a count that was truncated", () => {
  const { findings } = checkAccuracies(table(general, ["m | Base | 32.06 46.95 1.23"]));
  assert.deepEqual(findings.map(({ severity, text }) => [severity, text]), [
    ["note", "423/1319, truncated instead of rounded"],
  ]);
});

Deno.test("checkAccuracies() takes several runs, any of several sizes, and fractions", () => {
  const runs = table([column("probe", { items: [10], runs: 10 })], ["m | a | 77.00", "m | b | 77.50"]);
  assert.deepEqual(checkAccuracies(runs).findings.map(({ row }) => row), ["m, b"]);
  const sizes = table([column("probe", { items: [10, 40] })], ["m | b | 77.50"]);
  assert.deepEqual(checkAccuracies(sizes).findings, []);
  const fraction = table([column("probe", { items: [10] })], ["m | a | 0.70", "m | b | 0.75"], {
    fullScore: 1,
  });
  assert.deepEqual(checkAccuracies(fraction).findings.map(({ row }) => row), ["m, b"]);
});

Deno.test("checkAccuracies() is lenient only as far as a row was rounded to fewer digits", () => {
  const six = [...general, column("d"), column("e"), column("f")];
  const { findings } = checkAccuracies(table(six, ["m | Base | 57.90 52.80 28.80 71.50 35.00 62.60"]));
  assert.deepEqual(findings.map(({ column, severity }) => [column, severity]), [
    ["gsm8k", "minor"],
    ["humaneval", "medium"],
  ]);
  assert.match(findings[0]!.text, /rounded to fewer digits it is 764\/1319$/);
});

Deno.test("accuracyCells() gives k beside every accuracy, and where N says nothing", () => {
  const cells = accuracyCells(
    table([column("mmlu", { items: [14_042] }), ...general.slice(1)], ["m | Base | 54.94 46.95 -"]),
  );
  assert.deepEqual(cells.map(({ column, grim }) => [column, grim.vacuous]), [["mmlu", true], [
    "humaneval",
    false,
  ]]);
  assert.deepEqual(cells[1]!.grim.attained.map(({ k, n }) => [k, n]), [[77, 164]]);
});

Deno.test("checkAccuracies() notes scores below guessing by more than chance explains", () => {
  const rows = ["m | below | 14.74", "m | near | 24.90", "m | above | 54.94"];
  const some = table([column("mmlu", { items: [14_042], chance: 25 })], rows);
  const { checked, findings } = checkAccuracies(some);
  assert.equal(checked.chance, 3);
  assert.deepEqual(findings.map(({ rule, severity, row }) => [rule, severity, row]), [[
    "chance",
    "note",
    "m, below",
  ]]);
});
