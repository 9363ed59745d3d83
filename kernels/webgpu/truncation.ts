/**
 * Top-k and top-p without sorting: which logit is the smallest that is kept.
 *
 * Logits are seen as 32-bit keys of the same order. The measure of a key is how many tokens have it or a larger one
 * (top-k), or their probability (top-p), and the edge is the largest key whose measure reaches the aim. It is found four
 * bits at a time: every step measures 16 keys in each segment of the vocabulary, and the next step adds up the segments, in
 * an order that depends on nothing, chooses the digit and measures on. Counts are exact (below 2²⁴ tokens); probabilities
 * are sums in f32, relative to the largest, with a relative error of some 10⁻⁶, within which the nucleus ends.
 *
 * @module
 */
import type { SamplingSpec } from "../device.ts";
import { columnsPerThread, orderedKeys, placement, rowMax, threads, trees } from "./lm_head_wgsl.ts";
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import type { Distribution } from "./sampling.ts";
import type { GpuTensor } from "./tensor.ts";

const digitBits = 4, digits = 32 / digitBits, candidates = 2 ** digitBits;

/** One of the steps that find an edge; see the module comment. */
interface Step {
  /** Whether tokens are weighed with their probability rather than counted. */
  readonly weighs: boolean;
  /** Position of the digit. */
  readonly shift: number;
  /** Tokens to keep, or the share of what is kept so far. */
  readonly aim: number;
}

function stepsOf({ topK, topP }: SamplingSpec, vocab: number): Step[] {
  const shifts = Array.from({ length: digits }, (_, i) => 32 - digitBits * (i + 1));
  const search = (weighs: boolean, aim: number) => shifts.map((shift) => ({ weighs, shift, aim }));
  return [
    ...(topK > 0 && topK < vocab ? search(false, topK) : []),
    ...(topP < 1 ? search(true, topP) : []),
  ];
}

/** Whether any token may be left out. */
export function truncates(spec: SamplingSpec, vocab: number): boolean {
  return spec.temperature > 0 && stepsOf(spec, vocab).length > 0;
}

/** What a search leaves for drawing; both live until the caller releases them. */
export interface Edges {
  /** Of each row, the key of the smallest logit that is kept, and as f32 bits the probability to keep; [rows, 2]. */
  readonly edges: GpuTensor;
  /** By segment, the probability of the tokens above the edge, and the number of those on it; [rows, segments, 2]. */
  readonly shares: GpuTensor;
}

/** Words of a row's state: a key and an aim after each step. */
const stateWords = 2 * 2 * digits;

