import { assert, assertSameBits } from "#test";
import { bf16ToF32, f16sToF32, f16ToF32, f32ToBf16, f32ToF16, isFiniteF16 } from "./half_floats.ts";

Deno.test("f16ToF32() is exact for every bit pattern", () => {
  // Float16Array is the engine's own conversion.
  const half = new Float16Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
  for (let bits = 0; bits < 65536; bits++) {
    const ours = f16ToF32(bits), expected = half[bits]!;
    if (!Object.is(ours, expected)) assert.fail(`${bits.toString(16)}: ${ours} instead of ${expected}`);
  }
});

Deno.test("f32ToF16() inverts f16sToF32() for every bit pattern that is a number", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((b) => (b & 0x7fff) <= 0x7c00);
  const wide = new Float32Array(bits.length);
  f16sToF32(bits, wide);
  assertSameBits(f32ToF16(wide), bits);
});

Deno.test("isFiniteF16() finds infinities and NaN of both signs, and nothing else", () => {
  for (let bits = 0; bits < 65536; bits++) {
    assert.equal(isFiniteF16(Uint16Array.of(0x3c00, bits, 0)), Number.isFinite(f16ToF32(bits)), `${bits}`);
  }
});

Deno.test("f32ToBf16() inverts bf16ToF32() for every bit pattern but the payload of NaN", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const wide = new Float32Array(65536);
  bf16ToF32(bits, wide);
  const isNan = (b: number) => (b & 0x7fff) > 0x7f80;
  assertSameBits(f32ToBf16(wide), bits.map((b) => isNan(b) ? 0x7fc0 : b));
});

Deno.test("f32ToBf16() rounds to nearest and ties to even", () => {
  const cases: [number, number][] = [
    [0x3f80_7fff, 0x3f80], // below the middle
    [0x3f80_8000, 0x3f80], // middle, even below
    [0x3f80_8001, 0x3f81], // above the middle
    [0x3f81_8000, 0x3f82], // middle, even above
    [0x3fff_ffff, 0x4000], // carries into the exponent
    [0x7f7f_ffff, 0x7f80], // overflows to infinity
    [0x8000_8000, 0x8000], // subnormal, negative
    [0x7f80_0000, 0x7f80],
    [0xff80_0001, 0x7fc0], // a NaN whose payload would vanish
  ];
  const values = new Float32Array(Uint32Array.from(cases, ([bits]) => bits).buffer);
  assert.deepEqual([...f32ToBf16(values)], cases.map(([, expected]) => expected));
});
