/**
 * Products of one A with several weights in one dispatch: the queries, keys and values of a layer, or the two maps that its
 * gate joins. A dispatch for each would cost the host as much again, and leave a large GPU idle behind the narrow ones: the
 * keys of a model with grouped heads have a few columns only.
 *
 * Chunks are always spread over workgroups; C holds their sums side by side, [parts · rows, columns of all weights], in the
 * order of `matmul_product.ts`. A workgroup belongs to one weight.
 *
 * @module
 */
import type { BindingType, KernelSpec } from "./kernel.ts";
import { quad, widenOperands } from "./matmul_memory.ts";
import { productBindings, type Variant, variantName } from "./matmul_product.ts";
import { type Tile, tiledCode, tileName } from "./matmul_tiled.ts";
import { each, range } from "./unroll.ts";

/** Most weights at once. */
export const mostWeights = 3;

const params = {
  rows: "u32",
  inner: "u32",
  /** Terms of a chunk: what a workgroup sums. */
  span: "u32",
  /** 0: nothing is added to sums of chunks. */
  flags: "u32",
  a_stride: "u32",
  b_stride: "u32",
  c_stride: "u32",
  a_first: "u32",
  /** Columns of each weight; 0 where there are fewer weights. */
  columns_0: "u32",
  columns_1: "u32",
  columns_2: "u32",
} as const;

/** Names of parameters. */
export type JointParam = keyof typeof params;

/** Names of bindings: A, the weights and C. */
export type JointBinding = "a" | "b0" | "b1" | "b2" | "c";

/** The kernel of a tile. Workgroups: tiles of columns of all weights one after the other, tiles of rows, chunks. */
export function jointKernel(tile: Tile, v: Variant, weights: number): KernelSpec<JointParam, JointBinding> {
  const width = v.vector ? 4 : 1, { a, b, c } = productBindings(v, width);
  const type = width === 4 ? "vec4<f32>" : "f32";
  const bindings = { a, ...Object.fromEntries(range(weights).map((i) => [`b${i}`, b])), c };
  const place = "(part * p.rows + row) * p.c_stride + first_column + column";
  const memory = `
var<private> weight: u32;
var<private> first_column: u32;
var<private> columns: u32;
${widenOperands(v)}${quad("a", v)}
${each(weights, (i) => quad("b", v, `b${i}`))}
fn b_quad(i: u32, k: u32) -> vec4<f32> {
  ${each(weights - 1, (i) => `if (weight == ${i}u) { return b${i}_quad(i, k); }`)}
  return b${weights - 1}_quad(i, k);
}
fn start(row: u32, column: u32) -> ${type} { return ${type}(); }
fn finish(row: u32, column: u32, part: u32, total: ${type}) {
  if (row >= p.rows || column >= columns) { return; }
  let at = ${place};
  c[p.c_base + ${width === 4 ? "(at >> 2u)" : "at"}] = total;
}`;
  const choose = `
  columns = p.columns_0;
  ${
    range(weights).slice(1).map((i) => `
  if (weight == ${i - 1}u) {
    let tiles = (columns + ${tile.columns - 1}u) / ${tile.columns}u;
    if (tile_column >= tiles) {
      tile_column -= tiles;
      first_column += columns;
      columns = p.columns_${i};
      weight = ${i}u;
    }
  }`).join("")
  }`;
  return {
    name: jointName(`matmul-tiled-${tileName(tile)}`, v, weights),
    params,
    bindings: bindings as Record<JointBinding, BindingType>,
    code: tiledCode(tile, v, memory, choose),
  };
}

/** Name of the joint kernel of a kernel of products. */
export function jointName(kernel: string, v: Variant, weights: number): string {
  return `${kernel}-joint${weights}-${variantName(v)}`;
}
