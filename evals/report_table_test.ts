import { fromArrow } from "arquero";
import { assert } from "#test";
import type { ScoreRecord } from "./score_record.ts";
import { scoreTable, tableArrow, tableCsv } from "./report_table.ts";

function record(task: string, change: Partial<ScoreRecord> = {}): ScoreRecord {
  return {
    schema: "grace-score/1",
    suite: "test",
    task,
    baseTask: task.replace(/\[.*/, ""),
    category: "sts",
    main: "cosine_spearman",
    value: 0.5,
    stderr: null,
    aggregate: "spearman",
    metrics: { cosine_spearman: 0.5 },
    counts: {},
    warnings: [],
    scorer: "s/1",
    content: "c",
    options: {},
    files: [],
    model: "m",
    items: { file: "x", rows: 3, sha256: "" },
    ...change,
  };
}

const scores = [
  record("STS12"),
  record("STS13[x:3]", { value: 0.25, metrics: { cosine_spearman: 0.25 }, stderr: 0.1 }),
];

Deno.test("scoreTable() has a row for each score and labels a mean of some tasks as partial", () => {
  assert.equal(
    tableCsv(scoreTable(scores)),
    [
      "kind,name,category,metric,main,items,value,stderr,correct,trials,complete",
      "task,STS12,sts,cosine_spearman,true,3,0.5,,,,true",
      "task,STS13[x:3],sts,cosine_spearman,true,3,0.25,0.1,,,false",
      'category,"sts (partial: 2 of 10 tasks, 1 of them sliced)",sts,mean,true,2,0.375,,,,false',
      "",
    ].join("\n"),
  );
});

Deno.test("tableArrow() holds what tableCsv() does, with the same types for whole numbers, fractions and nothing", async () => {
  const table = scoreTable(scores);
  const read = fromArrow(await tableArrow(table));
  assert.deepEqual(read.columnNames(), table.columns.map(([name]) => name));
  const rows = read.objects() as Record<string, unknown>[];
  assert.deepEqual(rows.map((row) => Object.values(row)), table.rows);
  // Whole numbers alone: their column would be inferred as one of bytes.
  const whole = scoreTable([record("STS12", { value: 1, metrics: { cosine_spearman: 1 } })]);
  const bytes = await tableArrow(whole);
  const { tableFromIPC } = await import("@uwdata/flechette");
  const typesOf = (data: Uint8Array) =>
    tableFromIPC(data).schema.fields.map(({ name, type }) => [name, type.typeId]);
  assert.deepEqual(typesOf(bytes), typesOf(await tableArrow(table)));
});

Deno.test("tableCsv() and tableArrow() refuse a number that is not one", async () => {
  const table = scoreTable([record("STS12", { stderr: NaN })]);
  assert.throws(() => tableCsv(table), TypeError);
  await assert.rejects(tableArrow(table), TypeError);
});
