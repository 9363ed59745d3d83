import { assert } from "#test";
import fc from "fast-check";
import { predict } from "./predict.ts";

const fitted = { iterations: 0, stopped: "gradient" as const };

Deno.test("predict() takes the lowest class when scores are equal", () => {
  const probe = {
    ...fitted,
    classes: 3,
    weights: new Float64Array(3),
    intercepts: new Float64Array([0, 1, 1]),
  };
  assert.deepEqual([...predict(probe, { data: new Float32Array(1), rows: 1, columns: 1 })], [1]);
});

Deno.test("predict() takes the first of two classes when their score is 0", () => {
  const probe = { ...fitted, classes: 2, weights: new Float64Array([1]), intercepts: new Float64Array([0]) };
  const rows = { data: new Float32Array([-1, 0, 1]), rows: 3, columns: 1 };
  assert.deepEqual([...predict(probe, rows)], [0, 0, 1]);
});

Deno.test("predict() decides as sums in float64 do, where float32 cannot tell classes apart, and where it overflows", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom(1, 1e-30, 1e25),
      fc.integer({ min: 1, max: 2 ** 31 }),
      (classes, columns, scale, seed) => {
        let state = seed;
        const next = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31;
        const rows = 30, outputs = classes === 2 ? 1 : classes;
        const data = Float32Array.from({ length: rows * columns }, () => scale * next());
        const one = Array.from({ length: columns }, () => scale * next());
        // All classes have nearly the same weights, and so nearly the same scores.
        const weights = Float64Array.from(
          { length: outputs * columns },
          (_, i) => outputs === 1 ? 1e-9 * one[i]! : one[i % columns]! * (1 + 1e-9 * next()),
        );
        const intercepts = Float64Array.from({ length: outputs }, () => 1e-9 * scale * scale * next());
        const expected = Array.from({ length: rows }, (_, i) => {
          const scores = Array.from(intercepts, (intercept, k) => {
            let sum = 0;
            for (let f = 0; f < columns; f++) sum += data[i * columns + f]! * weights[k * columns + f]!;
            return sum + intercept;
          });
          return outputs === 1 ? Number(scores[0]! > 0) : scores.indexOf(Math.max(...scores));
        });
        const actual = predict({ ...fitted, classes, weights, intercepts }, { data, rows, columns });
        assert.deepEqual([...actual], expected);
      },
    ),
    { numRuns: 60 },
  );
});
