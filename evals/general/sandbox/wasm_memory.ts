/**
 * Lowers the most memory that a WebAssembly module may ever have, in its bytes: the engine then refuses to grow the memory
 * further, whatever the program in it does.
 *
 * @module
 */
import { joined, leb, moduleOf, Section, sectionsOf, WasmReader } from "./wasm_binary.ts";

/** Bytes of one WebAssembly page. */
export const WASM_PAGE_BYTES = 65536;

/**
 * The module with another maximum of its memory.
 *
 * @param module a module with one memory of its own that has a maximum
 * @param maxBytes whole pages, at most the old maximum
 * @throws RangeError if the module or the limit is not like that
 */
export function withMemoryLimit(module: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const sections = sectionsOf(module);
  if (!sections.some(({ id }) => id === Section.memory)) {
    throw new RangeError("the module has no memory of its own");
  }
  return moduleOf(
    sections.map(({ id, content }) =>
      id === Section.memory
        ? { id, content: limitedMemory(content, maxBytes / WASM_PAGE_BYTES) }
        : { id, content }
    ),
  );
}

function limitedMemory(content: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  const reader = new WasmReader(content);
  const count = reader.u32(), flags = reader.byte();
  if (count !== 1 || flags !== 1) throw new RangeError("the module's memory has no maximum, or is shared");
  const initial = reader.u32(), maximum = reader.u32();
  if (!Number.isInteger(pages) || pages < initial || pages > maximum) {
    throw new RangeError(`${pages} pages are not a whole number from ${initial} to ${maximum}`);
  }
  return joined([[count, flags, ...leb(initial), ...leb(pages)]]);
}
