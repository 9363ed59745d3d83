import { assert } from "#test";
import { ParameterBuffer } from "./parameter_buffer.ts";

/** A buffer of parameters beside what it writes. */
function open(alignment: number): { buffer: ParameterBuffer; written: Uint8Array[] } {
  const written: Uint8Array[] = [];
  const queue = {
    writeBuffer: (_to: GPUBuffer, _at: number, data: ArrayBuffer, from: number, bytes: number) =>
      written.push(new Uint8Array(data.slice(from, from + bytes))),
  };
  const device = { createBuffer: () => ({}), queue } as unknown as GPUDevice;
  return { buffer: new ParameterBuffer(device, alignment), written };
}

Deno.test("ParameterBuffer puts every place at an aligned offset, with zeros after short data", () => {
  const { buffer, written } = open(64);
  buffer.put(new Uint8Array(200).fill(9), 200);
  buffer.write();
  assert.equal(buffer.put(Uint8Array.of(1, 2, 3), 8), 0);
  const at = buffer.reserve(12);
  assert.equal(at, 64);
  buffer.set(at, 0, "u32", 7);
  buffer.set(at, 1, "i32", -1);
  buffer.set(at, 2, "f32", 0.5);
  buffer.write();
  const [, second] = written;
  assert.equal(second!.length, 128);
  assert.deepEqual([...second!.subarray(0, 8)], [1, 2, 3, 0, 0, 0, 0, 0]);
  const words = new DataView(second!.buffer, 64);
  assert.deepEqual([words.getUint32(0, true), words.getInt32(4, true), words.getFloat32(8, true)], [
    7,
    -1,
    0.5,
  ]);
  buffer.write();
  assert.equal(written.length, 2, "nothing was put in since");
});

Deno.test("ParameterBuffer.fits() counts pieces with their alignment, up to the last byte", () => {
  const { buffer } = open(256);
  assert.ok(buffer.fits((1 << 22) - 512, 1, 256));
  assert.ok(!buffer.fits((1 << 22) - 512, 1, 257));
  buffer.reserve((1 << 22) - 256);
  assert.ok(buffer.fits(256));
  assert.ok(!buffer.fits(1, 1));
});
