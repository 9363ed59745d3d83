import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { launch } from "./_launch.ts";

const document = new URL("../docs/audit.md", import.meta.url);
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/audit/${name}`, import.meta.url));

Deno.test("audit exits with 1 because the paper's tables contradict themselves, and says where", async () => {
  const { code, stdout, stderr } = await launch(["audit"]);
  assert.equal(code, 1, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^Audit of GRACE, arXiv 2510\.04506v1: Tables 1, 2, 4 and 5/);
  assert.match(stdout, /^major +Table 1 +Qwen2\.5-3B-Instruct, GRACE +average +54\.74 +58\.701 +-3\.961 /m);
  assert.match(stdout, /^Found: \d+ contradictions, \d+ notes\n$/m);
});

Deno.test("audit FILE exits with 0 where nothing contradicts, and with 1 where something does", async () => {
  const fine = await launch(["audit", fixture("own_table.csv")]);
  assert.equal(fine.code, 0, fine.stderr);
  assert.match(fine.stdout, /\nFound: no contradictions, no notes\n$/);
  const wrong = await launch(["audit", fixture("own_tables.json"), "--all"]);
  assert.equal(wrong.code, 1, wrong.stderr);
  assert.match(wrong.stdout, /humaneval +5\.10 {2}none: between 8 and 9 of 164\n/);
});

Deno.test("audit --json prints one object with findings, averages and counts", async () => {
  const { code, stdout } = await launch(["audit", fixture("own_tables.json"), "--json"]);
  assert.equal(code, 1);
  const report = JSON.parse(stdout);
  assert.equal(report.schema, "grace-repro/audit/1");
  assert.equal(report.contradictions, 5);
  assert.deepEqual(Object.keys(report.findings[0]), [
    "table",
    "row",
    "column",
    "printed",
    "derived",
    "difference",
    "rule",
    "severity",
    "text",
  ]);
  const humaneval = report.accuracies.find(({ column }: { column: string }) => column === "humaneval");
  assert.deepEqual(humaneval.grim.attained[0].k, 8);
  assert.deepEqual(report.averages[0].means.map(({ name }: { name: string }) => name), [
    "mean over 4 types",
    "mean over 7 tasks",
  ]);
});

Deno.test("audit refuses a file that is not there or not a table, naming the line", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const broken = join(folder, "t.csv");
    Deno.writeTextFileSync(broken, "method,a,average\nX,1.0,1,0\n");
    const cases: [file: string, code: number, message: RegExp][] = [
      [join(folder, "nowhere.json"), 3, /^error: cannot read ".*nowhere\.json"/],
      [broken, 2, /^error: ".*t\.csv" line 2: 4 cells below 3 headings\n {2}docs\/audit\.md/],
      [join(folder, "t.xlsx"), 2, /neither \.json nor \.csv/],
    ];
    for (const [file, code, message] of cases) {
      const ending = await launch(["audit", file]);
      assert.equal(ending.code, code, ending.stderr);
      assert.match(ending.stderr, message);
      assert.equal(ending.stdout, "");
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("docs/audit.md shows what the command prints (GRACE_UPDATE=1 rewrites it)", async () => {
  const { stdout } = await launch(["audit", "--all", "--format", "markdown"]);
  const text = Deno.readTextFileSync(document);
  const [, before, shown, after] = /^(.*<!-- What follows[^\n]*-->\n)(.*)(<!-- end -->.*)$/s.exec(text)!;
  if (Deno.env.get("GRACE_UPDATE")) {
    Deno.writeTextFileSync(document, `${before}\n${stdout}\n${after}`);
    return;
  }
  // The formatter breaks long lines; nothing else may differ.
  const words = (some: string) => some.trim().split(/\s+/).join(" ");
  assert.equal(words(shown!), words(stdout));
});
