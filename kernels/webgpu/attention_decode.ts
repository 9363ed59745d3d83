/**
 * Attention of one query a slot over the cache, in two passes: the chunks of keys are weighed, each for itself, by as many
 * workgroups as there are (`attention_weigh.ts`), so that few slots with long contexts fill a large GPU too; then the
 * chunks of each head are joined in order.
 *
 * @module
 */
import type { DecodeWork } from "./attention_decode_lists.ts";
import { weighKernel, workgroupsPerPart } from "./attention_weigh.ts";
import {
  bindingType,
  type HeadSpec,
  joinChunk,
  quads,
  softmaxFunctions,
  specName,
  store,
} from "./attention_wgsl.ts";
import type { GpuTensor } from "./tensor.ts";
import type { CommandQueue } from "./queue.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

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
    ${joinChunk("power")}
    y = fma(y, vec4<f32>(old_factor), parts_in[p.parts_in_base + at * ${width}u + d] * new_factor);
  }
  // Nothing is the mean of no values.
  let inverse = 1.0f / select(1.0f, total, count > 0u);
  store_y(query * p.heads + head, d, y * inverse);
}`;
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

/** Attention of the queries of a block of slots over the first tokens of each, as `work` divides them. */
export function attentionDecode(
  queue: CommandQueue,
  spec: HeadSpec,
  kvHeads: number,
  { q, y, capacity }: { q: GpuTensor; y: GpuTensor; capacity: number },
  { from, to, keys, values }: DecodeBlock,
  work: DecodeWork,
  { summary, parts }: DecodeScratch,
): void {
  queue.run(
    weighKernel(queue, spec),
    { list: work.weigh, q, keys, values, summary, parts_out: parts },
    { parts: work.parts, kv_heads: kvHeads, capacity, first_slot: from },
    spread(work.parts * workgroupsPerPart(spec, kvHeads), queue.maxGroups),
  );
  const heads = kvHeads * spec.group;
  queue.run(
    joinKernel(queue, spec),
    { list: work.join, summary, parts_in: parts, y },
    { slots: to - from, heads },
    spread(Math.ceil((to - from) * heads * quads(spec.headDim) / 64), queue.maxGroups),
  );
}
