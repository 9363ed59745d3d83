import { MTEB_CATEGORIES } from "../../category.ts";
import { assert, assertClose } from "#test";
import { column, table } from "./_tables.ts";
import { checkAverages } from "./check_averages.ts";
import type { AuditTable } from "./document.ts";
import type { Rule } from "./finding.ts";

const mteb = Object.entries(MTEB_CATEGORIES).map(([name, tasks]) => column(name, { tasks }));
const three = [column("a", { tasks: 5 }), column("b", { tasks: 2 }), column("c")];

const found = (some: AuditTable, rule: Rule) =>
  checkAverages(some).findings.filter((one) => one.rule === rule);

Deno.test("checkAverages() has nothing to say about averages that are what they say", () => {
  const { checked, findings } = checkAverages(table(three, [
    "m | Base | 10.00 20.00 30.00 | 15.00",
    "m | GRACE | 11.00 21.00 31.00 | 16.00",
    "m | no average | 11.00 21.00 -",
  ]));
  assert.deepEqual(findings, []);
  assert.deepEqual(checked, { average: 2, partial: 2, columns: 2, digits: 3, mixed: 1, rounding: 1 });
});

Deno.test("checkAverages() names the other weighting that gives an average", () => {
  const [finding, ...others] = found(table(three, ["m | Base | 10.10 20.30 30.70 | 20.37"]), "average");
  assert.deepEqual(others, []);
  assert.equal(finding!.severity, "major");
  assert.equal(finding!.printed, "20.37");
  assertClose([finding!.derived!, finding!.difference!], [15.225, 20.37 - 15.225], 1e-12);
  assert.match(finding!.text, /^said to be mean over 8 tasks; mean over 3 types gives 20\.367, rounded$/);
});

Deno.test("checkAverages() takes a table for a mean over types if it says so", () => {
  const rows = ["m | Base | 10.10 20.30 30.70 | 20.37"];
  assert.deepEqual(found(table(three, rows, { weighting: "types" }), "average"), []);
});

Deno.test("checkAverages() finds the weight that was changed, and says that no other fits", () => {
  const some = table(mteb, [
    "m | 1 | 22.15 29.32 25.44 36.18 35.77 44.11 26.32 | 30.33",
    "m | 2 | 38.95 43.88 36.21 52.02 53.87 56.39 28.43 | 43.21",
    "m | 3 | 49.42 54.85 44.73 79.64 68.25 74.65 30.10 | 54.74",
  ]);
  const [search, ...rows] = found(some, "average");
  assert.equal(search!.row, null);
  assert.match(
    search!.text,
    /^the 3 averages .*grace_printed_65 \(summarization weighs 10 instead of 1\), divided by 65/,
  );
  assert.match(search!.text, /no other of the 140 weightings/);
  assert.deepEqual(rows.map(({ row }) => row), ["m, 1", "m, 2", "m, 3"]);
});

Deno.test("checkAverages() finds a changed weight that has no name, in three rows but not in two", () => {
  // a weighs 3 instead of 5: (3a + 2b + c) / 6.
  const rows = [
    "m | 1 | 10.13 20.47 33.91 | 17.54",
    "m | 2 | 55.02 12.70 80.31 | 45.13",
    "m | 3 | 71.30 64.45 18.22 | 60.17",
  ];
  const three_ = found(table(three, rows), "average");
  assert.match(three_[0]!.text, /given by a weighs 3 instead of 5, divided by 6/);
  assert.match(three_[1]!.text, /a weighs 3 instead of 5 gives 17\.540/);
  const two = found(table(three, rows.slice(0, 2)), "average");
  assert.equal(two.length, 2);
  for (const { severity, text } of two) {
    assert.equal(severity, "medium");
    assert.match(text, /no weighting in use gives it$/);
  }
});

Deno.test("checkAverages() says of an average that follows from nothing that it does not", () => {
  const [finding] = found(table([column("a"), column("b")], ["m | Base | 10.00 20.00 | 15.16"]), "average");
  assert.equal(finding!.severity, "medium");
  assertClose([finding!.derived!, finding!.difference!], [15, 0.16], 1e-12);
});

Deno.test("checkAverages() refuses an average of which a cell is missing", () => {
  const some = table(three, ["m | Base | 10.00 - 30.00 | 13.33"]);
  const [finding] = found(some, "partial");
  assert.equal(finding!.severity, "medium");
  assert.match(finding!.text, /^an average without b;/);
  assertClose([finding!.derived!], [(5 * 10 + 30) / 6], 1e-12);
  assert.deepEqual(found(table(three, ["m | Base | 10.00 - 30.00"]), "partial"), []);
  const [empty] = found(table(three, ["m | Base | - - - | 13.33"]), "partial");
  assert.equal(empty!.derived, null);
});

Deno.test("checkAverages() says which averages of a table cannot be compared", () => {
  const rows = ["m | sum | 10.10 20.30 30.70 | 15.21", "m | types | 10.10 20.30 30.70 | 20.37"];
  const [finding] = found(table(three, rows), "mixed");
  assert.equal(finding!.severity, "major");
  assert.match(finding!.text, /mean over 8 tasks: m, sum; mean over 3 types: m, types$/);
  assert.deepEqual(found(table(three, rows.slice(0, 1)), "mixed"), []);
});

Deno.test("checkAverages() notes truncation, and is silent about rounding", () => {
  const equal = ["a", "b", "c"].map((name) => column(name));
  const rows = [
    "m | 1 | 1.00 2.00 2.00 | 1.66",
    "m | 2 | 2.00 3.00 3.00 | 2.67",
    "m | 3 | 1.00 1.00 1.00 | 1.00",
  ];
  const [finding] = found(table(equal, rows), "rounding");
  assert.equal(finding!.severity, "note");
  assert.equal(finding!.text, "truncated: 1, rounded: 1, as either would: 1");
  assert.deepEqual(found(table(equal, rows.slice(1)), "rounding"), []);
});

Deno.test("checkAverages() takes a row whose cells all end in 0 at the digits that it was rounded to", () => {
  const six = ["a", "b", "c", "d", "e", "f"].map((name) => column(name));
  const coarse = "m | Base | 57.90 62.60 28.80 71.50 35.00 52.80";
  const [minor] = found(table(six, [`${coarse} | 51.40`]), "digits");
  assert.equal(minor!.severity, "minor");
  assert.match(minor!.text, /rounded to 1 decimal/);
  assert.deepEqual(found(table(six, [`${coarse} | 51.40`]), "average"), [], "explained");
  const [note] = found(table(six, [`${coarse} | 51.43`]), "digits");
  assert.equal(note!.severity, "note");
  assert.equal(found(table(six, [`${coarse} | 51.80`]), "average").length, 1, "not explained");
  assert.deepEqual(
    found(table(six, ["m | Base | 57.90 62.60 28.80 71.50 35.01 52.80 | 51.44"]), "digits"),
    [],
  );
});
