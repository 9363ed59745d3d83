/**
 * WGSL that the kernels of the vocabulary head share.
 *
 * @module
 */
import { segmentColumns } from "./lm_head_tiles.ts";

/** Threads of a workgroup. */
export const threads = 128;

/** Columns of a segment that a thread looks at. */
export const columnsPerThread = segmentColumns / threads;

/** Below every logit; infinities may be assumed away by a shader compiler. */
export const lowest = "-3.0e38f";

/**
 * `tree_max(value, local)` and `tree_sum(value, local)` over the workgroup, as a tree of one shape. All threads call them
 * and get the result.
 */
export const trees = `
var<workgroup> tree: array<vec2<f32>, ${threads}>;
fn tree_max(value: f32, local: u32) -> f32 {
  workgroupBarrier();
  tree[local].x = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) { tree[local].x = max(tree[local].x, tree[local + half].x); }
    workgroupBarrier();
  }
  return tree[0].x;
}
fn tree_sum(value: vec2<f32>, local: u32) -> vec2<f32> {
  workgroupBarrier();
  tree[local] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) { tree[local] += tree[local + half]; }
    workgroupBarrier();
  }
  return tree[0];
}
`;

/** `row_max(row, local)`: largest scaled logit of a row, from the sums of its segments in binding `sums`. */
export const rowMax = `
fn row_max(row: u32, local: u32) -> f32 {
  var top = ${lowest};
  for (var s = local; s < p.segments; s += ${threads}u) {
    top = max(top, sums[p.sums_base + 3u * (row * p.segments + s)]);
  }
  return tree_max(top, local);
}
`;

/**
 * `place(row, segment)`: index of a row's first logit of a segment in binding `logits`, [rows, vocab];
 * `segment_width(segment)`: number of its logits.
 */
export const placement = `
fn place(row: u32, segment: u32) -> u32 {
  return p.logits_base + row * p.vocab + segment * ${segmentColumns}u;
}
fn segment_width(segment: u32) -> u32 { return min(${segmentColumns}u, p.vocab - segment * ${segmentColumns}u); }
`;

/**
 * `key_of(x)`: bits of a number that are ordered as unsigned integers like the numbers themselves; both zeros have one key.
 * `number_of(key)` is its inverse.
 */
export const orderedKeys = `
fn key_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = bits >> 31u;
  return select(bits ^ select(0x80000000u, 0xffffffffu, sign == 1u), 0x80000000u, bits == 0x80000000u);
}
fn number_of(key: u32) -> f32 {
  return bitcast<f32>(key ^ select(0xffffffffu, 0x80000000u, (key >> 31u) == 1u));
}
`;
