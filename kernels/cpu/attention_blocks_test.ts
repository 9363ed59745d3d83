import fc from "fast-check";
import { assert } from "#test";
import { batchesOf, keysOf, rowsOf } from "./attention_blocks.ts";

const heads = 6;

Deno.test("batchesOf() puts every row of a segment into one block, and blocks fit their batch", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(lengths, fc.integer({ min: 1, max: 2 }), (lengths, leastRows) => {
    const segments: { start: number; length: number; parent: number }[] = [];
    let total = 0;
    lengths.forEach((length, i) => {
      // Every third segment continues the one before it.
      segments.push({ start: total, length, parent: i % 3 === 1 ? i - 1 : -1 });
      total += length;
    });
    const seen = new Int32Array(total);
    for (const batch of batchesOf(segments, total, heads, leastRows)) {
      assert.ok(batch.rows >= leastRows);
      for (const block of batch.blocks) {
        assert.ok(rowsOf(block) <= batch.rows && keysOf(block) <= batch.keys);
        const segment = segments.findLast(({ start, length }) => length > 0 && start <= block.from)!;
        const parent = segments[segment.parent];
        assert.equal(block.start, segment.start);
        assert.equal(block.before, parent?.length ?? 0);
        if (parent) assert.equal(block.parent, parent.start);
        for (let row = block.from; row < block.to; row++) seen[row]!++;
      }
    }
    assert.ok(seen.every((count) => count === 1));
  }));
});

Deno.test("batchesOf() puts many short segments into few calls, and pads little", () => {
  const segments = Array.from(
    { length: 100 },
    (_, i) => ({ start: 60 * i, length: 20 + (i * 7) % 41, parent: -1 }),
  );
  const batches = batchesOf(segments, 6000, heads, 1);
  assert.ok(batches.length <= 12, `${batches.length} calls`);
  const scores = (rows: number, keys: number) => rows * keys;
  const padded = batches.reduce((sum, { blocks, rows, keys }) => sum + blocks.length * scores(rows, keys), 0);
  const needed = segments.reduce((sum, { length }) => sum + scores(length, length), 0);
  assert.ok(padded < 1.25 * needed, `${padded} scores for ${needed}`);
});

Deno.test("batchesOf() refuses a parent that comes later, has a parent, or rows past the stream", () => {
  const refuse = (segments: { start: number; length: number; parent: number }[], message: RegExp) =>
    assert.throws(() => batchesOf(segments, 10, heads, 1), message);
  refuse(
    [{ start: 0, length: 2, parent: 1 }, { start: 2, length: 2, parent: -1 }],
    /segment 0 has 1 as parent/,
  );
  refuse([
    { start: 0, length: 2, parent: -1 },
    { start: 2, length: 2, parent: 0 },
    { start: 4, length: 2, parent: 1 },
  ], /segment 2 has 1 as parent/);
  refuse([{ start: 8, length: 3, parent: -1 }], /segment 0 is rows \[8, 11\) of 10/);
});
