/**
 * Text of unrolled code: WGSL compilers bound every loop and clamp every index that is not a constant, so the inner loops
 * of fast kernels are written out.
 *
 * @module
 */

/** 0 … n − 1. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** The line for each of 0 … n − 1. */
export function each(n: number, line: (i: number) => string): string {
  return range(n).map(line).join("\n");
}
