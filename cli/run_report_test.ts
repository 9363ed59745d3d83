import { assert } from "#test";
import { planArms } from "../lib/manifest/arms.ts";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import { onChart } from "./run_report.ts";

Deno.test("onChart() joins the baseline to what differs from it in its learning rate, and in nothing else", () => {
  const { manifest } = resolveManifest({
    arms: ["base", "cl-1e-4", "cl", "cl-short", "cl-reasoning", "grace", "cl-1e-3"],
    controls: { "cl-short": { of: "cl", set: { "cl.steps": 3 } } },
  });
  const arms = planArms(manifest).map(onChart);
  const baseline = arms.find(({ name }) => name === "cl")!.curve!;
  const joined = arms.filter(({ curve }) => curve?.name === baseline.name);
  assert.deepEqual(joined.map(({ name, curve }) => [name, curve!.at]), [
    ["cl-1e-4", 1e-4],
    ["cl", manifest.cl.learningRate],
    ["cl-1e-3", 1e-3],
  ]);
  assert.deepEqual(arms.map(({ family }) => family), ["untrained", "cl", "cl", "cl", "cl", "grace", "cl"]);
});
