/**
 * Attention of one query a slot over the cache, in two passes: a workgroup weighs four chunks of keys of one key/value head
 * for all query heads that share it, each chunk for itself, so that few slots with long contexts fill a large GPU too; then
 * the chunks of each head are joined in order.
 *
 * In the first pass a thread has one key, whose elements it reads itself, all of them in flight at once: nothing is read
 * twice, and the rows of a head lie together in the cache, so every byte that memory delivers is used.
 *
 * @module
 */
import { chunk } from "./attention_plan.ts";
import {
  bindingType,
  entryPoint,
  fetch,
  type HeadSpec,
  keyScale,
  keyThreads,
  perThread,
  quads,
  repeat,
  softmaxFunctions,
  specName,
  store,
} from "./attention_wgsl.ts";
import type { GpuTensor } from "./tensor.ts";
import type { CommandQueue } from "./queue.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

/** Chunks of a workgroup. */
const chunks = 4;

const threads = chunks * chunk;

/** Query heads that a workgroup takes at once: their sums fit into registers. */
const mostHeads = 8;

/** Columns of a key that are asked for before the first is used. */
const ahead = 4;

function weighCode(spec: HeadSpec): string {
  const { group } = spec, width = quads(spec.headDim);
  const blocks = Math.ceil(group / mostHeads), heads = Math.ceil(group / blocks);
  const perHead = (code: (h: number) => string) => repeat(heads, code);
  // The last block may have fewer heads; what stands in for the missing ones is not stored.
  const has = (h: number) => group % heads === 0 ? "true" : `first_head + ${h}u < ${group}u`;
  const columns = (d: string, count: number) => `
      ${repeat(count, (c) => `let k${c} = keys[at + ${d} + ${c}u] * ${keyScale(spec.headDim)};`)}
      ${
    repeat(count, (c) =>
      perHead((h) => `
      let q${h}_${c} = fetch_q(query${h}, ${d} + ${c}u);
      ${["x", "y", "z", "w"].map((x) => `s${h} = fma(q${h}_${c}.${x}, k${c}.${x}, s${h});`).join(" ")}`))
  }`;
  const whole = width - width % ahead;
  return `
${fetch("q", spec)}
${softmaxFunctions}
// Scores, then weights: [head][chunk][g][i], see attention_wgsl.ts.
var<workgroup> scores: array<f32, ${heads * threads}>;
var<workgroup> tops: array<f32, ${heads * chunks}>;
${
    entryPoint(
      threads,
      `
  let each = p.kv_heads * ${blocks}u;
  if (work >= p.parts * each) { return; }
  let entry = p.list_base + work / each * 4u;
  let query = u32(list[entry]);
  let first_key = u32(list[entry + 1u]);
  let length = u32(list[entry + 2u]);
  let first_chunk = u32(list[entry + 3u]);
  let kv_head = work % each / ${blocks}u;
  let first_head = work % ${blocks}u * ${heads}u;
  let row = ((query - p.first_slot) * p.kv_heads + kv_head) * p.capacity;
  let key = first_key + local;
  let in_chunk = local % ${chunk}u;
  let place = local - in_chunk + in_chunk % ${keyThreads}u * ${perThread}u + in_chunk / ${keyThreads}u;
  ${perHead((h) => `var s${h} = nothing;`)}
  if (key < length) {
    ${
        perHead((h) => `
    let query${h} = (query * p.kv_heads + kv_head) * ${group}u + min(first_head + ${h}u, ${group - 1}u);
    s${h} = 0.0f;`)
      }
    let at = p.keys_base + (row + key) * ${width}u;
    for (var d = 0u; d < ${whole}u; d += ${ahead}u) {${columns("d", ahead)}
    }
    ${whole < width ? `{${columns(`${whole}u`, width - whole)}\n}` : ""}
  }
  ${perHead((h) => `scores[${h * threads}u + place] = s${h};`)}
  workgroupBarrier();
  if (local < ${heads * chunks}u) {
    var top = scores[local * ${chunk}u];
    for (var i = 1u; i < ${chunk}u; i++) { top = max(top, scores[local * ${chunk}u + i]); }
    tops[local] = top;
  }
  workgroupBarrier();
  ${
        perHead((h) =>
          `scores[${h * threads}u + place] = select(0.0f, power(s${h} - tops[${
            h * chunks
          }u + local / ${chunk}u]), key < length);`
        )
      }
  workgroupBarrier();
  let part_head = kv_head * ${group}u + first_head;
  let heads = p.kv_heads * ${group}u;
  if (local < ${heads * chunks}u) {
    let head = local / ${chunks}u;
    let at = local * ${chunk}u;
    var total = 0.0f;
    for (var g = 0u; g < ${keyThreads}u; g++) {
      let i = at + ${perThread}u * g;
      total += (scores[i] + scores[i + 1u]) + (scores[i + 2u] + scores[i + 3u]);
    }
    if (first_key + local % ${chunks}u * ${chunk}u < length && first_head + head < ${group}u) {
      let to = p.summary_base + 2u * ((first_chunk + local % ${chunks}u) * heads + part_head + head);
      summary[to] = tops[local];
      summary[to + 1u] = total;
    }
  }
  for (var e = local; e < ${chunks * width}u; e += ${threads}u) {
    let part = e / ${width}u;
    let d = e % ${width}u;
    let start = first_key + part * ${chunk}u;
    if (start < length) {
      let from_row = p.values_base + (row + start) * ${width}u + d;
      ${perHead((h) => `var a${h} = vec4<f32>();`)}
      for (var g = 0u; g < ${keyThreads}u; g++) {
        ${
        repeat(perThread, (i) => `
        let n${i} = g + ${keyThreads * i}u;
        // What lies past the slot's tokens is undefined.
        let v${i} = select(vec4<f32>(), values[from_row + n${i} * ${width}u], start + n${i} < length);`)
      }
        let at = part * ${chunk}u + g * ${perThread}u;
        ${
        repeat(perThread, (i) =>
          perHead((h) => `a${h} = fma(vec4<f32>(scores[${h * threads}u + at + ${i}u]), v${i}, a${h});`))
      }
      }
      let to = p.parts_out_base + ((first_chunk + part) * heads + part_head) * ${width}u + d;
      ${
        perHead((h) => `if (${has(h)}) { parts_out[to + ${h * width}u] = a${h}; }`)
      }
    }
  }`,
    )
  }`;
}

