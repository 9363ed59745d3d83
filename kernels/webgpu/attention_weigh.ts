/**
 * First pass of decoding: a workgroup weighs four chunks of keys of one key/value head for all query heads that share it,
 * each chunk for itself (`attention_wgsl.ts` says what that gives).
 *
 * A thread has one key, whose elements it reads itself, many of them in flight at once: the rows of a head lie together in
 * the cache, so every byte that memory delivers is used. Then a thread has one column of the values of a chunk.
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
} from "./attention_wgsl.ts";
import type { CommandQueue } from "./queue.ts";

/** Most chunks of a workgroup. */
export const chunks = 4;

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

/** Workgroups for each part of a slot's keys. */
export const workgroupsPerPart = (spec: HeadSpec, kvHeads: number): number =>
  kvHeads * Math.ceil(spec.group / mostHeads);

/**
 * The kernel of this pass. `list` has four integers a part: slot, first key, length of the sequence, number of the part's
 * first chunk among those of all slots.
 */
export function weighKernel(queue: CommandQueue, spec: HeadSpec) {
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
