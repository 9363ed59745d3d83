/**
 * Tensors that are larger than a binding may be, in pieces that fit.
 *
 * @module
 */
import type { GpuTensor } from "./tensor.ts";

/**
 * Number of rows of `rowBytes` that a binding can hold.
 *
 * @throws where it cannot hold a single one
 */
export function rowsPerBinding(rowBytes: number, maxBinding: number): number {
  const rows = Math.floor(maxBinding / Math.max(rowBytes, 1));
  if (rows < 1) throw new Error(`a row of ${rowBytes} bytes is larger than a binding of ${maxBinding}`);
  return rows;
}

/** Blocks [start, end) of `rows` rows, each as large as a binding can hold at `rowBytes` a row. */
export function* rowBlocks(
  rows: number,
  rowBytes: number,
  maxBinding: number,
): Generator<readonly [start: number, end: number]> {
  if (rows === 0) return;
  const most = rowsPerBinding(rowBytes, maxBinding);
  for (let start = 0; start < rows; start += most) yield [start, Math.min(rows, start + most)];
}

/** f32 (or i32) tensors of equal size as flat pieces that a binding can hold, cut at multiples of 64 elements. */
export function* flatPieces<T extends GpuTensor[]>(
  maxBinding: number,
  ...tensors: T
): Generator<{ [K in keyof T]: GpuTensor }> {
  const { size } = tensors[0]!, most = rowsPerBinding(256, maxBinding) * 64;
  for (let start = 0; start < size; start += most) {
    const end = Math.min(size, start + most);
    const whole = start === 0 && end === size;
    yield tensors.map((tensor) => whole ? tensor : tensor.reshaped([size]).rows(start, end)) as {
      [K in keyof T]: GpuTensor;
    };
  }
}
