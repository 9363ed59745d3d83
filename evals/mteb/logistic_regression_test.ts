import { assert, assertClose, assertRelative } from "#test";
import { float32, golden } from "../../fixtures/golden_data.ts";
import { fitProbe, predict, type ProbeProfile } from "./logistic_regression.ts";

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

for (const profile of ["1.3", "1.4"] as ProbeProfile[]) {
  const { problems, sklearn } = golden<{ problems: Problem[]; sklearn: string }>(
    `mteb/probe_sklearn_${profile}.json`,
  );
  for (const p of problems) {
    Deno.test(`fitProbe() stops where scikit-learn ${sklearn} stops: ${p.name}`, () => {
      const data = Float64Array.from(float32(p.x));
      const x = { data, rows: p.rows, columns: p.columns };
      const y = Array.from({ length: p.rows }, (_, i) => i % p.classes);
      const probe = fitProbe(x, y, p.classes, profile);
      assert.equal(probe.iterations, p.iterations);
      assert.equal(probe.stopped === "iterations", p.iterations === 100);
      const actual = [...probe.weights, ...probe.intercepts];
      if (p.iterations < 100) assertRelative(actual, [...p.weights, ...p.intercepts], 1e-9, "parameters");
      // Rounding grows along an ill-conditioned path: parameters agree less well, predictions still do.
      else assertRelative(actual, [...p.weights, ...p.intercepts], 2e-2, "parameters");

      const half = float32(p.x).map((value, i, all) => {
        const previous = all[(i - p.columns + all.length) % all.length]!;
        return Math.fround(value * 0.5) + Math.fround(0.5 * previous);
      });
      const predicted = predict(probe, { ...x, data: Float64Array.from(half) });
      assert.deepEqual([...predicted], p.predictions);
    });
  }
}

Deno.test("predict() takes the lowest class when scores are equal", () => {
  const probe = {
    classes: 3,
    weights: new Float64Array(3),
    intercepts: new Float64Array([0, 1, 1]),
    iterations: 0,
    stopped: "gradient" as const,
  };
  assert.deepEqual([...predict(probe, { data: new Float64Array(1), rows: 1, columns: 1 })], [1]);
});

Deno.test("fitProbe() separates classes that a line can separate", () => {
  const data = new Float64Array([-2, -1, -1.5, 1, 2, 1.5]);
  const x = { data, rows: 6, columns: 1 };
  const probe = fitProbe(x, [0, 0, 0, 1, 1, 1], 2, "1.4");
  assert.deepEqual([...predict(probe, x)], [0, 0, 0, 1, 1, 1]);
  assertClose(probe.intercepts, [0], 1e-4);
});
