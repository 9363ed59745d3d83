/**
 * Tensors, as everything above the engines sees them.
 *
 * @module
 */

/** Element type of a tensor; `bf16` and `f16` are for stored weights only, widened to f32 by the ops that take them. */
export type DType = "f32" | "bf16" | "f16" | "i32";

/** A block of numbers owned by an engine. Opaque to everything above `kernels/`. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
}
