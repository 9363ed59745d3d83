/**
 * The WebGPU engine: the op vocabulary in WGSL, on any adapter that Deno's WebGPU reaches.
 *
 * How the parts fit. `adapter.ts` opens a device; `queue.ts` collects dispatches and copies and submits them; `kernel.ts`
 * turns a kernel written as data into a pipeline; `arena.ts` owns the buffers, `tensor.ts` is a piece of one;
 * `readback.ts` copies results out; `failures.ts` keeps the first error. The other files are the ops.
 *
 * Bits. No float atomics and no race decides an order of summation: the same calls give the same bits, and a row's result
 * does not depend on what else is in the batch.
 *
 * @module
 */
import type {
  AdamWSpec,
  AttentionShape,
  CacheRows,
  DecodingHints,
  Device,
  DType,
  InfoNceSpec,
  KvCache,
  RopeTable,
  SampledTokens,
  SamplingSpec,
  Segment,
  Tensor,
  TokenGradient,
  TokenStatistics,
} from "../device.ts";
import { uploadType } from "../element_type.ts";
import { bf16ToF32, f16sToF32 } from "../half_floats.ts";
import type { PendingPolicySums, PolicyLossSpec, PolicySums, SampledSequences } from "../policy_loss.ts";
import { openAdapter, type OpenedAdapter } from "./adapter.ts";
import type { Arena } from "./arena.ts";
import { AttentionOps } from "./attention.ts";
import { cacheBytesOf } from "./device_memory.ts";
import { ElementwiseOps } from "./elementwise.ts";
import { InfoNceOps } from "./info_nce.ts";
import { GpuKvCache } from "./kv_cache.ts";
import { LinearOps } from "./linear.ts";
import { LmHeadOps } from "./lm_head.ts";
import { NormOps } from "./norm.ts";
import { OptimizerOps } from "./optimizer.ts";
import { type GpuPolicySums, PolicyLossOps } from "./policy_loss.ts";
import { CommandQueue } from "./queue.ts";
import { type GpuRopeTable, RopeOps } from "./rope.ts";
import { type Ranges, RowOps } from "./rows.ts";
import { type GpuTensor, sizeOf } from "./tensor.ts";
import type { KernelTime } from "./timer.ts";

const gpu = (tensor: Tensor): GpuTensor => tensor as GpuTensor;

class WebGpuEngine implements WebGpuDevice {
  readonly kind = "webgpu";
  readonly decoding: DecodingHints;
  readonly readsHalf = true;
  readonly description: Readonly<Record<string, string | number>>;
  readonly #queue: CommandQueue;
  readonly #arena: Arena;
  readonly #elementwise: ElementwiseOps;
  readonly #linear: LinearOps;
  readonly #rows: RowOps;
  readonly #norm: NormOps;
  readonly #rope: RopeOps;
  readonly #attention: AttentionOps;
  readonly #lmHead: LmHeadOps;
  readonly #policyLoss: PolicyLossOps;
  readonly #infoNce: InfoNceOps;
  readonly #optimizer: OptimizerOps;

  constructor(adapter: OpenedAdapter, options: WebGpuOptions, cacheBytes: number) {
    const queue = this.#queue = new CommandQueue(adapter, options);
    const arena = this.#arena = queue.newArena();
    this.decoding = adapter.software
      ? { ahead: 16, mostSlots: 192, cacheBytes, prefillTokens: 1024 }
      : { ahead: 16, mostSlots: 512, cacheBytes, prefillTokens: 8192 };
    this.description = {
      engine: "webgpu",
      adapter: adapter.name,
      ...(adapter.driver !== null && { driver: adapter.driver }),
      software: adapter.software ? 1 : 0,
    };
    this.#elementwise = new ElementwiseOps(queue);
    this.#linear = new LinearOps(queue, arena);
    this.#rows = new RowOps(queue);
    this.#norm = new NormOps(queue, arena);
    this.#rope = new RopeOps(queue, arena);
    this.#attention = new AttentionOps(queue, arena);
    this.#lmHead = new LmHeadOps(queue, arena, this.#linear);
    this.#policyLoss = new PolicyLossOps(queue, arena);
    this.#infoNce = new InfoNceOps(queue, arena, this.#linear);
    this.#optimizer = new OptimizerOps(queue, arena);
  }

