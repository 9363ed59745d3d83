/**
 * Rows of a matrix four elements at a time. A kernel that reads `load_x(row, quad)` and writes `store_y(row, quad, value)`
 * comes in two variants that compute the same bits: one whose bindings are arrays of `vec4`, and one for rows that do not
 * divide by four or do not start at a multiple of four, which moves elements one by one and sees zeros past a row's end.
 *
 * @module
 */
import { type HalfType, isHalf } from "../element_type.ts";
import { type BindingType, vectorizable } from "./kernel.ts";
import type { GpuTensor } from "./tensor.ts";
import { widening } from "./wgsl.ts";

/**
 * What the elements of a matrix are to a kernel: numbers, bits that are only moved, or weights of 16 bits, widened to f32
 * bits. A kernel has one matrix of these at most.
 */
export type QuadElement = "f32" | "u32" | HalfType;

/** A binding of quads, and whether the kernel writes it (it may read it as well). */
export type QuadBinding = `${"in" | "out"} ${QuadElement}`;

/** Parameters that every kernel of quads has: elements and quads of a row. */
export const quadParams = { width: "u32", quads: "u32" } as const;

/** Values of {@linkcode quadParams}. */
export function quadsOf(width: number): { width: number; quads: number } {
  return { width, quads: Math.ceil(width / 4) };
}

/** Whether these tensors, of rows of `width` (or of `width` elements in all), can be read in the faster variant. */
export function inVectors(width: number, ...tensors: GpuTensor[]): boolean {
  // A quad of 16-bit elements is two words, which need no alignment of their own.
  return tensors.every((tensor) =>
    isHalf(tensor.dtype) ? width % 4 === 0 && tensor.offset % 4 === 0 : vectorizable(width, tensor)
  );
}

/** Bindings of matrices in one of the variants. */
export function quadBindings<B extends string>(
  matrices: Readonly<Record<B, QuadBinding>>,
  vectors: boolean,
): Record<B, BindingType> {
  const entries = Object.entries(matrices) as [B, QuadBinding][];
  return Object.fromEntries(entries.map(([name, type]) => {
    const [access, element] = type.split(" ") as [string, QuadElement];
    if (isHalf(element)) return [name, `${access} ${vectors ? "u32" : "half"}`];
    return [name, vectors ? `${access} vec4<${element}>` : type];
  })) as Record<B, BindingType>;
}

/** WGSL of `load_x(row, quad)` for every matrix, and `store_x(row, quad, value)` for those that are written. */
export function quadAccess(matrices: Readonly<Record<string, QuadBinding>>, vectors: boolean): string {
  return Object.entries(matrices).map(([name, type]) => {
    const [access, element] = type.split(" ") as [string, QuadElement];
    return load(name, element, vectors) +
      (access === "out" ? store(name, element as "f32" | "u32", vectors) : "");
  }).join("");
}

const axes = ["x", "y", "z", "w"];

/** `body` for every element of a quad that lies in the row. */
const guarded = (body: (axis: string, index: number) => string) =>
  axes.map((axis, i) => `if (4u * quad + ${i}u < p.width) { ${body(axis, i)} }`).join("\n  ");

function load(name: string, element: QuadElement, vectors: boolean): string {
  const half = isHalf(element),
    result = half ? "u32" : element,
    head = `${half ? widening(element) : ""}
fn load_${name}(row: u32, quad: u32) -> vec4<${result}> {`;
  if (vectors && half) {
    return `${head}
  let at = p.${name}_base + 2u * (row * p.quads + quad);
  return widen(upper_quad(vec2<u32>(${name}[at], ${name}[at + 1u])));
}
`;
  }
  if (vectors) return `${head} return ${name}[p.${name}_base + row * p.quads + quad]; }\n`;
  const value = half
    ? (i: number) => `upper(${name}[(at + ${i}u) >> 1u], ((at + ${i}u) & 1u) == 1u)`
    : (i: number) => `${name}[at + ${i}u]`;
  return `${head}
  let at = p.${name}_base + row * p.width + 4u * quad;
  var result = vec4<${result}>();
  ${guarded((axis, i) => `result.${axis} = ${value(i)};`)}
  return ${half ? "widen(result)" : "result"};
}
`;
}

function store(name: string, element: "f32" | "u32", vectors: boolean): string {
  const head = `
fn store_${name}(row: u32, quad: u32, value: vec4<${element}>) {`;
  if (vectors) return `${head} ${name}[p.${name}_base + row * p.quads + quad] = value; }\n`;
  return `${head}
  let at = p.${name}_base + row * p.width + 4u * quad;
  ${guarded((axis, i) => `${name}[at + ${i}u] = value.${axis};`)}
}
`;
}
