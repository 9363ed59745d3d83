/**
 * Makes a WebAssembly module that can be stopped: in every loop it asks now and then whether to go on.
 *
 * Why: Deno 2.9.6 cannot stop a worker that computes. `worker.terminate()` returns, but a loop goes on for as long as the
 * process lives and keeps it from ending (JavaScript and WebAssembly alike; measured with `while (true);`; compare
 * https://github.com/denoland/deno/issues/14003). Python's own interrupts do not help either: `sum(range(10 ** 12))` and
 * much else of C never look for them. This file can go when a terminated worker stops.
 *
 * How: a counter, a new global, is counted down where a loop begins anew and before a tail call, the only ways to run on
 * without end in a limited stack. At 0 an imported function is called, and if it returns other than 0 the program traps.
 * A trap cannot be caught in WebAssembly.
 *
 * @module
 */
import { joined, leb, moduleOf, Section, sectionsOf, signedLeb, WasmReader } from "./wasm_binary.ts";
import { Opcode, skipInstruction } from "./wasm_instructions.ts";

/**
 * Loop iterations between two questions: some microseconds. It is short because a single one may copy all of the memory.
 */
const ITERATIONS = 4096;

/**
 * The module with guards.
 *
 * @param ask name of an imported function without parameters that returns an i32: 0 to go on
 * @throws RangeError if the module has no such import, no globals of its own, or instructions that are not known
 */
export function withLoopGuard(module: Uint8Array, ask: string): Uint8Array<ArrayBuffer> {
  const sections = sectionsOf(module);
  const find = (id: number) => sections.find((section) => section.id === id)?.content;
  const imports = find(Section.import), globals = find(Section.global);
  if (imports === undefined || globals === undefined) {
    throw new RangeError("the module has no imports or globals");
  }
  const { askIndex, globalCount } = readImports(imports, ask);
  const reader = new WasmReader(globals);
  const ownGlobals = reader.u32();
  const guard = guardInstructions(globalCount + ownGlobals, askIndex);
  return moduleOf(sections.map(({ id, content }) => {
    if (id === Section.global) {
      const counter = [0x7f, 1, 0x41, ...signedLeb(ITERATIONS), 0x0b]; // mutable i32
      return { id, content: joined([leb(ownGlobals + 1), content.subarray(reader.at), counter]) };
    }
    return id === Section.code ? { id, content: guardCode(content, guard) } : { id, content };
  }));
}

/** Index of the function that is asked, and how many globals are imported. */
function readImports(content: Uint8Array, ask: string): { askIndex: number; globalCount: number } {
  const reader = new WasmReader(content);
  let askIndex = -1, functions = 0, globalCount = 0;
  for (let count = reader.u32(); count > 0; count--) {
    reader.name();
    const name = reader.name(), kind = reader.byte();
    if (kind === 0) {
      if (name === ask) askIndex = functions;
      functions++;
      reader.skipLeb();
    } else if (kind === 1 || kind === 2) {
      if (kind === 1) reader.skipLeb();
      reader.skipLeb(reader.byte() & 1 ? 2 : 1);
    } else if (kind === 3) {
      globalCount++;
      reader.at += 2;
    } else {
      reader.at++;
      reader.skipLeb();
    }
  }
  if (askIndex < 0) throw new RangeError(`the module does not import "${ask}"`);
  return { askIndex, globalCount };
}

/** Leaves the stack as it was, so that it can stand anywhere. */
function guardInstructions(counter: number, ask: number): Uint8Array {
  const get = [0x23, ...leb(counter)], set = [0x24, ...leb(counter)];
  return Uint8Array.from([
    ...[...get, 0x41, 1, 0x6b, ...set], // counter -= 1
    ...[...get, 0x45, 0x04, 0x40], // if counter == 0
    ...[0x41, ...signedLeb(ITERATIONS), ...set], //   counter = ITERATIONS
    ...[0x10, ...leb(ask), 0x04, 0x40, 0x00, 0x0b], //   if ask(): unreachable
    0x0b,
  ]);
}

function guardCode(content: Uint8Array, guard: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new WasmReader(content);
  const count = reader.u32();
  const parts: ArrayLike<number>[] = [leb(count)];
  for (let i = 0; i < count; i++) {
    const size = reader.u32();
    const body = guardFunction(content.subarray(reader.at, reader.at += size), guard);
    parts.push(leb(body.reduce((sum, part) => sum + part.length, 0)), ...body);
  }
  return joined(parts);
}

/** A function's body in pieces, with a guard between two of them. */
function guardFunction(body: Uint8Array, guard: Uint8Array): Uint8Array[] {
  const reader = new WasmReader(body);
  for (let groups = reader.u32(); groups > 0; groups--) reader.skipLeb(2); // locals: a count and a type
  const parts: Uint8Array[] = [];
  let from = 0;
  const insertAt = (at: number) => {
    parts.push(body.subarray(from, at), guard);
    from = at;
  };
  while (reader.at < body.length) {
    const at = reader.at;
    const opcode = skipInstruction(reader);
    if (opcode === Opcode.loop) insertAt(reader.at);
    if (
      opcode === Opcode.returnCall || opcode === Opcode.returnCallIndirect || opcode === Opcode.returnCallRef
    ) insertAt(at);
  }
  return [...parts, body.subarray(from)];
}
