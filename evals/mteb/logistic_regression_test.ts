import { assert, assertClose, assertRelative } from "#test";
import { float32, golden } from "../../fixtures/golden_data.ts";
import { fitProbe, type ProbeProfile } from "./logistic_regression.ts";
import { predict } from "./predict.ts";

interface Problem {
  name: string;
  rows: number;
  columns: number;
  classes: number;
  x: string;
  weights: number[];
  intercepts: number[];
  iterations: number;
  predictions: number[];
}

for (const profile of ["1.3", "1.4", "1.9"] as ProbeProfile[]) {
  const { problems, sklearn } = golden<{ problems: Problem[]; sklearn: string }>(
    `mteb/probe_sklearn_${profile}.json`,
  );
  // In float32 only what is well conditioned is determined: elsewhere rounding decides where the search stops.
  const single = profile === "1.9";
  for (const p of problems) {
    Deno.test(`fitProbe() stops where scikit-learn ${sklearn} stops: ${p.name}${single ? ", float32" : ""}`, () => {
      const x = { data: float32(p.x), rows: p.rows, columns: p.columns };
      const y = Array.from({ length: p.rows }, (_, i) => i % p.classes);
      const probe = fitProbe(x, y, p.classes, profile);
      const actual = [...probe.weights, ...probe.intercepts], expected = [...p.weights, ...p.intercepts];
      if (!single || p.name.startsWith("unit")) {
        assert.equal(probe.iterations, p.iterations);
        assert.equal(probe.stopped === "iterations", p.iterations === 100);
        // Rounding grows along an ill-conditioned path: parameters agree less well, predictions still do.
        assertRelative(actual, expected, single ? 1e-4 : p.iterations < 100 ? 1e-9 : 2e-2, "parameters");
      }
      const half = float32(p.x).map((value, i, all) => {
        const previous = all[(i - p.columns + all.length) % all.length]!;
        return Math.fround(value * 0.5) + Math.fround(0.5 * previous);
      });
      assert.deepEqual([...predict(probe, { ...x, data: half })], p.predictions);
    });
  }
}

Deno.test("fitProbe() in float32 comes near to what float64 gives, and is not the same", () => {
  const [p] = golden<{ problems: Problem[] }>("mteb/probe_sklearn_1.9.json").problems;
  const x = { data: float32(p!.x), rows: p!.rows, columns: p!.columns };
  const y = Array.from({ length: p!.rows }, (_, i) => i % p!.classes);
  const [single, double] = (["1.9", "1.4"] as const).map((profile) => fitProbe(x, y, p!.classes, profile));
  assertClose(single!.weights, double!.weights, 1e-4, "weights");
  assert.notDeepEqual(single!.weights, double!.weights);
});

Deno.test("fitProbe() separates classes that a line can separate", () => {
  const data = new Float32Array([-2, -1, -1.5, 1, 2, 1.5]);
  const x = { data, rows: 6, columns: 1 };
  const probe = fitProbe(x, [0, 0, 0, 1, 1, 1], 2, "1.4");
  assert.deepEqual([...predict(probe, x)], [0, 0, 0, 1, 1, 1]);
  assertClose(probe.intercepts, [0], 1e-4);
});
