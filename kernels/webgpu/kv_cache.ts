/**
 * The key/value cache of the WebGPU engine.
 *
 * @module
 */
import type { AttentionShape, CacheRows } from "../device.ts";
import type { Arena } from "./arena.ts";
import { bindingType, fetch, type HeadSpec, quads } from "./attention_wgsl.ts";
import { vectorizable } from "./kernel.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 64;

/** Tokens that a workgroup writes. */
const tokensPerGroup = 16;

/** Entry point of kernels that move elements `e` < p.count, vec4 by vec4. */
const mover = (body: string) =>
  `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let e = workgroup_index(group, groups) * ${threads}u + local;
  if (e >= p.count) { return; }
  ${body}
}`;

/**
 * Keys and values per layer: [slots, kvHeads, capacity, headDim], with heads padded to a multiple of four elements, so
 * that the tokens of a head lie together and are read as vec4. What lies past a slot's tokens is undefined.
 */
export class GpuKvCache {
  readonly keys: GpuTensor[] = [];
  readonly values: GpuTensor[] = [];

  /** Allocates all layers. */
  constructor(
    readonly queue: CommandQueue,
    readonly arena: Arena,
    readonly layers: number,
    readonly slots: number,
    public capacity: number,
    readonly shape: AttentionShape,
  ) {
    for (let layer = 0; layer < layers; layer++) {
      this.keys.push(this.#alloc(capacity));
      this.values.push(this.#alloc(capacity));
    }
  }

  #alloc(capacity: number): GpuTensor {
    const { kvHeads, headDim } = this.shape;
    return this.arena.alloc([this.slots, kvHeads, capacity, 4 * quads(headDim)], "f32");
  }

  /** Elements of a token's keys. */
  get width(): number {
    return this.shape.kvHeads * this.shape.headDim;
  }

  /** Slots whose keys of a layer a kernel can see at once. */
  get slotsPerBinding(): number {
    const bytes = this.keys[0] ? this.keys[0].bytes / Math.max(this.slots, 1) : 0;
    if (bytes > this.queue.maxBinding) {
      throw new Error(`cache: a slot has ${bytes} bytes, a kernel sees ${this.queue.maxBinding} at once`);
    }
    return bytes === 0 ? this.slots : Math.floor(this.queue.maxBinding / bytes);
  }

  /** Runs of slots that a kernel can see at once: their keys and values in a layer. */
  *blocks(layer: number): Generator<{ from: number; to: number; keys: GpuTensor; values: GpuTensor }> {
    for (let from = 0; from < this.slots; from += this.slotsPerBinding) {
      const to = Math.min(this.slots, from + this.slotsPerBinding);
      yield {
        from,
        to,
        keys: this.keys[layer]!.rows(from, to),
        values: this.values[layer]!.rows(from, to),
      };
    }
  }

  /** Fails unless slot and layer are there. */
  check(slot: number, layer = 0): void {
    if (!(slot >= 0 && slot < this.slots)) throw new Error(`cache: slot ${slot} of ${this.slots}`);
    if (!(layer >= 0 && layer < this.layers)) throw new Error(`cache: layer ${layer} of ${this.layers}`);
  }

  /** Makes room for `capacity` tokens a slot, and for half as many again as there were: each growth copies everything. */
  grow(capacity: number): void {
    const wanted = Math.ceil(Math.max(capacity, 1.5 * this.capacity) / 32) * 32;
    const { kvHeads, headDim } = this.shape, before = this.capacity;
    const old = { keys: [...this.keys], values: [...this.values] };
    this.capacity = wanted;
    for (let layer = 0; layer < this.layers; layer++) {
      this.keys[layer] = this.#alloc(wanted);
      this.values[layer] = this.#alloc(wanted);
      for (const { from, to, keys, values } of this.blocks(layer)) {
        const count = (to - from) * kvHeads * before * quads(headDim);
        this.queue.run(
          growKernel(this.queue),
          {
            keys_from: old.keys[layer]!.rows(from, to),
            values_from: old.values[layer]!.rows(from, to),
            keys_to: keys,
            values_to: values,
          },
          { count, before: before * quads(headDim), after: wanted * quads(headDim) },
          spread(Math.ceil(count / threads), this.queue.maxGroups),
        );
      }
      this.arena.release(old.keys[layer]!);
      this.arena.release(old.values[layer]!);
    }
  }

  /** Writes rows of k and v to slots. */
  write(layer: number, k: GpuTensor, v: GpuTensor, rows: readonly CacheRows[]): void {
    if (k.bytes > this.queue.maxBinding && rows.length > 1) {
      for (const one of rows) this.write(layer, k, v, [one]);
      return;
    }
    const { kvHeads, headDim } = this.shape;
    const from = rows.reduce((first, { row }) => Math.min(first, row), Infinity);
    const to = rows.reduce((last, { row, count }) => Math.max(last, row + count), 0);
    if (from >= to) return;
    const [ks, vs] = [k, v].map((tensor) => tensor.rows(from, to)) as [GpuTensor, GpuTensor];
    const spec = { headDim, group: 1, vector: vectorizable(headDim, ks, vs) };
    for (const block of this.blocks(layer)) {
      const list: number[] = [];
      for (const { row, count, slot, position } of rows) {
        if (slot < block.from || slot >= block.to) continue;
        for (let done = 0; done < count; done += tokensPerGroup) {
          const some = Math.min(tokensPerGroup, count - done);
          list.push(row + done - from, some, slot - block.from, position + done);
        }
      }
      this.queue.run(
        writeKernel(this.queue, spec),
        { list: Int32Array.from(list), k: ks, v: vs, keys: block.keys, values: block.values },
        { pieces: list.length / 4, kv_heads: kvHeads, capacity: this.capacity },
        spread(list.length / 4, this.queue.maxGroups),
      );
    }
  }

  /** Copies the first `count` tokens of a slot over another. */
  copySlot(from: number, to: number, count: number): void {
    this.check(from);
    this.check(to);
    if (!(count >= 0 && count <= this.capacity)) {
      throw new Error(`cacheCopy: ${count} tokens of ${this.capacity}`);
    }
    if (from === to || count === 0) return;
    const { kvHeads, headDim } = this.shape, total = kvHeads * count * quads(headDim);
    for (let layer = 0; layer < this.layers; layer++) {
      const slotOf = (tensor: GpuTensor, slot: number) => tensor.rows(slot, slot + 1);
      this.queue.run(
        copyKernel(this.queue),
        {
          keys_from: slotOf(this.keys[layer]!, from),
          values_from: slotOf(this.values[layer]!, from),
          keys_to: slotOf(this.keys[layer]!, to),
          values_to: slotOf(this.values[layer]!, to),
        },
        { count: total, before: count * quads(headDim), after: this.capacity * quads(headDim) },
        spread(Math.ceil(total / threads), this.queue.maxGroups),
      );
    }
  }

  /** Gives the memory back. */
  free(): void {
    for (const tensor of [...this.keys, ...this.values]) this.arena.release(tensor);
  }
}

function growKernel(queue: CommandQueue) {
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

// Both slots lie in one buffer, so all bindings are of the kind that is written.
function copyKernel(queue: CommandQueue) {
  return queue.kernel("cache-copy", () => ({
    name: "cache-copy",
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

function writeKernel(queue: CommandQueue, spec: HeadSpec) {
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
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let piece = workgroup_index(group, groups);
  if (piece >= p.pieces) { return; }
  let entry = p.list_base + 4u * piece;
  let row = u32(list[entry]);
  let count = u32(list[entry + 1u]) * p.kv_heads * ${width}u;
  let slot = u32(list[entry + 2u]);
  let position = u32(list[entry + 3u]);
  for (var e = local; e < count; e += ${threads}u) {
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
