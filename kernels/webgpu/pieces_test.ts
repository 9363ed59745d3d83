import { assert } from "#test";
import { flatPieces, rowBlocks, rowsPerBinding } from "./pieces.ts";
import { GpuTensor } from "./tensor.ts";

const tensor = (size: number) =>
  new GpuTensor("f32", [size], { buffer: null as unknown as GPUBuffer, bytes: 4 * size, id: 0 });

Deno.test("rowsPerBinding() throws when no row fits", () => {
  assert.equal(rowsPerBinding(100, 1099), 10);
  assert.throws(() => rowsPerBinding(1001, 1000), /a row of 1001 bytes/);
});

Deno.test("rowBlocks() covers all rows once, and none when there are none", () => {
  assert.deepEqual([...rowBlocks(25, 100, 1000)], [[0, 10], [10, 20], [20, 25]]);
  assert.deepEqual([...rowBlocks(0, 100, 1000)], []);
});

Deno.test("flatPieces() cuts all tensors alike, at multiples of 64 elements", () => {
  const pieces = [...flatPieces(3840, tensor(2000), tensor(2000))];
  assert.deepEqual(pieces.map(([a]) => [a.offset, a.size]), [[0, 960], [3840, 960], [7680, 80]]);
  for (const [a, b] of pieces) assert.deepEqual([b.offset, b.size], [a.offset, a.size]);
});

Deno.test("flatPieces() leaves alone what fits", () => {
  const whole = tensor(960);
  assert.equal([...flatPieces(3840, whole)][0]![0], whole);
});