  get memory(): { current: number; peak: number } {
    return { current: this.#arena.current, peak: this.#arena.peak };
  }

  resetPeak(): void {
    this.#arena.peak = this.#arena.held;
  }

  alloc(shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.#arena.alloc(shape, dtype);
  }

  upload(
    data: Float32Array | Int32Array | Uint16Array,
    shape: readonly number[],
    dtype?: DType,
  ): Tensor {
    if (data.length !== sizeOf(shape)) throw new Error(`upload: ${data.length} elements as [${shape}]`);
    const tensor = this.#arena.alloc(shape, uploadType(data, dtype));
    this.#write(tensor, data);
    return tensor;
  }

  take(data: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor {
    return this.upload(data, shape);
  }

  write(target: Tensor, data: Float32Array | Int32Array): void {
    const { size, dtype, shape } = gpu(target);
    if (size !== data.length || dtype !== (data instanceof Float32Array ? "f32" : "i32")) {
      throw new Error(`write: ${data.length} elements to [${shape}] ${dtype}`);
    }
    this.#write(gpu(target), data);
  }

  #write(target: GpuTensor, data: Float32Array | Int32Array | Uint16Array): void {
    target.note(data instanceof Int32Array ? data : undefined);
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    this.#queue.write(target, bytes);
  }

  async read(source: Tensor): Promise<Float32Array> {
    const { slab, offset, bytes, dtype, size } = gpu(source);
    // A view of 16-bit elements may start and end within a word.
    const start = Math.floor(offset / 4) * 4, end = Math.ceil((offset + bytes) / 4) * 4;
    const data = await this.#queue.read({ slab, offset: start, bytes: end - start });
    if (dtype === "f32") return new Float32Array(data);
    if (dtype === "i32") return Float32Array.from(new Int32Array(data));
    const values = new Float32Array(size), widen = dtype === "bf16" ? bf16ToF32 : f16sToF32;
    widen(new Uint16Array(data, offset - start, size), values);
    return values;
  }

  free(...tensors: Tensor[]): void {
    for (const tensor of tensors) this.#arena.release(gpu(tensor));
  }

  rows(tensor: Tensor, start: number, end: number): Tensor {
    return gpu(tensor).rows(start, end);
  }

  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    return gpu(tensor).reshaped(shape);
  }

  fill(target: Tensor, value: number): void {
    this.#elementwise.fill(gpu(target), value);
  }

  copy(source: Tensor, target: Tensor): void {
    const from = gpu(source), to = gpu(target);
    if (from.size !== to.size || from.dtype !== to.dtype) {
      throw new Error(`copy: [${from.shape}] ${from.dtype} to [${to.shape}] ${to.dtype}`);
    }
    if (from.bytes % 4 !== 0 || from.offset % 4 !== 0 || to.offset % 4 !== 0) {
      throw new Error("copy: part of a word of two 16-bit elements");
    }
    to.note(from.dtype === "i32" && from.shadow.values ? from.indices(2 ** 31, "copy") : undefined);
    this.#queue.copy(from, to);
  }

  add(x: Tensor, y: Tensor): void {
    this.#elementwise.add(gpu(x), gpu(y));
  }

  kernelTimes(): Promise<KernelTime[]> {
    return this.#queue.kernelTimes();
  }

  trim(): void {
    this.#arena.trim();
  }

  dispose(): void {
    this.#arena.dispose();
    this.#queue.dispose();
  }

  linear(x: Tensor, w: Tensor, y: Tensor, options: { bias?: Tensor; residual?: Tensor } = {}): void {
    const { bias, residual } = options;
    this.#linear.forward(gpu(x), gpu(w), gpu(y), bias && gpu(bias), residual && gpu(residual));
  }

  linearBackwardInput(dy: Tensor, w: Tensor, dx: Tensor, accumulate = false): void {
    this.#linear.backwardInput(gpu(dy), gpu(w), gpu(dx), accumulate);
  }

  linearBackwardWeight(
    dy: Tensor,
    x: Tensor,
    dw: Tensor,
    options: { dBias?: Tensor; accumulate?: boolean } = {},
  ): void {
    const { dBias, accumulate = false } = options;
    this.#linear.backwardWeight(gpu(dy), gpu(x), gpu(dw), accumulate, dBias && gpu(dBias));
  }

  embedding(ids: Tensor, w: Tensor, y: Tensor): void {
    this.#rows.embedding(gpu(ids), gpu(w), gpu(y));
  }

