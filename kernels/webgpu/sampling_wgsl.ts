/**
 * WGSL of the kernels that choose tokens; `sampling.ts` says what they do.
 *
 * @module
 */
import { maxSegments, segmentColumns } from "./lm_head_tiles.ts";
import { columnsPerThread, orderedKeys, placement, rowMax, threads, trees } from "./lm_head_wgsl.ts";

const main = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;`;

const note = `
  if (local == 0u) {
    ids[p.ids_base + row] = i32(token);
    chosen[p.chosen_base + row] = logits[place(row, 0u) + token];
  }
}`;

/** The lowest segment whose maximum is that of the row, and the lowest token of it that has that logit. */
export const greedyCode = `${trees}${rowMax}${placement}
var<workgroup> lowest: array<u32, ${threads}>;
fn tree_min(value: u32, local: u32) -> u32 {
  workgroupBarrier();
  lowest[local] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) { lowest[local] = min(lowest[local], lowest[local + half]); }
    workgroupBarrier();
  }
  return lowest[0];
}
${main}
  let largest = row_max(row, local);
  var found = p.segments - 1u;
  for (var s = local; s < p.segments; s += ${threads}u) {
    if (sums[p.sums_base + 3u * (row * p.segments + s)] >= largest) { found = min(found, s); }
  }
  let segment = tree_min(found, local);
  let at = place(row, segment);
  let count = segment_width(segment);
  found = count - 1u;
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count && logits[at + column] * p.inverse_t >= largest) { found = min(found, column); }
  }
  let token = segment * ${segmentColumns}u + tree_min(found, local);
${note}`;

// `locate` goes through `count` shares, of tokens above the edge (`mass`) and on it (`ties`, each `weight`, and only the
// first `quota` are kept), until they exceed `remaining`.
const locate = `
const past_the_end = 3.0e38f;
struct Spot { index: u32, remaining: f32, quota: u32, }
var<workgroup> mass: array<f32, ${maxSegments}>;
var<workgroup> ties: array<u32, ${maxSegments}>;
var<workgroup> spot: Spot;
fn locate(count: u32, start: Spot, weight: f32) -> Spot {
  var quota = start.quota;
  var before = 0.0f;
  var last = Spot(0u, past_the_end, quota);
  for (var i = 0u; i < count; i++) {
    let kept = min(ties[i], quota);
    let share = fma(f32(kept), weight, mass[i]);
    if (before + share > start.remaining) { return Spot(i, start.remaining - before, quota); }
    if (share > 0.0f) { last = Spot(i, past_the_end, quota); }
    before += share;
    quota -= kept;
  }
  return last;
}
fn total(count: u32, limit: u32, weight: f32) -> f32 {
  var quota = limit;
  var sum = 0.0f;
  for (var i = 0u; i < count; i++) {
    let kept = min(ties[i], quota);
    sum += fma(f32(kept), weight, mass[i]);
    quota -= kept;
  }
  return sum;
}
`;

/** How a variant finds the shares of segments, what a token counts, and how many of those on the edge are kept. */
interface Variant {
  readonly functions: string;
  readonly setUp: string;
  readonly segmentShare: string;
  readonly tokenShare: string;
  /** Weight of a token on the edge, relative to a logit of `top`. */
  readonly edgeWeight: (top: string) => string;
  readonly quota: string;
}

/** Every token is above the edge. */
export const whole: Variant = {
  functions: "",
  setUp: "",
  segmentShare: `
    let source = p.sums_base + 3u * (row * p.segments + s);
    mass[s] = exp(sums[source] - largest) * sums[source + 1u];
    ties[s] = 0u;`,
  tokenShare: "above += e;",
  edgeWeight: () => "0.0f",
  quota: "0u",
};

/** Top-p keeps as many tokens on the edge as it takes to reach the aim, one at least; top-k keeps them all. */
export const truncated: Variant = {
  functions: `
fn quota_of(row: u32, weight: f32) -> u32 {
  if (p.nucleus == 0u) { return p.vocab; }
  var above = 0.0f;
  for (var s = 0u; s < p.segments; s++) { above += mass[s]; }
  let missing = (bitcast<f32>(edges[p.edges_base + 2u * row + 1u]) - above) / max(weight, 1.0e-37f);
  return u32(clamp(ceil(missing), 1.0f, f32(p.vocab)));
}
`,
  setUp: `
  let edge = edges[p.edges_base + 2u * row];`,
  segmentShare: `
    let source = p.shares_base + 2u * (row * p.segments + s);
    mass[s] = shares[source];
    ties[s] = u32(shares[source + 1u]);`,
  tokenShare: `
        let key = key_of(x);
        if (key > edge) { above += e; }
        if (key == edge) { equal += 1u; }`,
  edgeWeight: (top) => `exp(fma(number_of(edge), p.inverse_t, -${top}))`,
  quota: "quota_of(row, weight)",
};

/** Draws a token; see the module comment of `sampling.ts`. */
export const drawCode = (
  { functions, setUp, segmentShare, tokenShare, edgeWeight, quota }: Variant,
): string =>
  `${trees}${rowMax}${placement}${orderedKeys}${locate}${functions}${main}
  let largest = row_max(row, local);${setUp}
  for (var s = local; s < p.segments; s += ${threads}u) {${segmentShare}
  }
  workgroupBarrier();
  if (local == 0u) {
    let weight = ${edgeWeight("largest")};
    let quota = ${quota};
    let aim = uniforms[p.uniforms_base + row] * total(p.segments, quota, weight);
    spot = locate(p.segments, Spot(0u, aim, quota), weight);
  }
  workgroupBarrier();
  let segment = spot.index;
  // Within a segment everything is relative to its own largest logit, so that its shares do not vanish.
  let top = sums[p.sums_base + 3u * (row * p.segments + segment)];
  let weight = ${edgeWeight("top")};
  let at = place(row, segment);
  let count = segment_width(segment);
  var above = 0.0f;
  var equal = 0u;
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = local * ${columnsPerThread}u + k;
    if (column < count) {
      let x = logits[at + column];
      let e = exp(fma(x, p.inverse_t, -top));
      ${tokenShare}
    }
  }
  mass[local] = above;
  ties[local] = equal;
  workgroupBarrier();
  if (local == 0u) {
    if (spot.remaining < past_the_end) { spot.remaining /= exp(top - largest); }
    spot = locate(${threads}u, spot, weight);
  }
  workgroupBarrier();
  let start = spot.index * ${columnsPerThread}u;
  above = 0.0f;
  equal = 0u;
  if (local < ${columnsPerThread}u && start + local < count) {
    let x = logits[at + start + local];
    let e = exp(fma(x, p.inverse_t, -top));
    ${tokenShare}
  }
  // All have read where the block starts, and the shares of blocks are not needed any more.
  workgroupBarrier();
  mass[local] = above;
  ties[local] = equal;
  workgroupBarrier();
  var token = 0u;
  if (local == 0u) { token = segment * ${segmentColumns}u + start + locate(${columnsPerThread}u, spot, weight).index; }
${note}`;
