/**
 * Float arithmetic that is exact where WGSL promises little: its compilers may reorder sums (Mesa's turns (a + b) − a into
 * b), `fma` may round twice, and a division may be off by 2.5 units in the last place.
 *
 * @module
 */

/**
 * `opaque(x)`: x, out of sight of the compiler. A kernel that uses it has a parameter `zero: "u32"`, which is 0: the bits
 * pass through an exclusive or with it.
 */
export const opaque = `
fn opaque(x: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) ^ vec4(p.zero)); }
`;

/**
 * `exact_quotient(a, b, reciprocal)`: a / b as the host rounds it, for whole b below 2¹⁶ and `reciprocal` = 1 / b rounded to
 * f32. (For larger b the last bit may differ.) Needs {@linkcode opaque}.
 *
 * A first guess q is corrected by its remainder (Markstein 1990), which is exact without a fused multiply-add: q is cut
 * into three pieces of 8 bits, so that their products with b have 24 bits, and the differences are small multiples of the
 * last of them.
 */
export const exactQuotient = `
fn exact_remainder(a: vec4<f32>, q: vec4<f32>, b: f32) -> vec4<f32> {
  let high = bitcast<vec4<f32>>(bitcast<vec4<u32>>(q) & vec4(0xffff0000u));
  let rest = opaque(q - high);
  let middle = bitcast<vec4<f32>>(bitcast<vec4<u32>>(rest) & vec4(0xffff0000u));
  let low = opaque(rest - middle);
  return opaque(opaque(a - high * b) - middle * b) - low * b;
}
fn exact_quotient(a: vec4<f32>, b: f32, reciprocal: f32) -> vec4<f32> {
  let guess = opaque(a * reciprocal);
  let better = opaque(guess + exact_remainder(a, guess, b) * reciprocal);
  return better + exact_remainder(a, better, b) * reciprocal;
}
`;
