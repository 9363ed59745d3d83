import { fromArrow } from "arquero";
import { assert } from "#test";
import type { ReportTable } from "../evals/report_table.ts";
import type { CommandIo } from "./io.ts";
import { formatOf, printAs, REPORT_FORMATS } from "./report_format.ts";

const table: ReportTable = {
  columns: [["task", "text"], ["value", "number"]],
  rows: [["a, b", 0.25], ["c", null]],
};

Deno.test("printAs() gives people tables, and other programs one table and nothing else", async () => {
  const printed: Record<string, string | Uint8Array> = {};
  for (const format of REPORT_FORMATS) {
    const take = (result: string | Uint8Array) => void (printed[format] = result);
    const io = { print: take, write: take } as Partial<CommandIo> as CommandIo;
    const json = () => ({ schema: "s/1" });
    await printAs(format, { people: (form) => `as ${form}\n`, table: () => table, json }, io);
  }
  const { arrow, ...texts } = printed;
  assert.deepEqual(texts, {
    text: "as text",
    markdown: "as markdown",
    csv: 'task,value\n"a, b",0.25\nc,',
    json: '{"schema":"s/1"}',
  });
  assert.deepEqual(fromArrow(arrow as Uint8Array<ArrayBuffer>).objects(), [
    { task: "a, b", value: 0.25 },
    { task: "c", value: null },
  ]);
});

Deno.test("formatOf() is text unless another is named, and refuses --json beside another", () => {
  assert.equal(formatOf(undefined, { json: false }), "text");
  assert.equal(formatOf(undefined, { json: true }), "json");
  assert.equal(formatOf("json", { json: true }), "json");
  assert.equal(formatOf("csv", { json: false }), "csv");
  assert.throws(() => formatOf("csv", { json: true }), /--json together with --format csv/);
});
