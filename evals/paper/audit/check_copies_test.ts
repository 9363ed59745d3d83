import { assert } from "#test";
import { column, documentOf, row, table } from "./_tables.ts";
import { checkCopies } from "./check_copies.ts";

const original = table([column("b"), column("a"), column("z")], [" | X | 20.0 10.00 7.00 | 15.00"], {
  name: "O",
});
const copied = (text: string) =>
  documentOf([
    original,
    table([column("a"), column("b"), column("c")], [
      row(text, { copyOf: { table: "O", model: "", method: "X" } }),
    ]),
  ]);

Deno.test("checkCopies() goes by headings, not by positions, and by numbers, not by digits", () => {
  const { checked, findings } = checkCopies(copied(" | X | 10.00 20.00 99.00 | 15.00"));
  assert.deepEqual(findings, []);
  assert.equal(checked.copy, 3, "a, b and the average");
});

Deno.test("checkCopies() says under which heading a value stands in the original", () => {
  const { findings } = checkCopies(copied(" | X | 20.00 10.00 99.00 | 15.00"));
  assert.deepEqual(
    findings.map(({ severity, column, printed, derived, difference }) => [
      severity,
      column,
      printed,
      derived,
      difference,
    ]),
    [["major", "a", "20.00", 10, 10], ["major", "b", "10.00", 20, -10]],
  );
  assert.equal(findings[0]!.text, "O, X: 20.00 stands there under b");
});

Deno.test("checkCopies() finds another average", () => {
  const { findings } = checkCopies(copied(" | X | 10.00 20.00 - | 15.10"));
  assert.deepEqual(findings.map(({ column, text }) => [column, text]), [[
    "average",
    "O, X has another number",
  ]]);
});
