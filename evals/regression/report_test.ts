import { assert } from "#test";
import { tableCsv } from "../report_table.ts";
import { answers, baselineOf, itemsOf, scoreOf } from "./_scores.ts";
import { checkScores } from "./check.ts";
import { junitXml } from "./junit.ts";
import { checkTable, headline, renderCheck } from "./report.ts";

const baseline = baselineOf([
  scoreOf('A|"<a>"', itemsOf(answers(400, 0.7, 1))),
  scoreOf("B", itemsOf(answers(200, 0.5, 2))),
  scoreOf("C", itemsOf(answers(3, 0.5, 2))),
], { tasks: { B: 2.5 } });
const same = baseline.tasks["B"]!;
const now = [
  scoreOf('A|"<a>"', itemsOf(answers(400, 0.4, 1)), { counts: { truncated_rationales: 9, rationales: 20 } }),
  scoreOf("B", itemsOf(answers(200, 0.5, 2))),
  scoreOf("C", itemsOf(answers(3, 0.5, 2)), { content: "d".repeat(64), files: [] }),
];
const report = checkScores(baseline, now);

Deno.test("renderCheck() leads with how it ended, and says of each task what became of it and why", () => {
  assert.equal(same.score, now[1]!.record.value);
  const text = renderCheck(report, "text", { notes: ["And more."] });
  assert.match(
    text,
    /^Check FAILED: 1 of 3 tasks regressed \(A\|"<a>"\); the mean of 2 tasks regressed; 1 of 3 tasks not compared \(C\)\.\n\n/,
  );
  assert.match(
    text,
    /^A\|"<a>" +REGRESSED +metric +400 +70\.00 +39\.50 +-30\.50 +\[-\d+\.\d\d, -\d+\.\d\d\]$/m,
  );
  assert.match(text, /^B +equal to the last bit +metric +200 +\d+\.\d\d +\d+\.\d\d +\+0\.00$/m);
  assert.match(text, /^C +NOT COMPARED +metric +3 +\d+\.\d\d +\d+\.\d\d$/m);
  assert.match(text, /^Not compared: C: other data: rows d{12}, the baseline has c{12}\.$/m);
  assert.match(
    text,
    /^Tolerated: a drop of 1 point a task \(B 2\.5\), and any that is not told from noise\.$/m,
  );
  assert.match(text, /all 4 together hold with 95 % confidence \(Holm\)/);
  assert.match(text, /^- A\|"<a>": truncated rationales: 9, of the baseline 1\.$/m);
  assert.match(text, /^Drops that would show are larger than what is tolerated: A/m);
  assert.ok(text.endsWith("\nAnd more.\n"));
  assert.match(renderCheck(report, "markdown"), /^\*\*Check FAILED[^]*^\| A\\\|"<a>" +\| REGRESSED +\|/m);
  assert.doesNotMatch(text, /NaN|undefined|Infinity/);
});

Deno.test("headline() counts what passed by its verdict", () => {
  const passed = checkScores(baseline, [now[1]!], { maxDropPoints: 0 });
  assert.match(headline(passed), /^Check FAILED: 2 of 3 tasks not compared/);
  const only = baselineOf([now[1]!]);
  assert.equal(headline(checkScores(only, [now[1]!])), "Check passed: 1 task: 1 equal to the last bit.");
});

Deno.test("checkTable() has a row for each task and their mean, with numbers that programs can read", () => {
  const [head, first, ...rest] = tableCsv(checkTable(report)).trimEnd().split("\n");
  assert.equal(
    head,
    "kind,task,metric,items,baseline,now,change,low,high,level,max_drop_points,verdict,failed",
  );
  assert.match(
    first!,
    /^task,"A\|""<a>""",metric,400,0\.7,0\.395,-0\.30[45]\d*,-0\.\d+,-0\.\d+,0\.98\d*,1,regressed,true$/,
  );
  assert.equal(rest.length, 3);
  assert.match(rest[1]!, /^task,C,metric,3,[\d.]+,[\d.]+,,,,,1,refused,true$/);
});

Deno.test("junitXml() is well-formed, with a case for each task and a failure for each that failed", () => {
  const xml = junitXml(report, "tiny:A&B");
  assert.match(
    xml,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="grace-repro check" tests="4" failures="3">/,
  );
  assert.match(
    xml,
    /<testcase classname="tiny:A&amp;B" name="A\|&quot;&lt;a&gt;&quot;"><failure message="REGRESSED">/,
  );
  assert.match(xml, /<failure message="NOT COMPARED">other data: rows d{12}/);
  assert.equal(xml.match(/<testcase /g)!.length, 4);
  assert.equal(xml.match(/<failure /g)!.length, 3);
  const open = xml.match(/<[a-z-]+[ >]/g)!.length, closed = xml.match(/<\/[a-z-]+>/g)!.length;
  assert.equal(open, closed);
  assert.ok(junitXml(report, "a\u0001b\ud800").includes(`classname="a\ufffdb\ufffd"`));
});
