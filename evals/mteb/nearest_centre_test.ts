import { assert, assertClose } from "#test";
import { clusteredPoints } from "../../fixtures/clustered_points.ts";
import { assignToNearest, inertia } from "./nearest_centre.ts";
import { gather, type Points } from "./points.ts";

Deno.test("assignToNearest() finds the centre of least distance, for any number of centres and rows", () => {
  for (const [rows, columns, clusters] of [[1, 1, 1], [255, 3, 2], [257, 5, 7], [600, 4, 13]] as const) {
    const points: Points = {
      ...clusteredPoints({ seed: rows, rows, columns, classes: 3, spread: 1, offset: 2 }),
      rows,
      columns,
    };
    const centres = gather(points, Array.from({ length: clusters }, (_, k) => (k * 37) % rows));
    const labels = new Int32Array(rows);
    assignToNearest(points, centres, labels);
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
  const labels = new Int32Array(3);
  assignToNearest(points, { data: new Float32Array([1, -1, 1]), rows: 3, columns: 1 }, labels);
  assert.deepEqual([...labels], [0, 0, 1]);
});
