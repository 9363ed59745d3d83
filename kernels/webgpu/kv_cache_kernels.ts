/**
 * Kernels that move keys and values into a cache and within it, vec4 by vec4.
 *
 * @module
 */
import { bindingType, fetch, type HeadSpec, quads } from "./attention_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import { workgroupIndex } from "./wgsl.ts";

/** Threads of a workgroup of these kernels. */
export const moverThreads = 64;

/** Most tokens that a workgroup of {@linkcode writeKernel} writes. */
export const tokensPerGroup = 16;

/** Entry point of kernels that move elements `e` < p.count, vec4 by vec4. */
const mover = (body: string) =>
  `${workgroupIndex}
@compute @workgroup_size(${moverThreads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let e = workgroup_index(group, groups) * ${moverThreads}u + local;
  if (e >= p.count) { return; }
  ${body}
}`;

/** Copies the elements of tensors with `before` vec4 a head to where they lie with `after` vec4 a head. */
export function growKernel(queue: CommandQueue) {
  return queue.kernel("cache-grow", () => ({
    name: "cache-grow",
    params: { count: "u32", before: "u32", after: "u32" },
    bindings: {
      keys_from: "in vec4<f32>",
      values_from: "in vec4<f32>",
      keys_to: "out vec4<f32>",
      values_to: "out vec4<f32>",
    },
    code: mover(`
  let to = e / p.before * p.after + e % p.before;
  keys_to[p.keys_to_base + to] = keys_from[p.keys_from_base + e];
  values_to[p.values_to_base + to] = values_from[p.values_from_base + e];`),
  }));
}

/** Copies the first tokens of slots over other slots of one block. `list` has three integers a copy: from, to, tokens. */
export function copyKernel(queue: CommandQueue, headDim: number) {
  const name = `cache-copy-${headDim}`, width = quads(headDim);
  return queue.kernel(name, () => ({
    name,
    params: { copies: "u32", kv_heads: "u32", capacity: "u32" },
    bindings: { list: "in i32", keys: "out vec4<f32>", values: "out vec4<f32>" },
    code: `${workgroupIndex}
@compute @workgroup_size(${moverThreads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let work = workgroup_index(group, groups);
  if (work >= p.copies * p.kv_heads) { return; }
  let entry = p.list_base + 3u * (work / p.kv_heads);
  let head = work % p.kv_heads;
  let from_at = (u32(list[entry]) * p.kv_heads + head) * p.capacity * ${width}u;
  let to_at = (u32(list[entry + 1u]) * p.kv_heads + head) * p.capacity * ${width}u;
  let count = u32(list[entry + 2u]) * ${width}u;
  for (var e = local; e < count; e += ${moverThreads}u) {
    keys[p.keys_base + to_at + e] = keys[p.keys_base + from_at + e];
    values[p.values_base + to_at + e] = values[p.values_base + from_at + e];
  }
}`,
  }));
}

/**
 * Copies the first `before` of `after` vec4 of each head of a slot to a slot of another block. Both lie in one buffer, so all
 * bindings are of the kind that is written.
 */
export function copyAcrossKernel(queue: CommandQueue) {
  return queue.kernel("cache-copy-across", () => ({
    name: "cache-copy-across",
    params: { count: "u32", before: "u32", after: "u32" },
    bindings: {
      keys_from: "out vec4<f32>",
      values_from: "out vec4<f32>",
      keys_to: "out vec4<f32>",
      values_to: "out vec4<f32>",
    },
    code: mover(`
  let at = e / p.before * p.after + e % p.before;
  keys_to[p.keys_to_base + at] = keys_from[p.keys_from_base + at];
  values_to[p.values_to_base + at] = values_from[p.values_from_base + at];`),
  }));
}

/**
 * Writes pieces of k and v [rows, heads] into a cache. `list` has four integers a piece: first row, rows, slot, position.
 */
export function writeKernel(queue: CommandQueue, spec: HeadSpec) {
  const name = `cache-write-${spec.headDim}${spec.vector ? "" : "/scalar"}`, width = quads(spec.headDim);
  return queue.kernel(name, () => ({
    name,
    params: { pieces: "u32", kv_heads: "u32", capacity: "u32" },
    bindings: {
      list: "in i32",
      k: bindingType("in", spec),
      v: bindingType("in", spec),
      keys: "out vec4<f32>",
      values: "out vec4<f32>",
    },
    code: `
${fetch("k", spec)}
${fetch("v", spec)}
${workgroupIndex}
@compute @workgroup_size(${moverThreads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let piece = workgroup_index(group, groups);
  if (piece >= p.pieces) { return; }
  let entry = p.list_base + 4u * piece;
  let row = u32(list[entry]);
  let count = u32(list[entry + 1u]) * p.kv_heads * ${width}u;
  let slot = u32(list[entry + 2u]);
  let position = u32(list[entry + 3u]);
  for (var e = local; e < count; e += ${moverThreads}u) {
    let d = e % ${width}u;
    let head = e / ${width}u % p.kv_heads;
    let token = e / ${width}u / p.kv_heads;
    let from_head = (row + token) * p.kv_heads + head;
    let to = ((slot * p.kv_heads + head) * p.capacity + position + token) * ${width}u + d;
    keys[p.keys_base + to] = fetch_k(from_head, d);
    values[p.values_base + to] = fetch_v(from_head, d);
  }
}`,
  }));
}
