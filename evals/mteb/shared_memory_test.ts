import { assert } from "#test";
import { packed, SharedFloats, sharedFloats, unpacked } from "./shared_memory.ts";

Deno.test("unpacked() gives back what was packed, and shares what was shared", () => {
  const shared = sharedFloats(4).fill(1), plain = new Int32Array([1, -2]);
  const value = { text: "x", none: undefined, deep: { part: shared.subarray(1, 3), plain } };
  const back = unpacked(packed(value)) as typeof value;
  assert.deepEqual(back.deep.plain, plain);
  assert.equal(back.text, "x");
  shared[1] = 7;
  assert.deepEqual([...back.deep.part], [7, 1]);
});

Deno.test("SharedFloats gives the same memory again, and none that is taken", () => {
  const memory = new SharedFloats();
  const a = memory.take(0, 8), b = memory.take(1, 8);
  assert.notEqual(a.buffer, b.buffer);
  assert.equal(memory.used, 16);
  memory.free(0);
  memory.free(0);
  assert.equal(memory.used, 8);
  const again = memory.take(2, 5);
  assert.equal(again.buffer, a.buffer);
  assert.equal(again.length, 5);
});
