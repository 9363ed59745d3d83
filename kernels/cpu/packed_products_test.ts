/** @module Tests of packed weights that no other engine has. */
import process from "node:process";
import { assert } from "#test";
import { createCpuDevice } from "./mod.ts";

/** The bytes that packing a weight takes. */
function packedBytes(outputs: number, inputs: number): number {
  const device = createCpuDevice({ threads: 1 });
  try {
    const w = device.upload(new Float32Array(outputs * inputs), [outputs, inputs]);
    const before = device.memory.current;
    device.packWeights([w]);
    const bytes = device.memory.current - before;
    device.packWeights([w]);
    assert.equal(device.memory.current - before, bytes, "packed again");
    device.free(w);
    return bytes;
  } finally {
    device.dispose();
  }
}

// The conformance tests hold without any packing too: this says that there is some.
Deno.test({
  name: "packWeights() packs on x86-64, where products of packed weights have the bits of a Gemm",
  ignore: process.arch !== "x64",
  fn: () => assert.equal(packedBytes(96, 256), 4 * 96 * 256),
});

Deno.test("packWeights() leaves weights that no block divides, or whose Gemm adds up in longer blocks", () => {
  assert.equal(packedBytes(100, 272), 0);
  assert.equal(packedBytes(96, 260), 0);
  assert.equal(packedBytes(64, 144), 0);
});
