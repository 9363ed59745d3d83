import { assert } from "#test";
import { BorrowedArrays } from "./borrowed_arrays.ts";

Deno.test("BorrowedArrays gives memory again that was given back, of about the same size, whatever its type", () => {
  const first = new BorrowedArrays(), array = first.float64(1000);
  array.fill(7);
  assert.notEqual(first.float64(1000).buffer, array.buffer);
  first[Symbol.dispose]();
  using second = new BorrowedArrays();
  const again = [second.float32(1990), second.int32(1990)];
  assert.deepEqual(again.map(({ length }) => length), [1990, 1990]);
  assert.ok(again.some(({ buffer }) => buffer === array.buffer));
});

Deno.test("BorrowedArrays never lends the same memory to two at a time, given back once or twice", () => {
  const first = new BorrowedArrays(), lengths = [0, 1, 5, 64, 65, 100, 1000, 4097];
  for (const length of lengths) first.float32(length);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  using second = new BorrowedArrays(), third = new BorrowedArrays();
  const buffers = lengths.flatMap((length) => {
    const pair = [second.float32(length), third.like(new Float64Array(), length >> 1)];
    assert.deepEqual(pair.map((array) => array.length), [length, length >> 1]);
    assert.deepEqual(pair.map(({ constructor }) => constructor), [Float32Array, Float64Array]);
    return pair.map(({ buffer }) => buffer);
  });
  assert.equal(new Set(buffers).size, buffers.length);
});

Deno.test("BorrowedArrays keeps a bounded amount", () => {
  const floats = 2 ** 24 + 1;
  const first = new BorrowedArrays(), { buffer } = first.float32(floats);
  first[Symbol.dispose]();
  using second = new BorrowedArrays();
  assert.notEqual(second.float32(floats).buffer, buffer);
});
