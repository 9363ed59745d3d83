import { assert } from "#test";
import { CpuKvCache } from "./kv_cache.ts";
import { Pool } from "./tensor.ts";

const megabyte = 2 ** 20;

/** What may be held beside the most that was live at once. */
const slack = 1.1;

Deno.test("Pool holds little more than was ever live, when batches have ever other sizes", () => {
  const pool = new Pool();
  let live = 0;
  for (let rows = 100; rows < 4000; rows += 37) {
    const tensors = Array.from({ length: 20 }, () => pool.alloc([rows, 576], "f32"));
    live = Math.max(live, pool.current);
    for (const tensor of tensors) pool.release(tensor);
  }
  assert.equal(pool.current, 0);
  assert.ok(pool.peak <= slack * live, `${pool.peak / megabyte} MB were held, ${live / megabyte} MB live`);
});

Deno.test("Pool gives a step the memory of the step before", () => {
  const pool = new Pool();
  const step = () => {
    const tensors = Array.from({ length: 30 }, (_, i) => pool.alloc([100 + i, 576], "f32"));
    for (const tensor of tensors) pool.release(tensor);
    return new Set(tensors.map(({ slab }) => slab));
  };
  const first = step();
  assert.deepEqual(step(), first);
});

Deno.test("Pool.trim() gives back what is free and keeps what is live", () => {
  const pool = new Pool();
  const live = pool.alloc([10, 576], "f32");
  pool.release(pool.alloc([1000, 576], "f32"));
  assert.ok(pool.held > pool.current);
  pool.trim();
  assert.equal(pool.held, pool.current);
  pool.release(live);
});

Deno.test("Pool.adopt() uses the memory it is given, and no part of a larger one", () => {
  const pool = new Pool(), data = Float32Array.from([1, 2, 3, 4]);
  const tensor = pool.adopt(data, [2, 2]);
  assert.equal(tensor.data, data);
  assert.equal(pool.current, 16);
  pool.release(tensor);
  assert.equal(pool.current, 0);
  assert.throws(() => pool.adopt(data.subarray(1), [3]), /part of a larger/);
});

Deno.test("Pool reuses a slab that is a little larger than what is asked for", () => {
  const pool = new Pool();
  pool.release(pool.alloc([1000, 576], "f32"));
  const held = pool.held;
  pool.alloc([800, 576], "f32");
  assert.equal(pool.held, held);
});

Deno.test("CpuKvCache.grow() keeps the tokens, and leaves little behind on the way to long sequences", () => {
  const pool = new Pool(), shape = { heads: 9, kvHeads: 3, headDim: 64 };
  const cache = new CpuKvCache(pool, 30, 16, 32, shape);
  const width = shape.kvHeads * shape.headDim;
  const token = Float32Array.from({ length: width }, (_, i) => i + 1), row = pool.adopt(token, [1, width]);
  cache.write(7, row, row, [{ row: 0, count: 1, slot: 3, position: 31 }]);
  for (let length = 33; length <= 704; length += 32) if (length > cache.capacity) cache.grow(length);
  assert.ok(cache.capacity >= 673 && cache.capacity <= 960, `capacity ${cache.capacity}`);
  for (let head = 0; head < shape.kvHeads; head++) {
    const at = ((3 * shape.kvHeads + head) * cache.capacity + 31) * shape.headDim;
    const expected = token.subarray(head * shape.headDim, (head + 1) * shape.headDim);
    assert.deepEqual(cache.keys[7]!.f32.slice(at, at + shape.headDim), expected);
    assert.deepEqual(cache.values[7]!.f32.slice(at, at + shape.headDim), expected);
  }
  // While it grows, a layer's old keys are there beside its new ones.
  assert.ok(
    pool.peak <= 1.3 * pool.current,
    `${pool.peak / megabyte} MB were held, ${pool.current / megabyte} MB live`,
  );
  cache.free();
  pool.release(row);
  assert.equal(pool.current, 0);
});

for (const headDim of [64, 5]) {
  Deno.test(`CpuKvCache.write() puts heads of ${headDim} where they belong, and touches nothing else`, () => {
    const pool = new Pool(), shape = { heads: 4, kvHeads: 2, headDim }, width = 2 * headDim, capacity = 32;
    const cache = new CpuKvCache(pool, 2, 3, capacity, shape);
    const rowsOf = (first: number) =>
      pool.adopt(Float32Array.from({ length: 4 * width }, (_, i) => first + i), [4, width]);
    const k = rowsOf(1), v = rowsOf(1001), tensors = { k, v };
    // Of the four rows the second is not written.
    const places = [{ row: 0, count: 1, slot: 2, position: 7 }, { row: 2, count: 2, slot: 0, position: 30 }];
    // Views, whose first row is not the first of the memory, must do too.
    cache.write(1, k.rows(0, 4), v.rows(0, 4), places);
    cache.write(0, k.rows(1, 3), v.rows(1, 3), [{ row: 1, count: 1, slot: 1, position: 0 }]);
    for (const [layer, written] of [[1, [[0, 2, 7], [2, 0, 30], [3, 0, 31]]], [0, [[2, 1, 0]]]] as const) {
      for (const [name, list] of [["k", cache.keys], ["v", cache.values]] as const) {
        const expected = new Float32Array(3 * 2 * capacity * headDim);
        for (const [row, slot, position] of written) {
          for (let head = 0; head < 2; head++) {
            const from = row * width + head * headDim;
            expected.set(
              tensors[name].f32.subarray(from, from + headDim),
              ((slot * 2 + head) * capacity + position) * headDim,
            );
          }
        }
        assert.deepEqual(list[layer]!.f32, expected, `${name} of layer ${layer}`);
      }
    }
    cache.free();
  });
}

Deno.test("CpuKvCache.write() takes views that start at an odd element", () => {
  const pool = new Pool(), cache = new CpuKvCache(pool, 1, 1, 4, { heads: 1, kvHeads: 1, headDim: 2 });
  const k = pool.adopt(Float32Array.from([0, 1, 2, 3, 4, 5]), [6]), v = pool.adopt(k.f32.slice(), [3, 2]);
  const odd = k.rows(1, 5).reshaped([2, 2]), even = v.rows(1, 3);
  const rows = [{ row: 0, count: 2, slot: 0, position: 1 }];
  cache.write(0, odd, even, rows);
  assert.deepEqual([...cache.keys[0]!.f32], [0, 0, 1, 2, 3, 4, 0, 0]);
  assert.deepEqual([...cache.values[0]!.f32], [0, 0, 2, 3, 4, 5, 0, 0]);
  cache.write(0, even, odd, rows);
  assert.deepEqual([...cache.values[0]!.f32], [0, 0, 1, 2, 3, 4, 0, 0]);
});
