/**
 * Assembles WebAssembly from its text format: just enough of it for a few loops over vectors of 128 bits, without a dependency
 * on an assembler and without a file that has to be made again. Opcodes are those of the WebAssembly specification, 3.0.
 *
 * A module has one memory and functions, all exported. Instructions are folded, `(f32x4.add (local.get $a) (local.get $b))`;
 * labels, parameters and locals have names; results are a function's only.
 *
 * @module
 */

/** An atom, or a list in parentheses. */
type Tree = string | readonly Tree[];

const valueTypes: Readonly<Record<string, number>> = { i32: 0x7f, v128: 0x7b };

/** Instructions without immediates. */
const plain: Readonly<Record<string, number>> = {
  "select": 0x1b,
  "i32.eq": 0x46,
  "i32.lt_u": 0x49,
  "i32.ctz": 0x68,
  "i32.popcnt": 0x69,
  "i32.add": 0x6a,
  "i32.sub": 0x6b,
  "i32.mul": 0x6c,
  "i32.shl": 0x74,
  "i32.shr_u": 0x76,
};

/** Instructions that name a local. */
const locals: Readonly<Record<string, number>> = { "local.get": 0x20, "local.set": 0x21, "local.tee": 0x22 };

/** Instructions with an address; the offset of it is an immediate. */
const memory: Readonly<Record<string, number>> = {
  "i32.load": 0x28,
  "i32.store": 0x36,
};

/** Vector instructions behind their prefix: those with an address, those with lanes, and those with neither. */
const vectorMemory: Readonly<Record<string, number>> = {
  "v128.load": 0,
  "v128.load32_splat": 9,
  "v128.store": 11,
};
const vectorLanes: Readonly<Record<string, number>> = { "i8x16.shuffle": 13 };
const vectorPlain: Readonly<Record<string, number>> = {
  "f32x4.gt": 68,
  "v128.not": 77,
  "i32x4.bitmask": 164,
  "f32x4.add": 228,
  "f32x4.sub": 229,
  "f32x4.mul": 230,
  "f32x4.min": 232,
};

/** Instructions with instructions inside: a branch to its label goes behind a block, and to the start of a loop. */
const nested: Readonly<Record<string, number>> = { "block": 0x02, "loop": 0x03 };

const [I32_CONST, WITHOUT_RESULT, BR_IF, END, VECTOR] = [0x41, 0x40, 0x0d, 0x0b, 0xfd];

/**
 * Assembles a module such as
 *
 *     (module
 *       (memory (export "memory") 0)
 *       (func (export "twice") (param $a i32) (result i32) (i32.add (local.get $a) (local.get $a))))
 *
 * @throws Error if the text has something else than what this file knows
 */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const [module] = parse(text), [kind, ...fields] = module as Tree[];
  if (kind !== "module") throw new Error(`wat: a module was expected, not ${kind}`);
  const functions = fields.filter((field) => field[0] === "func").map((field) =>
    new Func((field as Tree[]).slice(1))
  );
  const [memories] = fields.filter((field) => field[0] === "memory");
  const [exported, pages] = (memories as Tree[]).slice(1) as [Tree[], string];
  const name = (named: Tree) => bytesOf(JSON.parse(named as string));
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, functions.map(({ type }) => type)),
    ...section(3, functions.map((_, i) => unsigned(i))),
    ...section(5, [[0x00, ...unsigned(Number(pages))]]),
    ...section(7, [
      [...name(exported[1]!), 0x02, ...unsigned(0)],
      ...functions.map((one, i) => [...name(one.name), 0x00, ...unsigned(i)]),
    ]),
    ...section(10, functions.map(({ code }) => [...unsigned(code.length), ...code])),
  ]);
}

