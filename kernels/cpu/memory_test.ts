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
