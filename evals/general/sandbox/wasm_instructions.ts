/**
 * Where each instruction of a WebAssembly function ends: the immediates of every opcode that a compiler of today writes.
 * (WebAssembly core specification 3.0, section 5.4; atomic instructions from the threads proposal.)
 *
 * @module
 */
import type { WasmReader } from "./wasm_binary.ts";

/** Opcodes that the rewriting looks for. */
export const Opcode = {
  loop: 0x03,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  returnCallRef: 0x15,
} as const;

const memarg = (reader: WasmReader) => {
  // Bit 6 of the alignment says that the index of a memory follows.
  if (reader.u32() & 64) reader.skipLeb();
  reader.skipLeb();
};
const bytes = (count: number) => (reader: WasmReader) => void (reader.at += count);
const lebs = (count: number) => (reader: WasmReader) => reader.skipLeb(count);
const none = () => {};

/** Immediates by opcode. */
const IMMEDIATES = new Map<number, (reader: WasmReader) => void>();

function define(first: number, last: number, skip: (reader: WasmReader) => void): void {
  for (let opcode = first; opcode <= last; opcode++) IMMEDIATES.set(opcode, skip);
}

define(0x00, 0x01, none); // unreachable, nop
define(0x02, 0x04, lebs(1)); // block, loop, if: a type
define(0x05, 0x05, none); // else
define(0x06, 0x09, lebs(1)); // try, catch, throw, rethrow
define(0x0a, 0x0b, none); // throw_ref, end
define(0x0c, 0x0d, lebs(1)); // br, br_if
define(0x0e, 0x0e, (reader) => reader.skipLeb(reader.u32() + 1)); // br_table
define(0x0f, 0x0f, none); // return
define(0x10, 0x10, lebs(1)); // call
define(0x11, 0x11, lebs(2)); // call_indirect
define(0x12, 0x12, lebs(1)); // return_call
define(0x13, 0x13, lebs(2)); // return_call_indirect
define(0x14, 0x15, lebs(1)); // call_ref, return_call_ref
define(0x18, 0x18, lebs(1)); // delegate
define(0x19, 0x1b, none); // catch_all, drop, select
define(0x1c, 0x1c, (reader) => reader.skipLeb(reader.u32())); // select with types
define(0x1f, 0x1f, (reader) => { // try_table
  reader.skipLeb();
  for (let clauses = reader.u32(); clauses > 0; clauses--) reader.skipLeb(reader.byte() < 2 ? 2 : 1);
});
define(0x20, 0x26, lebs(1)); // local, global and table access
define(0x28, 0x3e, memarg); // loads and stores
define(0x3f, 0x42, lebs(1)); // memory.size, memory.grow, i32.const, i64.const
define(0x43, 0x43, bytes(4)); // f32.const
define(0x44, 0x44, bytes(8)); // f64.const
define(0x45, 0xc4, none); // arithmetic
define(0xd0, 0xd0, lebs(1)); // ref.null
define(0xd1, 0xd1, none); // ref.is_null
define(0xd2, 0xd2, lebs(1)); // ref.func
define(0xd3, 0xd4, none); // ref.eq, ref.as_non_null
define(0xd5, 0xd6, lebs(1)); // br_on_null, br_on_non_null
define(0xfc, 0xfc, (reader) => { // saturating conversions, bulk memory and tables
  const opcode = reader.u32();
  if (opcode > 17) throw new RangeError(`unknown WebAssembly instruction fc ${opcode}`);
  reader.skipLeb([0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1][opcode]);
});
define(0xfd, 0xfd, (reader) => { // vectors
  const opcode = reader.u32();
  if (opcode <= 11 || opcode === 92 || opcode === 93) memarg(reader);
  else if (opcode <= 13) reader.at += 16;
  else if (opcode >= 21 && opcode <= 34) reader.at += 1;
  else if (opcode >= 84 && opcode <= 91) {
    memarg(reader);
    reader.at += 1;
  }
});
define(0xfe, 0xfe, (reader) => { // atomics
  if (reader.u32() === 3) reader.at += 1;
  else memarg(reader);
});

/**
 * Reads one instruction and returns its opcode (the first byte of it).
 *
 * @throws RangeError if it is none of those above: a module that is not understood must not pass for a guarded one
 */
export function skipInstruction(reader: WasmReader): number {
  const opcode = reader.byte();
  const skip = IMMEDIATES.get(opcode);
  if (skip === undefined) throw new RangeError(`unknown WebAssembly instruction ${opcode.toString(16)}`);
  skip(reader);
  return opcode;
}
