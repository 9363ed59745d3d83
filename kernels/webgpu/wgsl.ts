/**
 * WGSL that several kernels share.
 *
 * @module
 */
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
 * `widen(word, odd)`: element of a word of two bfloat16; the first lies in the low half. Exact: a bfloat16 is the upper
 * half of a float32.
 */
export const widen = `
fn widen(word: u32, odd: bool) -> f32 { return bitcast<f32>(select(word << 16u, word & 0xffff0000u, odd)); }
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
