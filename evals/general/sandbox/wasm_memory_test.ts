import { assert } from "#test";
import { WASM_PAGE_BYTES, withMemoryLimit } from "./wasm_memory.ts";

/** (module (memory (export "m") 1 65536)), the maximum in three bytes as Emscripten writes it. */
const MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[5, 6, 1, 1, 1, 0x80, 0x80, 4],
  ...[7, 5, 1, 1, 0x6d, 2, 0],
]);

Deno.test("withMemoryLimit() makes a module that cannot grow beyond the limit", () => {
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(withMemoryLimit(MODULE, 5 * WASM_PAGE_BYTES)),
  );
  const memory = exports["m"] as WebAssembly.Memory;
  memory.grow(4);
  assert.throws(() => memory.grow(1), RangeError);
  assert.equal(memory.buffer.byteLength, 5 * WASM_PAGE_BYTES);
});

Deno.test("withMemoryLimit() refuses limits outside the module's own, parts of pages and modules without memory", () => {
  for (const bytes of [0, WASM_PAGE_BYTES + 1, 65537 * WASM_PAGE_BYTES]) {
    assert.throws(() => withMemoryLimit(MODULE, bytes), RangeError, String(bytes));
  }
  assert.throws(() => withMemoryLimit(MODULE.subarray(0, 8), WASM_PAGE_BYTES), /no memory/);
  const unlimited = Uint8Array.from([...MODULE.subarray(0, 8), 5, 3, 1, 0, 1]);
  assert.throws(() => withMemoryLimit(unlimited, WASM_PAGE_BYTES), /no maximum/);
});
