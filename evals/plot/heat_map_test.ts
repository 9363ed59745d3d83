import { assert } from "#test";
import { drawHeatMap, type HeatPanel } from "./heat_map.ts";

const rows = { name: "a.long.setting.of.a.manifest", values: ["0", "1"] },
  columns = { name: "b", values: ["x", "y"] };

const draw = (values: HeatPanel["values"]) =>
  drawHeatMap({
    title: "t",
    rows,
    columns,
    panels: [{ title: "p", values, notes: [["±1", null], [null, null]] }],
  });

Deno.test("drawHeatMap() colours from the lowest to the highest, with text that can be read on it", () => {
  const map = draw([[1, 2], [3, null]]);
  const fields = [...map.matchAll(/fill="rgb\((.*?)\)"\/><text[^>]*fill="(.*?)">([\d.]+)</g)];
  assert.deepEqual(fields.map(([, colour, text, value]) => [colour, text, value]), [
    ["224,236,250", "#0d1117", "1.00"],
    ["120,149,190", "#0d1117", "2.00"],
    ["16,62,130", "#ffffff", "3.00"],
  ]);
  assert.match(map, />±1</);
});

Deno.test("drawHeatMap() draws equal numbers, and leaves room for long names", () => {
  const map = draw([[1, 1], [1, 1]]);
  assert.equal(map.match(/fill="rgb\(224,236,250\)"/g)!.length, 4);
  assert.match(map, /<rect x="198" y="58"/);
});

Deno.test("drawHeatMap() refuses a map that does not fit its settings", () => {
  assert.throws(() => draw([[1, 2]]), RangeError);
  assert.throws(() => draw([[1, 2], [3]]), RangeError);
});
