/**
 * Matrix product for GPUs: a workgroup computes a tile of C, each thread a block of it in registers, from pieces of A and B
 * that all its threads bring into workgroup memory together.
 *
 * - Everything that the inner loops index is a constant or the same for all steps: WGSL compilers clamp every index and
 *   bound every loop, and so pay for it once (`tile[constant][thread]`), not per multiplication.
 * - The next piece travels from memory into registers while the present one is multiplied.
 * - Pieces lie in workgroup memory with k first, so that a thread reads four rows (or columns) at once; operands with k last
 *   are transposed on the way, in blocks of 4 x 4.
 *
 * Few rows (decoding) are the same kernel with flat tiles: the weight is read once, coalesced, and chunks of k can be
 * spread over workgroups.
 *
 * @module
 */
import type { KernelSpec } from "./kernel.ts";
import { readOperands, writeResult } from "./matmul_memory.ts";
import {
  chunk,
  flags,
  type ProductBinding,
  productBindings,
  type ProductParam,
  productParams,
  type Variant,
  variantName,
} from "./matmul_product.ts";
import { each, range } from "./unroll.ts";

/** A tile and what a thread computes of it; a thread's sides are multiples of 4. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly threadRows: number;
  readonly threadColumns: number;
  /** Terms of a piece; divides {@linkcode chunk}, and `depth · (rows + columns) · 4` bytes of workgroup memory are used. */
  readonly depth: number;
}

/** Threads of a workgroup. */
export function threadsOf(tile: Tile): number {
  return tile.rows * tile.columns / (tile.threadRows * tile.threadColumns);
}

/** Name of a tile in names of kernels. */
export function tileName(t: Tile): string {
  return `${t.rows}x${t.columns}x${t.depth}/${t.threadRows}x${t.threadColumns}`;
}

/** The kernel of a tile. Workgroups: tiles of columns, tiles of rows, chunks (or 1). */
export function tiledKernel(tile: Tile, v: Variant): KernelSpec<ProductParam, ProductBinding> {
  const width = v.vector ? 4 : 1;
  return {
    name: `matmul-tiled-${tileName(tile)}-${variantName(v)}`,
    params: productParams,
    bindings: productBindings(v, width),
    code: tiledCode(tile, v, `${readOperands(v)}\n${writeResult(width)}`),
  };
}

/**
 * The WGSL of a tile.
 *
 * @param memory functions that read operands and write results, see `matmul_memory.ts`
 * @param choose statements that come first, and may change `tile_column`, the number of the tile among those of its weight
 */
export function tiledCode(tile: Tile, v: Variant, memory: string, choose = ""): string {
  return `
var<workgroup> a_tile: array<array<vec4<f32>, ${tile.rows / 4}>, ${tile.depth}>;
var<workgroup> b_tile: array<array<vec4<f32>, ${tile.columns / 4}>, ${tile.depth}>;
${memory}
@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  ${choose === "" ? "let" : "var"} tile_column = group.x;${choose}
  let row0 = group.y * ${tile.rows}u;
  let column0 = tile_column * ${tile.columns}u;
  let thread_row = thread / ${tile.columns / tile.threadColumns}u;
  let thread_column = thread % ${tile.columns / tile.threadColumns}u;
  var k = group.z * p.span;
  let end = min(p.inner, k + p.span);
${totals(tile, v)}
${pieces(tile, v)}
  while (k < end) {
${each(tile.threadRows, (r) => each(tile.threadColumns / 4, (c) => `    var sum_${r}_${c} = vec4<f32>();`))}
    let chunk_end = min(end, k + ${chunk}u);
    while (k < chunk_end) {
      workgroupBarrier();
${pass(tile, (id, block) => putBlock(tile, v, id, block))}
      workgroupBarrier();
      k += ${tile.depth}u;
      if (k < end) {
${pass(tile, (id, block) => takeBlock(tile, v, id, block))}
      }
${each(tile.depth, (step) => multiply(tile, step))}
    }
${forEachValue(tile, (r, c) => `    total_${r}_${c} += sum_${r}_${c};`)}
  }
${finishAll(tile, v)}
}`;
}

/** Every vec4 of a thread's block: row r, columns 4c … 4c + 3. */
function forEachValue(tile: Tile, line: (r: number, c: number) => string): string {
  return each(tile.threadRows, (r) => each(tile.threadColumns / 4, (c) => line(r, c)));
}

/** A thread's 4 x 4 blocks lie apart, so that neighbours read neighbouring words of workgroup memory. */
const rowOf = (tile: Tile, r: number) =>
  `row0 + 4u * (thread_row + ${(r >> 2) * tile.rows / tile.threadRows}u) + ${r & 3}u`;
const columnOf = (tile: Tile, c: number) =>
  `column0 + 4u * (thread_column + ${c * tile.columns / tile.threadColumns}u)`;

function totals(tile: Tile, v: Variant): string {
  const load = v.vector
    ? forEachValue(tile, (r, c) => `total_${r}_${c} = start(${rowOf(tile, r)}, ${columnOf(tile, c)});`)
    : `var values: array<vec4<f32>, ${valuesOf(tile)}>;
${
      eachValue(tile, "i", (row, column) =>
        each(4, (e) =>
          `values[i][${e}] = start(${row}, ${column} + ${e}u);`))
    }
${forEachValue(tile, (r, c) => `total_${r}_${c} = values[${valueIndex(tile, r, c)}];`)}`;
  return `${forEachValue(tile, (r, c) => `  var total_${r}_${c} = vec4<f32>();`)}
  if ((p.flags & ${flags.accumulate}u) != 0u) { ${load} }`;
}

