/**
 * WGSL of the kernels that find the edges of top-k and top-p; `truncation.ts` says what they do.
 *
 * @module
 */
import { columnsPerThread, orderedKeys, placement, rowMax, threads, trees } from "./lm_head_wgsl.ts";

/** Bits that a step decides. */
export const digitBits = 4;

/** Steps of a search. */
export const digits = 32 / digitBits;

/** Keys that a step measures. */
export const candidates = 2 ** digitBits;

/** Words of a row's state: a key and an aim after each step of two searches. */
export const stateWords = 2 * 2 * digits;

/** Parameters of both kernels. */
export const truncationParams = {
  rows: "u32",
  vocab: "u32",
  segments: "u32",
  inverse_t: "f32",
  step: "u32",
  shift: "u32",
  settled_shift: "u32",
  /** 1 if the step before measured everything that was kept so far as its first candidate. */
  relative: "u32",
  /** 1 in the first step of a search. */
  begins: "u32",
  weighs: "u32",
  aim: "f32",
} as const;

const lanes = threads / candidates;

// `settle`: key and aim after the step before this one, by adding up what it measured. `reach(sum, local)`: the sums of each
// candidate, which thread i has a part of for candidate i % 16, added up to `reached`.
const settle = `
struct Search { key: u32, aim: f32, }
var<workgroup> reached: array<f32, ${threads}>;
fn reach(sum: f32, local: u32) {
  workgroupBarrier();
  reached[local] = sum;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {
    if (local < half * ${candidates}u) { reached[local] += reached[local + half * ${candidates}u]; }
    workgroupBarrier();
  }
}
fn settle(row: u32, local: u32) -> Search {
  var sum = 0.0f;
  for (var s = local / ${candidates}u; s < p.segments; s += ${lanes}u) {
    sum += measures[measured((p.step + 1u) % 2u, row, s) + local % ${candidates}u];
  }
  reach(sum, local);
  let before = p.state_base + row * ${stateWords}u + 2u * (p.step - 1u);
  var result = Search(state[before], bitcast<f32>(state[before + 1u]));
  if (p.relative == 1u) { result.aim *= reached[0]; }
  var digit = 0u;
  for (var j = 1u; j < ${candidates}u; j++) {
    if (reached[j] >= result.aim) { digit = j; }
  }
  result.key |= digit << p.settled_shift;
  return result;
}
`;

const measured = `
fn measured(parity: u32, row: u32, segment: u32) -> u32 {
  return p.measures_base + ${candidates}u * ((parity * p.rows + row) * p.segments + segment);
}
`;

/** A workgroup for each segment (x) and row (y); all of a row settle the step before alike, and the first one notes it. */
export const measureCode = `${trees}${rowMax}${placement}${orderedKeys}${measured}${settle}
var<workgroup> bins: array<mat4x4<f32>, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let segment = group.x;
  var search = Search(0u, p.aim);
  if (p.step > 0u) { search = settle(row, local); }
  // What is sought is not below what is settled, or the edge of the search before: most tokens need not be looked at, and
  // what the first candidate of a search measures is all that is kept so far.
  let least = search.key;
  if (p.begins == 1u) { search = Search(0u, p.aim); }
  let base = vec4<u32>(search.key);
  let keys = array<vec4<u32>, 4>(
    base | (vec4<u32>(0u, 1u, 2u, 3u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(4u, 5u, 6u, 7u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(8u, 9u, 10u, 11u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(12u, 13u, 14u, 15u) << vec4<u32>(p.shift)));
  var largest = 0.0f;
  if (p.weighs == 1u) { largest = row_max(row, local); }
  let at = place(row, segment);
  let count = segment_width(segment);
  var sums = mat4x4<f32>();
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count) {
      let x = logits[at + column];
      let own = key_of(x);
      if (own >= least) {
        let key = vec4<u32>(own);
        let weight = vec4<f32>(select(1.0f, exp(fma(x, p.inverse_t, -largest)), p.weighs == 1u));
        sums[0] += select(vec4<f32>(), weight, key >= keys[0]);
        sums[1] += select(vec4<f32>(), weight, key >= keys[1]);
        sums[2] += select(vec4<f32>(), weight, key >= keys[2]);
        sums[3] += select(vec4<f32>(), weight, key >= keys[3]);
      }
    }
  }
  bins[local] = sums;
  workgroupBarrier();
  let candidate = local % ${candidates}u;
  var sum = 0.0f;
  for (var i = 0u; i < ${threads / lanes}u; i++) {
    sum += bins[local / ${candidates}u * ${threads / lanes}u + i][candidate / 4u][candidate % 4u];
  }
  reach(sum, local);
  if (local < ${candidates}u) { measures[measured(p.step % 2u, row, segment) + local] = reached[local]; }
  if (segment == 0u && local == 0u) {
    let now = p.state_base + row * ${stateWords}u + 2u * p.step;
    state[now] = search.key;
    state[now + 1u] = bitcast<u32>(search.aim);
  }
}`;

/** As above, after the last step: the edge, and the shares of the segments. */
export const sharesCode = `${trees}${rowMax}${placement}${orderedKeys}${measured}${settle}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let segment = group.x;
  let search = settle(row, local);
  let largest = row_max(row, local);
  let at = place(row, segment);
  let count = segment_width(segment);
  var sum = vec2<f32>();
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count) {
      let x = logits[at + column];
      let key = key_of(x);
      if (key > search.key) { sum.x += exp(fma(x, p.inverse_t, -largest)); }
      if (key == search.key) { sum.y += 1.0f; }
    }
  }
  sum = tree_sum(sum, local);
  if (local == 0u) {
    let to = p.shares_base + 2u * (row * p.segments + segment);
    shares[to] = sum.x;
    shares[to + 1u] = sum.y;
    if (segment == 0u) {
      let now = p.edges_base + 2u * row;
      edges[now] = search.key;
      edges[now + 1u] = bitcast<u32>(search.aim);
    }
  }
}`;
