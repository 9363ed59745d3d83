/**
 * How kernels of products read A and B and write C: WGSL functions that hide layout, element type and vector width.
 *
 * Rows and columns past the end may be read (WebGPU keeps every access inside the binding), and what comes of them is not
 * written; terms past the end of k read as 0.
 *
 * @module
 */
import { isHalf } from "../element_type.ts";
import { range } from "./unroll.ts";
import { widening } from "./wgsl.ts";
import { flags, type Variant } from "./matmul_product.ts";

/** One element of an operand, scalar variants; of 16 bits, as `widen` takes it. */
function element(name: string, half: boolean): string {
  const at = `p.${name}_base + index`;
  return half
    ? `
fn ${name}_element(index: u32) -> u32 { let at = ${at}; return upper(${name}[at >> 1u], (at & 1u) == 1u); }`
    : `
fn ${name}_element(index: u32) -> f32 { return ${name}[${at}]; }`;
}

/**
 * `a_quad(i, k)`: four terms k … k + 3 of row i of an inner operand, or four rows i … i + 3 of term k of an outer one.
 *
 * @param name of the binding and of the function, where several have the role of B
 */
export function quad(role: "a" | "b", v: Variant, name: string = role): string {
  const half = role === "b" && isHalf(v.stored), inner = v[role] === "inner";
  const first = role === "a" ? "p.a_first + " : "";
  const index = inner ? `i * p.${role}_stride + ${first}k` : `k * p.${role}_stride + ${first}i`;
  const head = `fn ${name}_quad(i: u32, k: u32) -> vec4<f32> {\n  let index = ${index};\n  `;
  if (v.vector) {
    const load = `${name}[p.${name}_base + (index >> 2u)]`;
    return `${head}let value = ${half ? `bitcast<vec4<f32>>(widen(upper_quad(${load})))` : load};
  return select(vec4<f32>(), value, k < p.inner);
}`;
  }
  const one = (e: number) =>
    `select(${half ? "0u" : "0.0f"}, ${name}_element(index + ${e}u), ${inner ? `k + ${e}u` : "k"} < p.inner)`;
  const four = range(4).map(one).join(", ");
  return `${element(name, half)}
${head}return ${half ? `bitcast<vec4<f32>>(widen(vec4<u32>(${four})))` : `vec4<f32>(${four})`};
}`;
}

/** What {@linkcode quad} needs to read stored weights. */
export function widenOperands({ stored }: Variant): string {
  return isHalf(stored) ? widening(stored) : "";
}

/** `a_quad` and `b_quad`: see {@linkcode quad}. */
export function readOperands(v: Variant): string {
  return `${widenOperands(v)}${quad("a", v)}
${quad("b", v)}`;
}

/**
 * `start(row, column)`: what a total starts from; `finish(row, column, part, total)`: writes a total (part 0), or the sum of
 * chunk `part`. A value is `width` columns of one row.
 */
export function writeResult(width: 1 | 4): string {
  const type = width === 4 ? "vec4<f32>" : "f32",
    unit = (index: string) => width === 4 ? `((${index}) >> 2u)` : index;
  return `
fn place(row: u32, column: u32) -> u32 { return ${unit("row * p.c_stride + p.c_first + column")}; }
fn start(row: u32, column: u32) -> ${type} {
  if ((p.flags & ${flags.accumulate}u) == 0u || row >= p.rows || column >= p.columns) { return ${type}(); }
  return c[p.c_base + place(row, column)];
}
fn finish(row: u32, column: u32, part: u32, total: ${type}) {
  if (row >= p.rows || column >= p.columns) { return; }
  let at = place(part * p.rows + row, column);
  var value = total;
  if ((p.flags & ${flags.bias}u) != 0u) { value += bias[p.bias_base + ${unit("column")}]; }
  if ((p.flags & ${flags.residual}u) != 0u) { value += residual[p.residual_base + at]; }
  c[p.c_base + at] = value;
}`;
}
