import { assert } from "#test";
import { borrowShared, giveBackShared, packed, sharedFloats, unpacked } from "./shared_memory.ts";

Deno.test("unpacked() gives back what was packed, and shares what was shared", () => {
  const shared = sharedFloats(4).fill(1), plain = new Int32Array([1, -2]);
  const value = { text: "x", none: undefined, deep: { part: shared.subarray(1, 3), plain } };
  const back = unpacked(packed(value)) as typeof value;
  assert.deepEqual(back.deep.plain, plain);
  assert.equal(back.text, "x");
  shared[1] = 7;
  assert.deepEqual([...back.deep.part], [7, 1]);
});

Deno.test("borrowShared() gives memory again that was given back, the shortest that is long enough", () => {
  const [short, long] = [borrowShared(80), borrowShared(1000)];
  assert.notEqual(short.buffer, long.buffer);
  giveBackShared(long);
  giveBackShared(short);
  const again = borrowShared(50), other = borrowShared(50);
  assert.deepEqual([again.length, other.length], [50, 50]);
  assert.equal(again.buffer, short.buffer);
  assert.equal(other.buffer, long.buffer);
  assert.notEqual(borrowShared(50).buffer, long.buffer);
});

Deno.test("giveBackShared() keeps a bounded amount", () => {
  const most = borrowShared(2 ** 26 + 1);
  giveBackShared(most);
  assert.notEqual(borrowShared(1).buffer, most.buffer);
});