/** The scalar variants, for odd shapes, write in a loop: a hundred copies of `finish` take seconds to compile. */
function finishAll(tile: Tile, v: Variant): string {
  if (v.vector) {
    return forEachValue(
      tile,
      (r, c) => `finish(${rowOf(tile, r)}, ${columnOf(tile, c)}, group.z, total_${r}_${c});`,
    );
  }
  const values = range(tile.threadRows).flatMap((r) =>
    range(tile.threadColumns / 4).map((c) => `total_${r}_${c}`)
  );
  return `var values = array<vec4<f32>, ${valuesOf(tile)}>(${values.join(", ")});
${
    eachValue(tile, "i", (row, column) =>
      each(4, (e) =>
        `finish(${row}, ${column} + ${e}u, group.z, values[i][${e}]);`))
  }`;
}

const valuesOf = (tile: Tile) => tile.threadRows * tile.threadColumns / 4;
const valueIndex = (tile: Tile, r: number, c: number) => r * tile.threadColumns / 4 + c;

/** A loop over the values of a thread by their {@linkcode valueIndex}. */
function eachValue(tile: Tile, i: string, body: (row: string, column: string) => string): string {
  const quads = tile.threadColumns / 4;
  return `for (var ${i} = 0u; ${i} < ${valuesOf(tile)}u; ${i}++) {
let r = ${i} / ${quads}u;
let row = row0 + 4u * (thread_row + (r >> 2u) * ${tile.rows / tile.threadRows}u) + (r & 3u);
let column = column0 + 4u * (thread_column + ${i} % ${quads}u * ${tile.columns / tile.threadColumns}u);
${body("row", "column")}
}`;
}

/** Registers for the next piece, filled with the first one. */
function pieces(tile: Tile, v: Variant): string {
  const blocks = Math.ceil((tile.rows + tile.columns) * tile.depth / 16 / threadsOf(tile));
  return `${each(4 * blocks, (i) => `  var next_${i}: vec4<f32>;`)}
${pass(tile, (id, block) => takeBlock(tile, v, id, block))}`;
}

/** The 4 x 4 blocks of a piece, A's first, shared out among the threads: which of them a thread's `block`th is. */
function pass(tile: Tile, body: (id: string, block: { of: "a" | "b"; register: number }) => string): string {
  const threads = threadsOf(tile), ofA = tile.rows * tile.depth / 16;
  const all = ofA + tile.columns * tile.depth / 16;
  return range(Math.ceil(all / threads)).map((n) => {
    const first = n * threads, last = first + threads;
    const a = body(`thread + ${first}u`, { of: "a", register: 4 * n });
    const b = body(`thread + ${first}u - ${ofA}u`, { of: "b", register: 4 * n });
    const bIfAny = last <= all ? b : `if (thread < ${all - first}u) {\n${b}\n}`;
    if (last <= ofA) return a;
    if (first >= ofA) return bIfAny;
    return `if (thread < ${ofA - first}u) {\n${a}\n} else {\n${bIfAny}\n}`;
  }).join("\n");
}

/**
 * Which block: `quad`, four terms, and `place`, four rows (of A) or columns (of B). Neighbouring threads take different
 * terms of one row where k lies last in memory, and neighbouring rows where it lies first.
 */
function blockPlace(tile: Tile, v: Variant, id: string, of: "a" | "b"): string {
  const places = (of === "a" ? tile.rows : tile.columns) / 4, quads = tile.depth / 4;
  if (v[of] === "outer") return `let id = ${id}; let place = id % ${places}u; let quad = id / ${places}u;`;
  // Eight neighbours write eight neighbouring vec4 of workgroup memory: no bank conflict.
  const near = Math.min(8, places);
  return `let id = ${id}; let quad = (id / ${near}u) % ${quads}u;
let place = id % ${near}u + id / ${near * quads}u * ${near}u;`;
}

/** Memory to registers. */
function takeBlock(
  tile: Tile,
  v: Variant,
  id: string,
  { of, register }: { of: "a" | "b"; register: number },
) {
  const first = of === "a" ? "row0" : "column0";
  return `{ ${blockPlace(tile, v, id, of)}
${
    each(4, (i) =>
      v[of] === "inner"
        ? `next_${register + i} = ${of}_quad(${first} + 4u * place + ${i}u, k + 4u * quad);`
        : `next_${register + i} = ${of}_quad(${first} + 4u * place, k + 4u * quad + ${i}u);`)
  } }`;
}

/** Registers to workgroup memory, transposed where k lies last in memory. */
function putBlock(tile: Tile, v: Variant, id: string, { of, register }: { of: "a" | "b"; register: number }) {
  const value = (i: number) =>
    v[of] === "outer"
      ? `next_${register + i}`
      : `vec4<f32>(${range(4).map((r) => `next_${register + r}[${i}]`).join(", ")})`;
  return `{ ${blockPlace(tile, v, id, of)}
${each(4, (i) => `${of}_tile[4u * quad + ${i}u][place] = ${value(i)};`)} }`;
}

/** One term of every sum of a thread. */
function multiply(tile: Tile, step: number): string {
  const a = each(
    tile.threadRows / 4,
    (i) => `let a_${i} = a_tile[${step}][thread_row + ${i * tile.rows / tile.threadRows}u];`,
  );
  const b = each(
    tile.threadColumns / 4,
    (i) => `let b_${i} = b_tile[${step}][thread_column + ${i * tile.columns / tile.threadColumns}u];`,
  );
  const terms = forEachValue(
    tile,
    (r, c) => `sum_${r}_${c} = fma(vec4<f32>(a_${r >> 2}[${r & 3}]), b_${c}, sum_${r}_${c});`,
  );
  return `{ ${a}\n${b}\n${terms} }`;
}
