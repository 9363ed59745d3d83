import { assert, assertSameBits } from "#test";
import { productError } from "./products.ts";
import { RowBatch } from "./row_groups.ts";

const n = 40, columns = 37, size = 90, groups = 5;

function filled(): { batch: RowBatch; from: Float32Array; others: Float32Array } {
  const from = Float32Array.from({ length: n * columns }, (_, i) => Math.sin(i * i + 1));
  const others = Float32Array.from({ length: groups * columns }, (_, i) => Math.cos(3 * i));
  const batch = new RowBatch(from, others, columns, size);
  for (let i = 0; i < size; i++) {
    batch.rows[i] = (i * 17) % n;
    batch.groups[i] = (i * i) % (groups - 1);
  }
  return { batch, from, others };
}

Deno.test("RowBatch.pick() copies the rows and multiplies them with the others", () => {
  const { batch, from, others } = filled();
  batch.pick();
  for (let i = 0; i < size; i++) {
    const row = from.subarray(batch.rows[i]! * columns, (batch.rows[i]! + 1) * columns);
    assertSameBits(batch.picked.subarray(i * columns, (i + 1) * columns), row, `row ${i}`);
    for (let k = 0; k < groups; k++) {
      let sum = 0, a = 0, b = 0;
      for (let f = 0; f < columns; f++) {
        sum += row[f]! * others[k * columns + f]!;
        a += row[f]! ** 2;
        b += others[k * columns + f]! ** 2;
      }
      const error = productError("float32", columns, Math.sqrt(a * b));
      assert.ok(Math.abs(batch.products[i * groups + k]! - sum) <= error, `row ${i}, ${k}`);
    }
  }
  batch[Symbol.dispose]();
});

Deno.test("RowBatch.add() adds the rows of a group in their order, and moves its centre to their mean, bit for bit", () => {
  const { batch, others } = filled();
  batch.pick();
  batch.counts.forEach((_, k) => batch.counts[k] = 3 * k);
  batch.shares.forEach((_, k) => batch.shares[k] = 1 / (3 * k + 7));
  batch.add();
  const sums = new Float32Array(groups * columns);
  const totals = others.map((value, at) => value * batch.counts[Math.floor(at / columns)]!);
  for (let i = 0; i < size; i++) {
    for (let f = 0; f < columns; f++) {
      const at = batch.groups[i]! * columns + f, value = batch.picked[i * columns + f]!;
      sums[at] = sums[at]! + value;
      totals[at] = totals[at]! + value;
    }
  }
  assertSameBits(batch.sums, sums, "sums");
  assertSameBits(
    batch.moved,
    totals.map((value, at) => value * batch.shares[Math.floor(at / columns)]!),
    "moved",
  );
  batch[Symbol.dispose]();
});
