/**
 * WGSL that several kernels share.
 *
 * @module
 */
import type { HalfType } from "../element_type.ts";
import type { Groups } from "./queue.ts";

/** Workgroups for `count` pieces of work: {@linkcode workgroupIndex} numbers them in WGSL; the last ones may have none. */
export function spread(count: number, maxGroups: number): Groups {
  if (count <= maxGroups) return [count];
  const y = Math.ceil(count / maxGroups);
  return [Math.ceil(count / y), y];
}

/** `workgroup_index(group, groups)`: number of a workgroup of {@linkcode spread}. */
export const workgroupIndex = `
fn workgroup_index(group: vec3<u32>, groups: vec3<u32>) -> u32 { return group.y * groups.x + group.x; }
`;

/**
 * Reads stored weights of 16 bits. `upper(word, odd)`: an element of a word of two (the first lies in the low half), as the
 * upper half of a word; `upper_quad(words)`: all four of two words; `widen(bits)`: the bits of such elements in
 * f32, exactly.
 *
 * A bfloat16 is the upper half of an f32. Exponent (5 bits, bias 15) and mantissa (10 bits) of an f16 are moved to where f32
 * has them, below an exponent of 96 (bias 127), as a number x. A normal f16 is then x·2¹⁶. A subnormal one, m·2⁻²⁴, gets a
 * leading 1 that it lacks, x = (1 + m·2⁻¹⁰)·2⁻³¹, so it is x·2¹⁷ − 2⁻¹⁴. Either term is no less where the other is right:
 * the smaller is right for all finite numbers, and exact. It takes no feature, and every number on the way is 0 or a normal
 * f32, which no adapter may flush to 0 (`f16` and `unpack2x16float` may flush what is subnormal in f16).
 */
export function widening(stored: HalfType): string {
  const widen = stored === "bf16" ? "return bits;" : `
  let moved = ((bits >> vec4<u32>(3u)) & vec4<u32>(0x0fffe000u)) | vec4<u32>(0x30000000u);
  let x = bitcast<vec4<f32>>(moved);
  let size = min(x * ${2 ** 16}.0f, x * ${2 ** 17}.0f - ${2 ** -14}f);
  return bitcast<vec4<u32>>(size) | (bits & vec4<u32>(0x80000000u));`;
  return `
fn upper(word: u32, odd: bool) -> u32 { return select(word << 16u, word & 0xffff0000u, odd); }
fn upper_quad(words: vec2<u32>) -> vec4<u32> {
  return vec4<u32>(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u);
}
fn widen(bits: vec4<u32>) -> vec4<u32> { ${widen} }
`;
}

/** `sigmoid(z)` of a float or a vector of floats. */
export const sigmoid = (type: "f32" | "vec4<f32>"): string => `
fn sigmoid(z: ${type}) -> ${type} { return 1.0f / (1.0f + exp(-z)); }
`;

/** A number as a WGSL f32 literal with the same bits. */
export function f32Literal(value: number): string {
  const rounded = Math.fround(value);
  return Number.isInteger(rounded) ? `${rounded}.0f` : `${rounded}f`;
}

/**
 * Combines values in workgroup memory by a tree of fixed shape, so that the order of a sum depends on nothing.
 *
 * @param lanes number of values, a power of two
 * @param lane WGSL of this thread's number among them
 * @param combine statement that takes the value `step` places further on into this thread's own
 * @returns statements to be reached by all threads, with the result in place 0; a barrier has to follow
 */
export function treeReduction(lanes: number, lane: string, combine: (step: string) => string): string {
  const steps: string[] = [];
  for (let step = lanes / 2; step >= 1; step /= 2) {
    steps.push(`workgroupBarrier();
  if (${lane} < ${step}u) { ${combine(`${step}u`)} }`);
  }
  return steps.join("\n  ");
}
