import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { gracePrinted65, meanOfTypes, weighted56 } from "./averages.ts";
import { PAPER_BACKBONES, PAPER_METHODS, type PaperMethod, paperRow, paperRows } from "./tables.ts";

const METHODS = Object.keys(PAPER_METHODS) as PaperMethod[];

Deno.test("paperRow() gives the Qwen2.5-3B GRACE row its printed and its correctly weighted average", () => {
  const row = paperRow("qwen2.5-3b-instruct", "grace");
  assert.deepEqual(Object.values(row.categories), [49.42, 54.85, 44.73, 79.64, 68.25, 74.65, 30.10]);
  assert.equal(row.average.toFixed(2), "58.70");
  assert.equal(row.printed65.toFixed(2), "54.74");
  assert.equal(row.printedAverage, 54.74);
  assertClose([row.meanOfTypes], [57.377], 5e-4);
});

Deno.test("gracePrinted65() is within rounding of every average that Tables 1 and 2 print, weighted56() of none", () => {
  const rows = METHODS.flatMap(paperRows);
  assert.equal(rows.length, 24);
  for (const row of rows) {
    assertClose([row.printed65], [row.printedAverage], 0.01, `${row.backbone} ${row.method}`);
    assert.ok(row.average - row.printedAverage > 0.6, `${row.backbone} ${row.method}`);
  }
});

Deno.test("paperRows() give the headline gain in points: 11.52 printed, 12.96 correctly weighted", () => {
  const gain = (value: "printedAverage" | "average") => {
    const base = paperRows("base"), grace = paperRows("grace");
    return grace.reduce((sum, row, i) => sum + row[value] - base[i]![value], 0) / PAPER_BACKBONES.length;
  };
  assertClose([gain("printedAverage"), gain("average")], [11.5175, 12.9573], 1e-4);
});

Deno.test("weighted56(), meanOfTypes() and gracePrinted65() refuse a partial table", () => {
  const whole = paperRow("Qwen2.5-3B-Instruct", "grace").categories;
  for (const average of [weighted56, meanOfTypes, gracePrinted65]) {
    assert.throws(() => average({ sts: 70, retrieval: 40 }), UsageError);
    assert.throws(() => average({ ...whole, summarization: NaN }), UsageError);
    const same = Object.fromEntries(Object.keys(whole).map((category) => [category, 12.5]));
    assertClose([average(same)], [12.5], 1e-12);
  }
});

Deno.test("paperRow() refuses a backbone that the paper does not have", () => {
  assert.throws(
    () => paperRow("SmolLM2-135M", "grace"),
    (error) => error instanceof UsageError && /Qwen3-4B-Instruct-2507/.test(error.cure),
  );
});
