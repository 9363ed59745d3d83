import { assert } from "#test";
import { column, documentOf, table } from "./_tables.ts";
import { audit } from "./audit.ts";
import { renderAudit, verdict } from "./report.ts";

const some = audit(documentOf([
  table([column("a|b", { items: [10] }), column("c")], [
    "m | good | 10.00 20.00 | 15.00",
    "m | bad | 15.00 20.00 | 17.00",
  ], { about: "what it is" }),
]));
const clean = audit(documentOf([table([column("a")], ["m | good | 10.00 | 10.00"])]));

Deno.test("renderAudit() shows a table for each rule with findings, and a line for each rule", () => {
  const lines = renderAudit(some, "text", false).split("\n");
  assert.equal(lines[0], "Audit of a test");
  assert.ok(
    lines.some((line) =>
      /^medium {4}T {6}m, bad {2}average {4}17\.00 {3}17\.500 {6}-0\.500 {2}said to/.test(line)
    ),
  );
  assert.ok(
    lines.some((line) =>
      /^medium .*m, bad {2}a\|b .* no k\/10: 1\/10 = 10\.000, 2\/10 = 20\.000$/.test(line)
    ),
  );
  assert.ok(lines.some((line) => /^grim +2 +1 +0 {2}An accuracy/.test(line)));
  assert.equal(lines.at(-2), "Found: 2 contradictions, no notes");
  assert.ok(!lines.some((line) => /^delta: /.test(line)), "no table for a rule without findings");
  assert.ok(!lines.some((line) => line.includes("m, good")));
});

Deno.test("renderAudit() shows every average and every count if asked to", () => {
  const text = renderAudit(some, "text", true);
  assert.match(text, /^T +2 +2 {2}what it is$/m);
  assert.match(text, /^T +m, good +15\.00 +15\.000 +0\.000$/m);
  assert.match(text, /^T +m, good +a\|b +10\.00 {2}1 of 10$/m);
  assert.match(text, /^T +m, bad +a\|b +15\.00 {2}none: between 1 and 2 of 10$/m);
});

Deno.test("renderAudit() writes Markdown whose cells hold no bare bar", () => {
  const markdown = renderAudit(some, "markdown", true);
  assert.match(markdown, /\| a\\\|b /);
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) continue;
    assert.ok([4, 5, 6, 9].includes(line.split(/(?<!\\)\|/).length - 1), line);
  }
});

Deno.test("renderAudit() says that nothing was found", () => {
  assert.equal(verdict(clean), "Found: no contradictions, no notes");
  const text = renderAudit(clean, "text", false);
  assert.match(text, /^Audit of a test\n\nChecks\n/);
});
