import { assert } from "#test";
import { exampleRuns } from "./_example_runs.ts";
import { sweepMaps } from "./heat_maps.ts";
import { renderSweep, type SweepReport, sweepTable } from "./report.ts";
import { sweepResults } from "./results.ts";

const names = ["a=0,b=x", "a=0,b=<y>", "a=1,b=x", "a=1,b=<y>"];
const bootstrap = { resamples: 100, confidence: 0.95, seed: 0 };

async function example(): Promise<SweepReport> {
  const runs = exampleRuns({ [names[0]!]: [[0, 1], [1, 1]], [names[1]!]: [[0, 0]], [names[2]!]: [[1, 1]] });
  return {
    settings: ["a", "b"],
    cells: names.map((name) => ({ name, values: name.split(",").map((part) => part.slice(2)) })),
    base: names[0]!,
    bootstrap,
    results: await sweepResults(runs, { arms: ["base", "grace"], cells: names, base: names[0]!, bootstrap }),
    runs: 8,
    missing: [{ cell: names[3]!, seed: 1, why: "it failed" }],
  };
}

const grid = { settings: { a: [0, 1], b: ["x", "<y>"] }, seeds: [1, 2] };

Deno.test("renderSweep() shows settings, seeds and deviations, changes, and what is missing", async () => {
  const text = renderSweep(await example(), "text");
  assert.match(text, /^arm +a +b +seeds +T$/m);
  assert.match(text, /^base +any +any +2 +50\.00 ±0\.00$/m);
  assert.match(text, /^grace +0 +x +2 +75\.00 ±35\.36$/m);
  assert.match(text, /^grace +0 +<y> +1 +0\.00$/m);
  assert.match(text, /^Change against "a=0,b=x" in points, with 95 % intervals over items$/m);
  assert.match(text, /^grace +1 +x +\+50\.00 \[\+0\.00, \+100\.00\]$/m);
  assert.match(text, /^Missing: a=1,b=<y>, seed 1: it failed$/m);
});

Deno.test("renderSweep() says so when nothing is finished", async () => {
  const report = { ...await example(), results: [] };
  assert.equal(
    renderSweep(report, "markdown"),
    "None of 8 runs is finished.\n\nMissing: a=1,b=<y>, seed 1: it failed\n",
  );
});

Deno.test("sweepTable() has a row for each arm, cell and metric, with the settings as columns", async () => {
  const { columns, rows } = sweepTable(await example());
  assert.deepEqual(columns.slice(0, 5).map(([name]) => name), ["arm", "cell", "a", "b", "kind"]);
  assert.deepEqual(rows.map((row) => row.slice(0, 4)), [
    ["base", null, null, null],
    ["grace", "a=0,b=x", "0", "x"],
    ["grace", "a=0,b=<y>", "0", "<y>"],
    ["grace", "a=1,b=x", "1", "x"],
  ]);
  for (const row of rows) assert.equal(row.length, columns.length);
});

Deno.test("sweepMaps() puts each cell in its place, leaves missing ones empty, and escapes values", async () => {
  const report = await example(), map = sweepMaps(report, grid)!;
  const fields = [...map.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"[^>]*\/>(?:<text[^>]*>([\d.]+)<)?/g)];
  assert.deepEqual(fields.map(([, x, y, value]) => [Number(x), Number(y), value]), [
    [90, 58, "75.00"],
    [178, 58, "0.00"],
    [90, 102, "100.00"],
    [178.5, 102.5, undefined],
  ]);
  assert.match(map, /&lt;y&gt;/);
  assert.doesNotMatch(map, /<y>/);
  assert.equal(sweepMaps(report, { settings: { a: [0, 1] }, seeds: [1] }), null, "one setting is no map");
});
