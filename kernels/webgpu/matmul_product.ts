/**
 * What a matrix product is, and the one order in which every kernel of this engine adds it up.
 *
 * C[i, j] = Σ_k A[i, k] · B[k, j] is summed so, whatever kernel computes it:
 * 1. k is cut into chunks of {@linkcode chunk} from 0 on; the sum of a chunk is a chain of `fma` from 0 by increasing k;
 * 2. the total starts from 0, or from what C holds where the product is added to it, and takes the chunks' sums by
 *    increasing k;
 * 3. the bias is added to the total, then the residual.
 *
 * So the bits of a row of C do not depend on the number of rows, nor on the tile, the vector width or the split that served
 * it: sums of chunks may be computed by different workgroups and added up later, and a product may be cut between chunks.
 * Numbers past the end of k count as 0 · 0, which changes no bit of a chain (but for the sign of a sum that underflowed to
 * −0).
 *
 * @module
 */
import { bytesPer, type HalfType, isHalf } from "../element_type.ts";
import { type BindingType, vectorizable } from "./kernel.ts";
import type { GpuTensor } from "./tensor.ts";

/**
 * Terms of a chain. Long chains cost tiled kernels fewer additions of totals, short ones give more workgroups to a product
 * of few rows and lose fewer digits: 256 gives the widest layer of a 1.5 B decoder (8,960 to 1,536) 35 chunks.
 */
export const chunk = 256;

/**
 * How an operand lies in memory: `inner` with k as the last, contiguous dimension (A as [i, k], B as [j, k]), `outer` with k
 * as the first (A as [k, i], B as [k, j]).
 */
export type Layout = "inner" | "outer";

/** A product C (+)= A · B (+ bias) (+ residual). */
export interface Product {
  readonly a: GpuTensor;
  readonly aLayout: Layout;
  /** f32, bf16 or f16. */
  readonly b: GpuTensor;
  readonly bLayout: Layout;
  /** [rows, columns] */
  readonly c: GpuTensor;
  readonly rows: number;
  readonly columns: number;
  /** Number of terms: the extent of k. */
  readonly inner: number;
  /** [columns] */
  readonly bias?: GpuTensor | undefined;
  /** [rows, columns] */
  readonly residual?: GpuTensor | undefined;
  /** Whether the total starts from what C holds. */
  readonly accumulate?: boolean;
}

/** What the code of a kernel depends on. */
export interface Variant {
  readonly a: Layout;
  readonly b: Layout;
  /** Element type of B. */
  readonly stored: "f32" | HalfType;
  /** Whether memory is accessed four elements at a time. */
  readonly vector: boolean;
}

/** The variant that a product needs: `vector` if its dimensions and offsets allow it. */
export function variantOf(product: Product): Variant {
  const { a, b, c, bias, residual, aLayout, bLayout } = product;
  // Strides, not extents: a block of a tensor has those of the whole. Blocks are cut at multiples of four.
  const strides = [a, b, c].map(({ shape }) => shape[1]!);
  const stored = isHalf(b.dtype) ? b.dtype : "f32";
  const vector = strides.every((stride) => stride % 4 === 0) && vectorizable(4, a, c, bias, residual) &&
    b.offset % (4 * bytesPer[b.dtype]) === 0;
  return { a: aLayout, b: bLayout, stored, vector };
}

/** Part of a kernel's name that tells variants apart. */
export function variantName({ a, b, stored, vector }: Variant): string {
  return `${a}-${b}${stored === "f32" ? "" : `-${stored}`}${vector ? "-vec4" : ""}`;
}

/** Parameters of every kernel of products. Strides are those of the first dimension in memory, in elements. */
export const productParams = {
  rows: "u32",
  columns: "u32",
  inner: "u32",
  /** Terms that a workgroup sums, from `group.z · span` on: all of them, or a chunk. */
  span: "u32",
  /** Sum of {@linkcode flags}. */
  flags: "u32",
  a_stride: "u32",
  b_stride: "u32",
  c_stride: "u32",
  /** Where the product starts in a row of A: its row 0 if A is `outer`, its first term if A is `inner`. */
  a_first: "u32",
  /** Where column 0 of the product lies in a row of C and of the residual. */
  c_first: "u32",
} as const;

/** What is added to the sums; a binding that nothing is read from takes any tensor. */
export const flags = { bias: 1, residual: 2, accumulate: 4 } as const;

/** Names of parameters. */
export type ProductParam = keyof typeof productParams;

/** Names of bindings. */
export type ProductBinding = "a" | "b" | "c" | "bias" | "residual";

/** Bindings of a variant, with C, bias and residual by `width` elements. */
export function productBindings(v: Variant, width: 1 | 4): Readonly<Record<ProductBinding, BindingType>> {
  const element = width === 4 ? "vec4<f32>" : "f32";
  return {
    a: v.vector ? "in vec4<f32>" : "in f32",
    b: isHalf(v.stored) ? (v.vector ? "in vec2<u32>" : "in half") : v.vector ? "in vec4<f32>" : "in f32",
    c: `out ${element}`,
    bias: `in ${element}`,
    residual: `in ${element}`,
  };
}
