/**
 * Draws a token from each row of logits: the largest, or the one at which the cumulative distribution, in the order of
 * ids, passes a uniform number.
 *
 * The place is located in three levels: the segment of the vocabulary, the block of 32 tokens in it, the token. At each
 * level the shares are added up one after the other from the first, so a token depends on its logits and its uniform
 * number only, and a larger number never gives a lower id. Where rounding leaves a sliver past the end, the last token
 * that has any probability is drawn.
 *
 * @module
 */
import { maxSegments, segmentColumns } from "./lm_head_tiles.ts";
import { columnsPerThread, orderedKeys, placement, rowMax, threads, trees } from "./lm_head_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import type { Edges } from "./truncation.ts";

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

// The lowest segment whose maximum is that of the row, and the lowest token of it that has that logit.
const greedyCode = `${trees}${rowMax}${placement}
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
  readonly setUp: string;
  readonly segmentShare: string;
  readonly quota: string;
  readonly tokenShare: string;
  readonly edge: string;
}

const whole: Variant = {
  setUp: "",
  segmentShare: `
    let source = p.sums_base + 3u * (row * p.segments + s);
    mass[s] = exp(sums[source] - largest) * sums[source + 1u];
    ties[s] = 0u;`,
  quota: "0u",
  tokenShare: "above += e;",
  edge: "-3.0e38f",
};

const truncated: Variant = {
  setUp: `
  let edge = edges[p.edges_base + 2u * row];`,
  segmentShare: `
    let source = p.shares_base + 2u * (row * p.segments + s);
    mass[s] = shares[source];
    ties[s] = u32(shares[source + 1u]);`,
  // Top-p keeps as many of those on the edge as it takes to reach the aim, one at least; top-k keeps them all.
  quota: `select(p.vocab, quota_of(row, fma(number_of(edge), p.inverse_t, -largest)), p.nucleus == 1u)`,
  tokenShare: `
        let key = key_of(x);
        if (key > edge) { above += e; }
        if (key == edge) { equal += 1u; }`,
  edge: "number_of(edge)",
};

const quotaOf = `
fn quota_of(row: u32, edge_below_largest: f32) -> u32 {
  var above = 0.0f;
  for (var s = 0u; s < p.segments; s++) { above += mass[s]; }
  let missing = (bitcast<f32>(edges[p.edges_base + 2u * row + 1u]) - above) / max(exp(edge_below_largest), 1.0e-37f);
  return u32(clamp(ceil(missing), 1.0f, f32(p.vocab)));
}
`;

const drawCode = ({ setUp, segmentShare, quota, tokenShare, edge }: Variant) =>
  `${trees}${rowMax}${placement}${orderedKeys}${locate}${edge === whole.edge ? "" : quotaOf}${main}
  let largest = row_max(row, local);${setUp}
  for (var s = local; s < p.segments; s += ${threads}u) {${segmentShare}
  }
  workgroupBarrier();
  if (local == 0u) {
    let weight = exp(fma(${edge}, p.inverse_t, -largest));
    let quota = ${quota};
    let aim = uniforms[p.uniforms_base + row] * total(p.segments, quota, weight);
    spot = locate(p.segments, Spot(0u, aim, quota), weight);
  }
  workgroupBarrier();
  let segment = spot.index;
  // Within a segment everything is relative to its own largest logit, so that its shares do not vanish.
  let top = sums[p.sums_base + 3u * (row * p.segments + segment)];
  let weight = exp(fma(${edge}, p.inverse_t, -top));
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

const params = { vocab: "u32", segments: "u32", inverse_t: "f32" } as const;

/** Logits of a block of rows, with what is known of them. */
export interface Distribution {
  /** [rows, vocab] */
  readonly logits: GpuTensor;
  /** Sums of their segments, [rows, segments, 3]. */
  readonly sums: GpuTensor;
  /** 1 / temperature */
  readonly inverseT: number;
}

/** Kernels that choose tokens. All write ids i32 [rows], and chosen [rows]: the tokens' logits. */
export class SamplingKernels {
  constructor(readonly queue: CommandQueue) {}

  /** Takes the largest logit, the lowest id among equals. */
  greedy(distribution: Distribution, ids: GpuTensor, chosen: GpuTensor): void {
    const kernel = this.queue.kernel("sample-greedy", () => ({
      name: "sample-greedy",
      params,
      bindings: { logits: "in f32", sums: "in f32", ids: "out i32", chosen: "out f32" },
      code: greedyCode,
    }));
    const { logits, sums } = distribution;
    this.queue.run(kernel, { logits, sums, ids, chosen }, paramsOf(distribution), [ids.size]);
  }

  /** Draws from the whole distribution. */
  draw(distribution: Distribution, uniforms: Float32Array, ids: GpuTensor, chosen: GpuTensor): void {
    const kernel = this.queue.kernel("sample", () => ({
      name: "sample",
      params,
      bindings: { logits: "in f32", sums: "in f32", uniforms: "in f32", ids: "out i32", chosen: "out f32" },
      code: drawCode(whole),
    }));
    const { logits, sums } = distribution;
    this.queue.run(kernel, { logits, sums, uniforms, ids, chosen }, paramsOf(distribution), [ids.size]);
  }

  /**
   * Draws from what top-k and top-p keep.
   *
   * @param nucleus whether top-p was applied, so that not all tokens on the edge may be kept
   */
  drawTruncated(
    distribution: Distribution,
    uniforms: Float32Array,
    { edges, shares }: Edges,
    nucleus: boolean,
    ids: GpuTensor,
    chosen: GpuTensor,
  ): void {
    const kernel = this.queue.kernel("sample-truncated", () => ({
      name: "sample-truncated",
      params: { ...params, nucleus: "u32" },
      bindings: {
        logits: "in f32",
        sums: "in f32",
        uniforms: "in f32",
        edges: "in u32",
        shares: "in f32",
        ids: "out i32",
        chosen: "out f32",
      },
      code: drawCode(truncated),
    }));
    const { logits, sums } = distribution;
    const values = { ...paramsOf(distribution), nucleus: nucleus ? 1 : 0 };
    this.queue.run(kernel, { logits, sums, uniforms, edges, shares, ids, chosen }, values, [ids.size]);
  }
}

function paramsOf({ logits, sums, inverseT }: Distribution) {
  return { vocab: logits.shape[1]!, segments: sums.shape[1]!, inverse_t: inverseT };
}
