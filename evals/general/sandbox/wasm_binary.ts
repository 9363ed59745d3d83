/**
 * Reading and writing of WebAssembly binaries, as much of it as rewriting a module needs.
 * (WebAssembly core specification 3.0, chapter 5.)
 *
 * @module
 */

/** Ids of the sections that are rewritten (5.5.2). */
export const Section = { import: 2, memory: 5, global: 6, code: 10 } as const;

/** Reads numbers one after the other. */
export class WasmReader {
  constructor(readonly bytes: Uint8Array, public at = 0) {}

  byte(): number {
    return this.bytes[this.at++]!;
  }

  /** An unsigned LEB128 number of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.byte();
      value += byte % 128 * scale;
      if (byte < 128) return value;
    }
  }

  /** Skips a LEB128 number of any size and sign. */
  skipLeb(count = 1): void {
    for (; count > 0; count--) while (this.byte() >= 128);
  }

  name(): string {
    const length = this.u32();
    return new TextDecoder().decode(this.bytes.subarray(this.at, this.at += length));
  }
}

/** The shortest LEB128 form of a number of at most 31 bits; as a signed number it is the same if the 7th bit allows it. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return [...bytes, value];
}

/** The shortest signed LEB128 form of a number that is not negative. */
export function signedLeb(value: number): number[] {
  const bytes = leb(value);
  const last = bytes.at(-1)!;
  return last < 64 ? bytes : [...bytes.slice(0, -1), last + 128, 0];
}

/** A section's id and content. */
export interface WasmSection {
  readonly id: number;
  readonly content: Uint8Array;
}

/** The sections of a module, in order. */
export function sectionsOf(module: Uint8Array): WasmSection[] {
  const reader = new WasmReader(module, 8);
  const sections: WasmSection[] = [];
  while (reader.at < module.length) {
    const id = reader.byte(), size = reader.u32();
    sections.push({ id, content: module.subarray(reader.at, reader.at += size) });
  }
  return sections;
}

/** A module of these sections. */
export function moduleOf(sections: readonly WasmSection[]): Uint8Array<ArrayBuffer> {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return joined([header, ...sections.flatMap(({ id, content }) => [[id, ...leb(content.length)], content])]);
}

/** One array of several. */
export function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
