/**
 * Matrix product for adapters that compute on the CPU (llvmpipe): no workgroup memory, no barriers.
 *
 * There a subgroup is a SIMD register, a load of four numbers a lane is a loop over lanes (18 ns measured, against 0.6 ns for
 * a broadcast), and a branch is a mask. So a workgroup is one subgroup with a large block of C, lane l holds some columns of
 * all its rows, both operands are loaded lane by lane, once, and a row's numbers reach all lanes by broadcast.
 *
 * Measured on a busy 2-core machine, so by CPU time and in pairs (Mesa 22.3.6, f32, twice the rate of a core): 512 x 512 x 576
 * 41 GFLOP/s, where `matmul_simple.ts` with blocks of 8 x 8 has 18; 511 x 577 x 575 32 against 11.
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

/** A block of C: `rows` by four columns a lane. */
export interface LaneBlock {
  /** Lanes of a subgroup, all of them always. */
  readonly lanes: number;
  /** A multiple of the lanes, or of four times the lanes where A is `outer`. */
  readonly rows: number;
}

/** The kernel of a block. Workgroups: blocks of columns, blocks of rows, chunks (or 1). */
export function lanesKernel(block: LaneBlock, v: Variant): KernelSpec<ProductParam, ProductBinding> {
  const { lanes, rows } = block;
  if (rows % (v.a === "outer" ? 4 * lanes : lanes) !== 0) throw new Error(`${rows} rows in ${lanes} lanes`);
  // Columns of a lane: neighbours where B comes by columns, else one in every `lanes`.
  const adjacent = v.b === "outer" && v.vector, width = adjacent ? 4 : 1;
  const column = (c: number) =>
    v.b === "outer" ? `column0 + 4u * lane + ${c}u` : `column0 + ${c * lanes}u + lane`;
  const sums = (r: number) => range(4).map((c) => `sum_${r}_${c}`);
  // Starts and ends go row by row in a loop: a hundred copies of `finish` take seconds to compile.
  const everyRow = (body: string) => `for (var r = 0u; r < ${rows}u; r++) {\n${body}\n}`;
  return {
    name: `matmul-lanes-${lanes}x${rows}-${variantName(v)}`,
    params: productParams,
    bindings: productBindings(v, width),
    code: `
${readOperands(v)}
${writeResult(width)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row0 = group.y * ${rows}u;
  let column0 = group.x * ${4 * lanes}u;
  var k = group.z * p.span;
  let end = min(p.inner, k + p.span);
  var totals: array<vec4<f32>, ${rows}>;
  if ((p.flags & ${flags.accumulate}u) != 0u) {
    ${
      everyRow(
        adjacent
          ? `totals[r] = start(row0 + r, ${column(0)});`
          : each(4, (c) => `totals[r][${c}] = start(row0 + r, ${column(c)});`),
      )
    }
  }
  while (k < end) {
${each(rows, (r) => sums(r).map((sum) => `var ${sum} = 0.0f;`).join(" "))}
    let chunk_end = min(end, k + ${chunk}u);
    while (k < chunk_end) {
${loads(block, v)}
${range(4).map((term) => each(rows, (r) => multiply(block, v, r, term))).join("\n")}
      k += 4u;
    }
${each(rows, (r) => `totals[${r}] += vec4<f32>(${sums(r).join(", ")});`)}
  }
  ${
      everyRow(
        adjacent
          ? `finish(row0 + r, ${column(0)}, group.z, totals[r]);`
          : each(4, (c) => `finish(row0 + r, ${column(c)}, group.z, totals[r][${c}]);`),
      )
    }
}`,
  };
}

/** Four terms of every row and column: lane l loads every `lanes`th row (inner) or four rows at a time (outer). */
function loads({ lanes, rows }: LaneBlock, v: Variant): string {
  const a = v.a === "inner"
    ? each(rows / lanes, (i) => `let a_${i} = a_quad(row0 + ${i * lanes}u + lane, k);`)
    : each(
      4,
      (term) =>
        each(
          rows / (4 * lanes),
          (i) => `let a_${i}_${term} = a_quad(row0 + ${4 * i * lanes}u + 4u * lane, k + ${term}u);`,
        ),
    );
  const b = v.b === "inner"
    ? each(4, (c) => `let b_${c} = b_quad(column0 + ${c * lanes}u + lane, k);`)
    : each(4, (term) => `let b_${term} = b_quad(column0 + 4u * lane, k + ${term}u);`);
  return `${a}\n${b}`;
}

/** One term of the sums of a row. */
function multiply({ lanes }: LaneBlock, v: Variant, r: number, term: number): string {
  const value = v.a === "inner"
    ? `subgroupBroadcast(a_${Math.floor(r / lanes)}[${term}], ${r % lanes}u)`
    : `subgroupBroadcast(a_${Math.floor(r / (4 * lanes))}_${term}[${r & 3}], ${(r >> 2) % lanes}u)`;
  const factor = (c: number) => v.b === "inner" ? `b_${c}[${term}]` : `b_${term}[${c}]`;
  return `{ let value = ${value};
${each(4, (c) => `sum_${r}_${c} = fma(value, ${factor(c)}, sum_${r}_${c});`)} }`;
}