/** What stands between parentheses, as lists. */
function parse(text: string): readonly Tree[] {
  const open: Tree[][] = [[]];
  for (const [token] of text.replaceAll(/;;.*/g, "").matchAll(/[()]|"[^"]*"|[^\s()"]+/g)) {
    if (token === "(") open.push([]);
    else if (token !== ")") open.at(-1)!.push(token);
    else {
      const list = open.pop()!;
      open.at(-1)!.push(list);
    }
  }
  if (open.length !== 1) throw new Error("wat: parentheses do not match");
  return open[0]!;
}

/** A function, encoded. */
class Func {
  readonly name: Tree;
  /** Of its parameters and results. */
  readonly type: readonly number[];
  /** Its locals and instructions. */
  readonly code: readonly number[];
  readonly #places = new Map<Tree, number>();
  /** The innermost last. */
  readonly #labels: Tree[] = [];

  constructor(fields: readonly Tree[]) {
    const all = (kind: string) => fields.filter((field) => field[0] === kind) as string[][];
    const typeOf = (text: string) => found(valueTypes, text);
    const parameters = all("param"), declared = all("local");
    for (const [, name] of [...parameters, ...declared]) this.#places.set(name!, this.#places.size);
    this.name = all("export")[0]![1]!;
    this.type = [
      0x60,
      ...list(parameters.map((field) => [typeOf(field[2]!)])),
      ...list(all("result").map((field) => [typeOf(field[1]!)])),
    ];
    const others = ["export", "param", "result", "local"];
    const body = fields.filter((field) => !others.includes(field[0] as string));
    this.code = [
      ...list(declared.map((field) => [1, typeOf(field[2]!)])),
      ...body.flatMap((tree) => this.#instruction(tree as Tree[])),
      END,
    ];
  }

  #instruction([op, ...rest]: readonly Tree[]): number[] {
    const name = op as string, immediates = rest.filter((one) => typeof one === "string");
    const operands = () =>
      rest.filter((one) => typeof one !== "string").flatMap((one) => this.#instruction(one as Tree[]));
    if (name in nested) {
      this.#labels.push(immediates[0]!);
      const body = operands();
      this.#labels.pop();
      return [nested[name]!, WITHOUT_RESULT, ...body, END];
    }
    if (name === "br_if") {
      const depth = this.#labels.toReversed().indexOf(immediates[0]!);
      if (depth < 0) throw new Error(`wat: there is no label ${immediates[0]} around`);
      return [...operands(), BR_IF, ...unsigned(depth)];
    }
    if (name === "i32.const") return [I32_CONST, ...signed(Number(immediates[0]))];
    if (name in locals) {
      const place = this.#places.get(immediates[0]!);
      if (place === undefined) throw new Error(`wat: there is no local ${immediates[0]}`);
      return [...operands(), locals[name]!, ...unsigned(place)];
    }
    // No alignment is promised.
    const offset = () => [0, ...unsigned(Number(immediates[0]?.replace("offset=", "") ?? 0))];
    if (name in memory) return [...operands(), memory[name]!, ...offset()];
    if (name in plain) return [...operands(), plain[name]!];
    if (name in vectorMemory) return [...operands(), VECTOR, ...unsigned(vectorMemory[name]!), ...offset()];
    if (name in vectorLanes) {
      return [...operands(), VECTOR, ...unsigned(vectorLanes[name]!), ...immediates.map(Number)];
    }
    return [...operands(), VECTOR, ...unsigned(found(vectorPlain, name))];
  }
}

function found(table: Readonly<Record<string, number>>, name: string): number {
  const value = table[name];
  if (value === undefined) throw new Error(`wat: ${name} is not known`);
  return value;
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = list(entries);
  return [id, ...unsigned(content.length), ...content];
}

function list(entries: readonly (readonly number[])[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()];
}

function bytesOf(text: string): number[] {
  return list(Array.from(new TextEncoder().encode(text), (byte) => [byte]));
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

/** LEB128 with a sign. */
function signed(value: number): number[] {
  const rest = value >> 7, low = value & 127;
  return rest === (low & 64 ? -1 : 0) ? [low] : [low | 128, ...signed(rest)];
}
