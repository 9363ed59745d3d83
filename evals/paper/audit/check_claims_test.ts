import { assert, assertClose } from "#test";
import { cell, column, documentOf, table } from "./_tables.ts";
import { checkClaims } from "./check_claims.ts";
import type { Claim } from "./document.ts";

const some = table([column("a"), column("b")], [
  "m | Base | 10.00 30.00 | 20.00",
  "m | GRACE | 20.00 40.00 | 30.00",
  "n | Base | 40.00 40.00 | 40.00",
  "n | GRACE | 44.00 40.00 | 42.00",
  "only | Base | 1.00 1.00 | 1.00",
]);
const base = { where: "Abstract", text: "a claim", table: "T" } as const;
const check = (claim: Claim, tables = [some]) => checkClaims(documentOf(tables, [claim]));
const gain = (printed: string, unit: "percent" | "points", tables = [some]) =>
  check({ ...base, kind: "meanGain", printed: cell(printed)!, unit, from: "Base", to: "GRACE" }, tables)
    .findings;

Deno.test("checkClaims() accepts a mean gain in its unit: points, mean of relative gains, relative gain of means", () => {
  assert.deepEqual(gain("6.0", "points"), []);
  assert.deepEqual(gain("27.5", "percent"), [], "(50 + 5) / 2");
  assert.deepEqual(gain("20", "percent"), [], "36 / 30");
});

Deno.test("checkClaims() finds points that are called percent", () => {
  const [finding] = gain("6.0", "percent");
  assert.equal(finding!.severity, "medium");
  assert.equal(finding!.printed, "6.0 %");
  assertClose([finding!.derived!, finding!.difference!], [6, 0], 1e-12);
  assert.match(
    finding!.text,
    /^it is mean points of printed averages; mean points 6\.00 .* mean percent 27\.50/,
  );
});

Deno.test("checkClaims() finds a gain that no reading gives", () => {
  const [finding] = gain("9.0", "points");
  assert.equal(finding!.severity, "major");
  assertClose([finding!.derived!, finding!.difference!], [6, 3], 1e-12);
  assert.match(finding!.text, /^no reading gives it/);
});

Deno.test("checkClaims() finds a gain that holds only of averages that are wrong", () => {
  const wrong = table(some.columns, ["m | Base | 10.00 30.00 | 20.00", "m | GRACE | 20.00 40.00 | 35.00"]);
  const [finding] = gain("15.0", "points", [wrong]);
  assert.equal(finding!.severity, "medium");
  assertClose([finding!.derived!, finding!.difference!], [10, 5], 1e-12);
});

Deno.test("checkClaims() reads a gain from the printed averages where cells are missing or a base is 0", () => {
  const rows = ["m | Base | - 30.00 | 0.00", "m | GRACE | 20.00 - | 5.00"];
  const found = gain("5.0", "points", [table(some.columns, rows)]);
  assert.equal(found.length, 1, "nothing to re-derive it from");
  assert.match(found[0]!.text, /^it is mean points of printed averages; mean points 5\.00$/);
  assert.equal(gain("7.0", "percent", [table(some.columns, rows)])[0]!.severity, "major");
});

Deno.test("checkClaims() accepts steps that improve every column, and finds those that do not", () => {
  const claim: Claim = { ...base, kind: "improves", steps: ["Base", "GRACE"] };
  const { checked, findings } = check(claim);
  assert.equal(checked.improves, 4, "two models with both methods, two columns");
  assert.deepEqual(
    findings.map(({ row, column, printed, derived, difference }) => [
      row,
      column,
      printed,
      derived,
      difference,
    ]),
    [["n, GRACE", "b", "40.00", 40, 0]],
  );
  const better = table(some.columns, some.rows.slice(0, 2));
  assert.deepEqual(check(claim, [better]).findings, []);
});

Deno.test("checkClaims() accepts what is greater, and finds what is not", () => {
  const at = (method: string, column: string) => ({ table: "T", model: "m", method, column });
  const greater = (high: string, low: string, column: string): Claim => ({
    ...base,
    kind: "greater",
    higher: at(high, column),
    lower: at(low, column),
  });
  assert.deepEqual(check(greater("GRACE", "Base", "a")).findings, []);
  assert.deepEqual(check(greater("GRACE", "Base", "average")).findings, []);
  const [finding] = check(greater("Base", "GRACE", "a")).findings;
  assert.equal(finding!.severity, "major");
  assert.deepEqual([finding!.printed, finding!.derived, finding!.difference], ["10.00", 20, -10]);
  assert.equal(check(greater("Base", "Base", "a")).findings.length, 1, "equal is not greater");
});

Deno.test("checkClaims() finds an order that only wrong averages have", () => {
  const wrong = table(some.columns, ["m | Base | 10.00 30.00 | 20.00", "m | GRACE | 9.00 30.00 | 21.00"]);
  const claim: Claim = {
    ...base,
    kind: "greater",
    higher: { table: "T", model: "m", method: "GRACE", column: "average" },
    lower: { table: "T", model: "m", method: "Base", column: "average" },
  };
  const [finding] = check(claim, [wrong]).findings;
  assert.match(finding!.text, /re-derived: 19\.50 against 20\.00; does not hold re-derived$/);
});
