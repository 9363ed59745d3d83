import { assert, assertSameBits } from "#test";
import { productError } from "./products.ts";
import { RowBatch } from "./row_groups.ts";

const n = 40, size = 90;

/** A batch of which every row is picked, some several times, and the last group is empty. */
function filled(
  columns: number,
  groups: number,
): { batch: RowBatch; from: Float32Array; centres: Float32Array } {
  const from = Float32Array.from({ length: n * columns }, (_, i) => Math.sin(i * i + 1));
  const centres = Float32Array.from({ length: groups * columns }, (_, i) => Math.cos(3 * i));
  const batch = new RowBatch(from, centres, columns, size);
  for (let i = 0; i < size; i++) {
    batch.rows[i] = (i * 17) % n;
    batch.groups[i] = groups === 1 ? 0 : (i * i) % (groups - 1);
  }
  return { batch, from, centres };
}

Deno.test("RowBatch.pick() copies the rows and multiplies them with the centres", () => {
  const columns = 37, groups = 5, { batch, from, centres } = filled(columns, groups);
  batch.pick();
  for (let i = 0; i < size; i++) {
    const row = from.subarray(batch.rows[i]! * columns, (batch.rows[i]! + 1) * columns);
    assertSameBits(batch.picked.subarray(i * columns, (i + 1) * columns), row, `row ${i}`);
    for (let k = 0; k < groups; k++) {
      let sum = 0, a = 0, b = 0;
      for (let f = 0; f < columns; f++) {
        sum += row[f]! * centres[k * columns + f]!;
        a += row[f]! ** 2;
        b += centres[k * columns + f]! ** 2;
      }
      const error = productError("float32", columns, Math.sqrt(a * b));
      assert.ok(Math.abs(batch.products[i * groups + k]! - sum) <= error, `row ${i}, ${k}`);
    }
  }
  batch[Symbol.dispose]();
});

Deno.test("RowBatch.findNearest() finds the group of lowest norm − 2 product, and none within a row's reach", () => {
  for (const groups of [1, 2, 3, 4, 5, 20, 21]) {
    const { batch } = filled(6, groups);
    batch.pick();
    batch.norms.forEach((_, k) => batch.norms[k] = 1 + Math.sin(k));
    batch.reaches.forEach((_, i) => batch.reaches[i] = [0, 0.1, 1][i % 3]!);
    batch.findNearest();
    for (let i = 0; i < size; i++) {
      const values = Array.from(
        batch.norms,
        (norm, k) => Math.fround(norm - 2 * batch.products[i * groups + k]!),
      );
      const limit = Math.fround(Math.min(...values) + batch.reaches[i]!);
      const within = values.flatMap((value, k) => value > limit ? [] : [k]);
      assert.equal(batch.groups[i], within.length === 1 ? within[0] : -1, `row ${i} of ${groups} groups`);
    }
    batch[Symbol.dispose]();
  }
});

Deno.test("RowBatch.findNearest() finds none where a number is none", () => {
  const { batch } = filled(6, 7);
  batch.norms.fill(1);
  batch.reaches.fill(0);
  batch.products.fill(0);
  batch.products.forEach((_, at) => batch.products[at] = at % 7);
  batch.products[2 * 7 + 3] = NaN;
  batch.reaches[5] = Infinity;
  batch.findNearest();
  assert.deepEqual([...batch.groups], Array.from({ length: size }, (_, i) => i === 2 || i === 5 ? -1 : 6));
  batch[Symbol.dispose]();
});

Deno.test("RowBatch.add() adds the rows of a group in their order, and move() takes its centre to their mean, bit for bit", () => {
  for (const [columns, groups] of [[1, 3], [5, 1], [16, 4], [37, 5], [64, 2], [100, 21]] as const) {
    const { batch, centres } = filled(columns, groups), what = `${groups} groups of ${columns} columns`;
    batch.pick();
    // The second time around, centres are means of rows.
    const counts = new Float32Array(groups), expected = centres.slice();
    for (let step = 0; step < 2; step++) {
      const sums = new Float32Array(groups * columns), members = new Int32Array(groups);
      const totals = expected.map((value, at) => value * counts[Math.floor(at / columns)]!);
      for (let i = 0; i < size; i++) {
        const group = batch.groups[i]!;
        members[group]!++;
        for (let f = 0; f < columns; f++) {
          const at = group * columns + f, value = batch.picked[i * columns + f]!;
          sums[at] = sums[at]! + value;
          totals[at] = totals[at]! + value;
        }
      }
      for (let k = 0; k < groups; k++) {
        if (members[k] === 0) continue;
        counts[k]! += members[k]!;
        const share = Math.fround(1 / counts[k]!);
        for (let at = k * columns; at < (k + 1) * columns; at++) expected[at] = totals[at]! * share;
      }
      batch.add();
      assert.deepEqual(batch.members, members, what);
      assertSameBits(batch.sums, sums, `sums, ${what}`);
      batch.move();
      assertSameBits(batch.centres, expected, `centres, ${what}`);
      assertSameBits(batch.counts, counts, `counts, ${what}`);
    }
    batch[Symbol.dispose]();
  }
});

Deno.test("two RowBatch at a time have memory of their own, and what is left in it from before does not matter", () => {
  const first = filled(37, 5), second = filled(16, 20);
  for (const { batch } of [first, second]) {
    batch.pick();
    batch.add();
  }
  const sums = first.batch.sums.slice();
  for (const { batch } of [first, second]) batch[Symbol.dispose]();
  // In memory that was given back, of another size.
  const { batch } = filled(37, 5);
  batch.pick();
  batch.add();
  assertSameBits(batch.sums, sums, "sums");
  batch[Symbol.dispose]();
});

Deno.test("two RowBatch at a time have memory of their own also after one was given back twice", () => {
  const { batch } = filled(4, 2);
  batch[Symbol.dispose]();
  batch[Symbol.dispose]();
  const { batch: first } = filled(4, 2), { batch: second } = filled(4, 2);
  assert.notEqual(first.centres.buffer, second.centres.buffer);
  for (const one of [first, second]) one[Symbol.dispose]();
});