const params = {
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

// `settle`: key and aim after the step before this one, by adding up what it measured, 8 lanes a candidate.
const settle = `
struct Search { key: u32, aim: f32, }
var<workgroup> reached: array<f32, ${threads}>;
fn settle(row: u32, local: u32) -> Search {
  let candidate = local % ${candidates}u;
  var sum = 0.0f;
  for (var s = local / ${candidates}u; s < p.segments; s += ${lanes}u) {
    sum += measures[measured((p.step + 1u) % 2u, row, s) + candidate];
  }
  reached[local] = sum;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0u; half >>= 1u) {
    if (local < half * ${candidates}u) { reached[local] += reached[local + half * ${candidates}u]; }
    workgroupBarrier();
  }
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

// A workgroup for each segment (x) and row (y); all of a row settle the step before alike, and the first one notes it.
const measureCode = `${trees}${rowMax}${placement}${orderedKeys}${measured}${settle}
var<workgroup> bins: array<mat4x4<f32>, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let segment = group.x;
  var search = Search(0u, p.aim);
  if (p.step > 0u) { search = settle(row, local); }
  // The first candidate of a search is the edge of the one before: its measure is all that is kept so far.
  let edge = search.key;
  if (p.begins == 1u) { search = Search(0u, p.aim); }
  let base = vec4<u32>(search.key);
  var keys = array<vec4<u32>, 4>(
    base | (vec4<u32>(0u, 1u, 2u, 3u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(4u, 5u, 6u, 7u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(8u, 9u, 10u, 11u) << vec4<u32>(p.shift)),
    base | (vec4<u32>(12u, 13u, 14u, 15u) << vec4<u32>(p.shift)));
  if (p.begins == 1u) { keys[0].x = edge; }
  let largest = row_max(row, local);
  let at = place(row, segment);
  let count = segment_width(segment);
  var sums = mat4x4<f32>();
  for (var k = 0u; k < ${columnsPerThread}u; k++) {
    let column = k * ${threads}u + local;
    if (column < count) {
      let x = logits[at + column];
      let key = vec4<u32>(key_of(x));
      let weight = vec4<f32>(select(1.0f, exp(fma(x, p.inverse_t, -largest)), p.weighs == 1u));
      sums[0] += select(vec4<f32>(), weight, key >= keys[0]);
      sums[1] += select(vec4<f32>(), weight, key >= keys[1]);
      sums[2] += select(vec4<f32>(), weight, key >= keys[2]);
      sums[3] += select(vec4<f32>(), weight, key >= keys[3]);
    }
  }
  bins[local] = sums;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (local < half) { bins[local] = bins[local] + bins[local + half]; }
    workgroupBarrier();
  }
  if (local < ${candidates}u) {
    measures[measured(p.step % 2u, row, segment) + local] = bins[0][local / 4u][local % 4u];
  }
  if (segment == 0u && local == 0u) {
    let now = p.state_base + row * ${stateWords}u + 2u * p.step;
    state[now] = search.key;
    state[now + 1u] = bitcast<u32>(search.aim);
  }
}`;

// As above, after the last step: the shares of the segments. The result goes to the front of the state.
const sharesCode = `${trees}${rowMax}${placement}${orderedKeys}${measured}${settle}
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

/** Finds the edges of top-k and top-p. */
export class Truncation {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Edges of a distribution under a spec that {@linkcode truncates}. */
  find({ logits, sums, inverseT }: Distribution, spec: SamplingSpec): Edges {
    const [rows, vocab] = logits.shape as [number, number], segments = sums.shape[1]!;
    const { queue, arena } = this;
    const measure = queue.kernel("truncation-measure", () => ({
      name: "truncation-measure",
      params,
      bindings: { logits: "in f32", sums: "in f32", measures: "out f32", state: "out u32" },
      code: measureCode,
    }));
    const share = queue.kernel("truncation-shares", () => ({
      name: "truncation-shares",
      params,
      bindings: {
        logits: "in f32",
        sums: "in f32",
        measures: "out f32",
        state: "out u32",
        shares: "out f32",
        edges: "out u32",
      },
      code: sharesCode,
    }));
    const measures = arena.alloc([2, rows, segments, candidates], "f32");
    const state = arena.alloc([rows, stateWords], "i32");
    const shares = arena.alloc([rows, segments, 2], "f32"), edges = arena.alloc([rows, 2], "i32");
    const common = { rows, vocab, segments, inverse_t: inverseT };
    const steps = stepsOf(spec, vocab), groups = [segments, rows] as const;
    const begins = (i: number) => steps[i]?.shift === steps[0]!.shift;
    for (let i = 0; i <= steps.length; i++) {
      const now = steps[i], before = steps[i - 1];
      const values = {
        ...common,
        step: i,
        shift: now?.shift ?? 0,
        settled_shift: before?.shift ?? 0,
        relative: before?.weighs && begins(i - 1) ? 1 : 0,
        begins: begins(i) ? 1 : 0,
        weighs: now?.weighs ? 1 : 0,
        aim: now?.aim ?? 0,
      };
      if (now) queue.run(measure, { logits, sums, measures, state }, values, groups);
      else queue.run(share, { logits, sums, measures, state, shares, edges }, values, groups);
    }
    arena.release(measures);
    arena.release(state);
    return { edges, shares };
  }
}
