/**
 * Matrix product in its plainest fast form: each thread computes a block of C in registers and loads its own rows and
 * columns. It serves software adapters without subgroups, and is what the other kernels are measured against.
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

/** Threads of a workgroup in each direction. */
export const simpleThreads = 8;

/**
 * The kernel with blocks of `side` by `side`, a multiple of 4. Workgroups: `side · simpleThreads` columns, as many rows,
 * chunks (or 1).
 */
export function simpleKernel(side: number, v: Variant): KernelSpec<ProductParam, ProductBinding> {
  const width = v.vector ? 4 : 1, quads = side / 4;
  const cells = (line: (r: number, c: number) => string) => each(side, (r) => each(quads, (c) => line(r, c)));
  const four = (value: (e: number) => string) => `vec4<f32>(${range(4).map(value).join(", ")})`;
  const everyCell = (body: string) =>
    `for (var i = 0u; i < ${side * quads}u; i++) {
    let row = row0 + i / ${quads}u; let column = column0 + 4u * (i % ${quads}u);
    ${body}
  }`;
  const load = (name: "a" | "b", first: string) =>
    v[name] === "inner"
      ? each(side, (i) => `let ${name}_${i} = ${name}_quad(${first} + ${i}u, k);`)
      : each(4, (term) =>
        each(quads, (i) =>
          `let ${name}_${i}_${term} = ${name}_quad(${first} + ${4 * i}u, k + ${term}u);`));
  const left = (r: number, term: number) =>
    v.a === "inner" ? `a_${r}[${term}]` : `a_${r >> 2}_${term}[${r & 3}]`;
  const right = (c: number, term: number) =>
    v.b === "inner" ? four((e) => `b_${4 * c + e}[${term}]`) : `b_${c}_${term}`;
  return {
    name: `matmul-simple-${side}-${variantName(v)}`,
    params: productParams,
    bindings: productBindings(v, width),
    code: `
${readOperands(v)}
${writeResult(width)}
@compute @workgroup_size(${simpleThreads}, ${simpleThreads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(global_invocation_id) thread: vec3<u32>) {
  let row0 = thread.y * ${side}u;
  let column0 = thread.x * ${side}u;
  var k = group.z * p.span;
  let end = min(p.inner, k + p.span);
  var totals: array<vec4<f32>, ${side * quads}>;
  if ((p.flags & ${flags.accumulate}u) != 0u) {
  ${
      everyCell(
        width === 4
          ? "totals[i] = start(row, column);"
          : each(4, (e) => `totals[i][${e}] = start(row, column + ${e}u);`),
      )
    }
  }
  while (k < end) {
${cells((r, c) => `    var sum_${r}_${c} = vec4<f32>();`)}
    let chunk_end = min(end, k + ${chunk}u);
    while (k < chunk_end) {
${load("a", "row0")}
${load("b", "column0")}
${
      each(4, (term) =>
        cells((r, c) =>
          `sum_${r}_${c} = fma(vec4<f32>(${left(r, term)}), ${right(c, term)}, sum_${r}_${c});`
        ))
    }
      k += 4u;
    }
${cells((r, c) => `    totals[${r * quads + c}] += sum_${r}_${c};`)}
  }
  ${
      everyCell(
        width === 4
          ? "finish(row, column, group.z, totals[i]);"
          : each(4, (e) => `finish(row, column + ${e}u, group.z, totals[i][${e}]);`),
      )
    }
}`,
  };
}
