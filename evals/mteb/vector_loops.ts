/**
 * Loops over vectors of float64, which the search of a probe consists of. All vectors of a call have the same length.
 *
 * Each function is one loop and nothing else that would have to be compiled. V8 replaces a long loop while it runs by code that
 * knows nothing of what comes behind it, and throws that code away when it gets there; in closures, which are made anew, again
 * and again. As it was written at first, a search spent five times as long on its first problem as on later ones.
 *
 * @module
 */

/** ⟨a, b⟩ */
export function dot(a: Float64Array, b: Float64Array): number {
  const n = a.length;
  // Four sums, none of which waits for another.
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, i = 0;
  for (; i + 3 < n; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < n; i++) s0 += a[i]! * b[i]!;
  return (s0 + s1) + (s2 + s3);
}

/** target += factor · source */
export function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * source[i]!;
}

/** The same, and then {@linkcode dot} of `next` and the target, in one pass. */
export function addScaledThenDot(
  target: Float64Array,
  source: Float64Array,
  factor: number,
  next: Float64Array,
): number {
  const n = target.length;
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, i = 0;
  for (; i + 3 < n; i += 4) {
    s0 += next[i]! * (target[i] = target[i]! + factor * source[i]!);
    s1 += next[i + 1]! * (target[i + 1] = target[i + 1]! + factor * source[i + 1]!);
    s2 += next[i + 2]! * (target[i + 2] = target[i + 2]! + factor * source[i + 2]!);
    s3 += next[i + 3]! * (target[i + 3] = target[i + 3]! + factor * source[i + 3]!);
  }
  for (; i < n; i++) s0 += next[i]! * (target[i] = target[i]! + factor * source[i]!);
  return (s0 + s1) + (s2 + s3);
}

/** out = origin + step · direction */
export function moveAlong(
  out: Float64Array,
  origin: Float64Array,
  step: number,
  direction: Float64Array,
): void {
  for (let i = 0; i < out.length; i++) out[i] = origin[i]! + step * direction[i]!;
}

/** out = factor · out */
export function scale(out: Float64Array, factor: number): void {
  for (let i = 0; i < out.length; i++) out[i] = out[i]! * factor;
}

/** out = −a */
export function negate(out: Float64Array, a: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = -a[i]!;
}

/** out = a − out */
export function subtractFrom(out: Float64Array, a: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! - out[i]!;
}

/** max |a_i|; NaN if one of them is. */
export function maxAbs(a: Float64Array): number {
  let max = 0;
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs(a[i]!));
  return max;
}
