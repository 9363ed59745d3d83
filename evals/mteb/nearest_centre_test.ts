import { assert, assertClose } from "#test";
import { clusteredPoints } from "../../fixtures/clustered_points.ts";
import { RowBatch } from "../../kernels/cpu/row_groups.ts";
import { assignToNearest, inertia } from "./nearest_centre.ts";
import { gather, type Points } from "./points.ts";

/** In batches of some size. */
function nearestOf(points: Points, centres: Points, size = 32): Int32Array {
  using batch = new RowBatch(points.data, centres.data, points.columns, size);
  return assignToNearest(batch, points);
}

Deno.test("assignToNearest() finds the centre of least distance, for any number of centres and rows", () => {
  for (const [rows, columns, clusters] of [[1, 1, 1], [255, 3, 2], [257, 5, 7], [600, 4, 13]] as const) {
    const points: Points = {
      ...clusteredPoints({ seed: rows, rows, columns, classes: 3, spread: 1, offset: 2 }),
      rows,
      columns,
    };
    const centres = gather(points, Array.from({ length: clusters }, (_, k) => (k * 37) % rows));
    const labels = nearestOf(points, centres, 256);
    let sum = 0;
    for (let i = 0; i < rows; i++) {
      const distances = Array.from({ length: clusters }, (_, k) => {
        let squares = 0;
        for (let f = 0; f < columns; f++) {
          squares += (points.data[i * columns + f]! - centres.data[k * columns + f]!) ** 2;
        }
        return squares;
      });
      assert.equal(labels[i], distances.indexOf(Math.min(...distances)), `row ${i} of ${rows}`);
      sum += distances[labels[i]!]!;
    }
    assertClose([inertia(points, centres, labels)], [sum], 1e-9 * sum, "inertia");
  }
});

Deno.test("assignToNearest() takes the first of equally near centres", () => {
  const points = { data: new Float32Array([0, 1, -1]), rows: 3, columns: 1 };
  const labels = nearestOf(points, { data: new Float32Array([1, -1, 1]), rows: 3, columns: 1 });
  assert.deepEqual([...labels], [0, 0, 1]);
});

Deno.test("assignToNearest() decides near ties as sums in float64 do, also where float32 overflows", () => {
  const rows = 40, columns = 200, clusters = 6;
  for (const scale of [1, 1e-20, 1e25]) {
    const { data } = clusteredPoints({ seed: 3, rows, columns, classes: 3, spread: 1, offset: 2 });
    const points = { data: data.map((value) => Math.fround(value * scale)), rows, columns };
    const centres = gather(points, [0, 1, 2, 0, 1, 2]);
    // Copies that are nearer or farther by one bit of one value, and one that is neither.
    centres.data[3 * columns] = Math.fround(centres.data[3 * columns]! * (1 + 2 ** -22));
    centres.data[4 * columns] = Math.fround(centres.data[4 * columns]! * (1 - 2 ** -22));
    const labels = nearestOf(points, centres);
    const at = (of: Points, row: number, f: number) => of.data[row * columns + f]!;
    for (let i = 0; i < rows; i++) {
      const values = Array.from({ length: clusters }, (_, k) => {
        let norm = 0, product = 0;
        for (let f = 0; f < columns; f++) {
          norm += at(centres, k, f) * at(centres, k, f);
          product += at(points, i, f) * at(centres, k, f);
        }
        return norm - 2 * product;
      });
      assert.equal(labels[i], values.indexOf(Math.min(...values)), `row ${i} at ${scale}`);
    }
  }
});
