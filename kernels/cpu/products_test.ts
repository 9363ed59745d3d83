import { assert } from "#test";
import fc from "fast-check";
import { columnProducts, productError, rowProducts } from "./products.ts";

/** Sums in order, in float64. */
function exact(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  m: number,
  at: (row: number, k: number, of: number) => number,
  inner: number,
) {
  return Array.from({ length: n * m }, (_, cell) => {
    const i = Math.floor(cell / m), j = cell % m;
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[at(i, k, n)]! * b[at(j, k, m)]!;
    return sum;
  });
}

const sizes = fc.record({
  n: fc.integer({ min: 1, max: 9 }),
  m: fc.integer({ min: 1, max: 70 }),
  inner: fc.integer({ min: 1, max: 400 }),
  scale: fc.constantFrom(1e-3, 1, 1e3),
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
});

for (const Floats of [Float32Array, Float64Array] as const) {
  const precision = Floats === Float32Array ? "float32" : "float64";
  for (const transposed of ["right", "left"] as const) {
    const name = transposed === "right" ? "rowProducts" : "columnProducts";
    Deno.test(`${name}() differs from sums in order by at most productError() in ${precision}`, () => {
      fc.assert(
        fc.property(sizes, ({ n, m, inner, scale, seed }) => {
          let state = seed;
          const next = () => scale * ((state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31);
          const a = new Floats(n * inner).map(next), b = new Floats(m * inner).map(next);
          const out = new Floats(n * m);
          if (transposed === "right") rowProducts(a, b, inner, out);
          else columnProducts(a, b, inner, out);
          const at = transposed === "right"
            ? (row: number, k: number) => row * inner + k
            : (row: number, k: number, of: number) => k * of + row;
          const sums = exact(a, b, n, m, at, inner);
          const length = (list: typeof a, row: number, of: number) =>
            Math.hypot(...Array.from({ length: inner }, (_, k) => list[at(row, k, of)]!));
          sums.forEach((sum, cell) => {
            const i = Math.floor(cell / m), j = cell % m;
            const bound = productError(precision, inner, length(a, i, n) * length(b, j, m));
            assert(Math.abs(out[cell]! - sum) <= bound, `${out[cell]} is not ${sum}`);
          });
        }),
        { numRuns: 20 },
      );
    });
  }
}

Deno.test("rowProducts() refuses arrays that do not fit together", () => {
  assert.throws(
    () => rowProducts(new Float64Array(6), new Float64Array(9), 3, new Float64Array(5)),
    /do not give/,
  );
});

Deno.test("rowProducts() of no rows gives none", () => {
  rowProducts(new Float32Array(0), new Float32Array(6), 3, new Float32Array(0));
});