function joinCode(spec: HeadSpec): string {
  const width = quads(spec.headDim);
  return `
${store("y", spec)}
${softmaxFunctions}
${workgroupIndex}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let e = workgroup_index(group, groups) * 64u + local;
  if (e >= p.slots * p.heads * ${width}u) { return; }
  let d = e % ${width}u;
  let head = e / ${width}u % p.heads;
  let slot = e / ${width}u / p.heads;
  let query = u32(list[p.list_base + 3u * slot]);
  let first = u32(list[p.list_base + 3u * slot + 1u]);
  let count = u32(list[p.list_base + 3u * slot + 2u]);
  var top = nothing;
  var total = 0.0f;
  var y = vec4<f32>();
  for (var c = 0u; c < count; c++) {
    let at = (first + c) * p.heads + head;
    let chunk_top = summary[p.summary_base + 2u * at];
    let chunk_total = summary[p.summary_base + 2u * at + 1u];
    let next_top = max(top, chunk_top);
    let old_factor = power(top - next_top);
    let new_factor = power(chunk_top - next_top);
    top = next_top;
    total = fma(total, old_factor, chunk_total * new_factor);
    y = fma(y, vec4<f32>(old_factor), parts_in[p.parts_in_base + at * ${width}u + d] * new_factor);
  }
  // Nothing is the mean of no values.
  let inverse = 1.0f / select(1.0f, total, count > 0u);
  store_y(query * p.heads + head, d, y * inverse);
}`;
}

function weighKernel(queue: CommandQueue, spec: HeadSpec) {
  const name = `attention-weigh-${specName(spec)}`;
  return queue.kernel(name, () => ({
    name,
    params: { parts: "u32", kv_heads: "u32", capacity: "u32", first_slot: "u32" },
    bindings: {
      list: "in i32",
      q: bindingType("in", spec),
      keys: "in vec4<f32>",
      values: "in vec4<f32>",
      summary: "out f32",
      parts_out: "out vec4<f32>",
    },
    code: weighCode(spec),
  }));
}

function joinKernel(queue: CommandQueue, spec: HeadSpec) {
  const name = `attention-join-${specName(spec)}`;
  return queue.kernel(name, () => ({
    name,
    params: { slots: "u32", heads: "u32" },
    bindings: { list: "in i32", summary: "in f32", parts_in: "in vec4<f32>", y: bindingType("out", spec) },
    code: joinCode(spec),
  }));
}

/** Slots [from, to) of one layer of a cache. */
export interface DecodeBlock {
  readonly from: number;
  readonly to: number;
  readonly keys: GpuTensor;
  readonly values: GpuTensor;
}

/** What the passes need beside queries, keys and values. */
export interface DecodeScratch {
  /** [chunks, heads, 2]: m and l of `attention_wgsl.ts`. */
  readonly summary: GpuTensor;
  /** [chunks, heads, padded head]: a. */
  readonly parts: GpuTensor;
}

/** Number of chunks of a sequence. */
export const chunksOf = (length: number): number => Math.ceil(length / chunk);

/** Attention of the queries of a block of slots over their first `lengths[slot]` tokens. */
export function attentionDecode(
  queue: CommandQueue,
  spec: HeadSpec,
  kvHeads: number,
  { q, y, lengths, capacity }: { q: GpuTensor; y: GpuTensor; lengths: Int32Array; capacity: number },
  { from, to, keys, values }: DecodeBlock,
  { summary, parts }: DecodeScratch,
): void {
  const weigh: number[] = [], join: number[] = [];
  let first = 0;
  for (let slot = from; slot < to; slot++) {
    const length = lengths[slot]!, count = chunksOf(length);
    for (let c = 0; c < count; c += chunks) weigh.push(slot, c * chunk, length, first + c);
    join.push(slot, first, count);
    first += count;
  }
  const each = kvHeads * Math.ceil(spec.group / mostHeads), items = weigh.length / 4;
  queue.run(
    weighKernel(queue, spec),
    { list: Int32Array.from(weigh), q, keys, values, summary, parts_out: parts },
    { parts: items, kv_heads: kvHeads, capacity, first_slot: from },
    spread(items * each, queue.maxGroups),
  );
  const heads = kvHeads * spec.group;
  queue.run(
    joinKernel(queue, spec),
    { list: Int32Array.from(join), summary, parts_in: parts, y },
    { slots: to - from, heads },
    spread(Math.ceil((to - from) * heads * quads(spec.headDim) / 64), queue.maxGroups),
  );
}