  embeddingBackward(ids: Tensor, dy: Tensor, dw: Tensor): void {
    this.#rows.scatterAddRows(gpu(dy), gpu(ids), gpu(dw));
  }

  gatherRows(x: Tensor, index: Tensor, y: Tensor): void {
    this.#rows.gatherRows(gpu(x), gpu(index), gpu(y));
  }

  scatterAddRows(x: Tensor, index: Tensor, y: Tensor): void {
    this.#rows.scatterAddRows(gpu(x), gpu(index), gpu(y));
  }

  rmsNorm(x: Tensor, w: Tensor, eps: number, y: Tensor): void {
    this.#norm.rmsNorm(gpu(x), gpu(w), eps, gpu(y));
  }

  rmsNormBackward(
    dy: Tensor,
    x: Tensor,
    w: Tensor,
    eps: number,
    dx: Tensor,
    dw: Tensor,
    accumulate = false,
  ): void {
    this.#norm.rmsNormBackward(gpu(dy), gpu(x), gpu(w), eps, gpu(dx), gpu(dw), accumulate);
  }

  swiglu(gate: Tensor, up: Tensor, y: Tensor): void {
    this.#elementwise.swiglu(gpu(gate), gpu(up), gpu(y));
  }

  swigluBackward(dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor): void {
    this.#elementwise.swigluBackward(gpu(dy), gpu(gate), gpu(up), gpu(dGate), gpu(dUp));
  }

  ropeTable(inverseFrequencies: Float64Array, positions: number): RopeTable {
    return this.#rope.table(inverseFrequencies, positions);
  }

  rope(x: Tensor, positions: Int32Array, table: RopeTable, heads: number, y: Tensor, inverse = false): void {
    this.#rope.rotate(gpu(x), positions, table as GpuRopeTable, heads, gpu(y), inverse);
  }

  attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    y: Tensor,
    lse: Tensor,
  ): void {
    this.#attention.forward(gpu(q), gpu(k), gpu(v), segments, shape, gpu(y), gpu(lse));
  }

  attentionBackward(
    dy: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    y: Tensor,
    lse: Tensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    dq: Tensor,
    dk: Tensor,
    dv: Tensor,
  ): void {
    this.#attention.backward(
      gpu(dy),
      gpu(q),
      gpu(k),
      gpu(v),
      gpu(y),
      gpu(lse),
      segments,
      shape,
      gpu(dq),
      gpu(dk),
      gpu(dv),
    );
  }

  kvCache(layers: number, slots: number, capacity: number, shape: AttentionShape): KvCache {
    return new GpuKvCache(this.#queue, this.#arena, layers, slots, capacity, shape);
  }

  cacheWrite(cache: KvCache, layer: number, k: Tensor, v: Tensor, rows: readonly CacheRows[]): void {
    const target = cache as GpuKvCache, total = k.shape[0]!;
    if (k.shape[1] !== target.width || v.shape[1] !== target.width || v.shape[0] !== total) {
      throw new Error(`cacheWrite: k [${k.shape}], v [${v.shape}] for rows of ${target.width}`);
    }
    for (const { row, count, slot, position } of rows) {
      target.check(slot, layer);
      if (!(row >= 0 && count >= 0 && row + count <= total && position >= 0)) {
        throw new Error(`cacheWrite: rows [${row}, ${row + count}) of ${total} to position ${position}`);
      }
    }
    const needed = Math.max(0, ...rows.map(({ position, count }) => position + count));
    if (needed > target.capacity) target.grow(needed);
    target.write(layer, gpu(k), gpu(v), rows);
  }

  cacheCopy(cache: KvCache, from: number, to: number, count: number): void {
    (cache as GpuKvCache).copySlot(from, to, count);
  }

  cacheFree(cache: KvCache): void {
    (cache as GpuKvCache).free();
  }

  attentionDecode(
    q: Tensor,
    cache: KvCache,
    layer: number,
    lengths: Int32Array,
    _shape: AttentionShape,
    y: Tensor,
  ): void {
    this.#attention.decode(gpu(q), cache as GpuKvCache, layer, lengths, gpu(y));
  }

  lmHead(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    { forBackward = false } = {},
  ): Promise<TokenStatistics> {
    return this.#lmHead.statistics(gpu(h), gpu(w), ids, temperature, forBackward);
  }

  lmHeadInto(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    statistics: Tensor,
    { forBackward = false } = {},
  ): void {
    this.#lmHead.statisticsInto(gpu(h), gpu(w), ids, temperature, gpu(statistics), forBackward);
  }

  lmHeadDiscard(statistics: TokenStatistics | Tensor): void {
    this.#lmHead.discard(statistics);
  }

  lmHeadBackward(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    statistics: TokenStatistics | Tensor,
    gradient: TokenGradient,
    dh: Tensor,
    dw: Tensor | null,
  ): void {
    this.#lmHead.backward(gpu(h), gpu(w), ids, temperature, statistics, gradient, gpu(dh), dw && gpu(dw));
  }

  lmHeadSample(h: Tensor, w: Tensor, uniforms: Float32Array, spec: SamplingSpec): Promise<SampledTokens> {
    return this.#lmHead.sample(gpu(h), gpu(w), uniforms, spec);
  }

  lmHeadSampleInto(
    h: Tensor,
    w: Tensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
    ids: Tensor,
    statistics: Tensor,
  ): void {
    this.#lmHead.sampleInto(gpu(h), gpu(w), uniforms, spec, gpu(ids), gpu(statistics));
  }

  logits(h: Tensor, w: Tensor, y: Tensor): void {
    this.#lmHead.logits(gpu(h), gpu(w), gpu(y));
  }

  policyLoss(
    statistics: Tensor,
    sequences: SampledSequences,
    spec: PolicyLossSpec,
    dLogProb: Tensor,
  ): PendingPolicySums {
    return this.#policyLoss.loss(gpu(statistics), sequences, spec, gpu(dLogProb));
  }

  policySums(pending: readonly PendingPolicySums[]): Promise<PolicySums[]> {
    return this.#policyLoss.sums(pending as readonly GpuPolicySums[]);
  }

  meanPool(x: Tensor, ranges: readonly Ranges[], pooled: Tensor): void {
    this.#rows.meanPool(gpu(x), ranges, gpu(pooled));
  }

  meanPoolBackward(dPooled: Tensor, ranges: readonly Ranges[], dx: Tensor): void {
    this.#rows.meanPoolBackward(gpu(dPooled), ranges, gpu(dx));
  }

  l2Normalize(x: Tensor, y: Tensor): void {
    this.#norm.l2Normalize(gpu(x), gpu(y));
  }

  l2NormalizeBackward(dy: Tensor, x: Tensor, dx: Tensor): void {
    this.#norm.l2NormalizeBackward(gpu(dy), gpu(x), gpu(dx));
  }

  infoNce(q: Tensor, candidates: Tensor, spec: InfoNceSpec, dq: Tensor, dc: Tensor): Promise<number> {
    return this.#infoNce.loss(gpu(q), gpu(candidates), spec, gpu(dq), gpu(dc));
  }

  globalNorm(gradients: readonly Tensor[]): Promise<number> {
    return this.#optimizer.globalNorm(gradients.map(gpu));
  }

  adamW(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, spec: AdamWSpec): void {
    this.#optimizer.adamW(gpu(parameter), gpu(gradient), gpu(m), gpu(v), spec);
  }
}

/** A WebGPU engine. */
export interface WebGpuDevice extends Device {
  /** Kernels by the time that they took on the GPU since the last call, slowest first; copies are not among them. */
  kernelTimes(): Promise<KernelTime[]>;
}

/** Settings of {@linkcode createWebGpuDevice}. */
export interface WebGpuOptions {
  /** An adapter that is open already, in place of the one that the system offers first. The engine destroys it. */
  readonly adapter?: OpenedAdapter;
  /** Time every dispatch on the GPU, for {@linkcode WebGpuDevice.kernelTimes}; costs some speed. */
  readonly timestamps?: boolean;
  /** A lower limit on the bytes of a binding than the adapter's, for tests of what is split. */
  readonly maxBinding?: number;
  /** A lower limit on the workgroups in a dimension of a dispatch, for tests of what is spread over two. */
  readonly maxGroups?: number;
}

/**
 * A WebGPU engine on the adapter that the system offers first, software adapters included.
 *
 * @throws {MissingError} if there is no adapter, with the cure for this operating system
 */
export async function createWebGpuDevice(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const adapter = options.adapter ?? await openAdapter();
  return new WebGpuEngine(adapter, options, await cacheBytesOf(adapter));
}
