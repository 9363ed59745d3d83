import { assert } from "#test";
import { formatBytes, layOut, oneLine } from "./table.ts";

Deno.test("layOut() aligns columns by their widest cell and leaves no space at line ends", () => {
  const rows = [["task", "base", ""], ["STSBenchmark", "7.1", "x"]];
  assert.deepEqual(layOut(rows, new Set([1])), ["task          base", "STSBenchmark   7.1  x"]);
});

Deno.test("formatBytes() uses decimal units", () => {
  assert.deepEqual([12_000, 537_000_000, 4_300_000_000].map(formatBytes), ["12 kB", "537 MB", "4.3 GB"]);
});

Deno.test("oneLine() leaves no line break and no control character", () => {
  assert.equal(oneLine("  a\n\n b\t\x1b[31mred\x07 \r\n"), "a b \uFFFD[31mred\uFFFD");
  assert.equal(oneLine("größer, 大きい"), "größer, 大きい");
});
