/**
 * The element types of tensors: their sizes, and which of them only store weights.
 *
 * @module
 */
import type { DType } from "./tensor_types.ts";
import { isFiniteF16 } from "./half_floats.ts";

/** Element types of 16 bits, which ops widen to f32: they take half the memory of a weight that is only read. */
export type HalfType = "bf16" | "f16";

/** Bytes of an element. */
export const bytesPer: Readonly<Record<DType, number>> = { f32: 4, i32: 4, bf16: 2, f16: 2 };

/** Whether elements of this name are of 16 bits. */
export function isHalf(name: string): name is HalfType {
  return name === "bf16" || name === "f16";
}

/**
 * Element type of a tensor that is uploaded from `data`: the wanted one, or what an array of this kind holds by default.
 *
 * @throws if an array of this kind does not hold the wanted type, or an f16 number is not finite
 */
export function uploadType(data: Float32Array | Int32Array | Uint16Array, wanted?: DType): DType {
  const types: readonly [DType, ...DType[]] = data instanceof Float32Array
    ? ["f32"]
    : data instanceof Int32Array
    ? ["i32"]
    : ["bf16", "f16"];
  const dtype = wanted ?? types[0];
  if (!types.includes(dtype)) throw new Error(`upload: a ${data.constructor.name} as ${dtype}`);
  if (dtype === "f16" && !isFiniteF16(data as Uint16Array)) {
    throw new Error("upload: an f16 number is not finite");
  }
  return dtype;
}
