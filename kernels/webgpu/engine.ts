/**
 * The op vocabulary on WebGPU: each op is handed to the part that has its kernels.
 *
 * @module
 */
import type { AttentionShape, CacheRows, KvCache, RopeTable, Segment } from "../attention_types.ts";
import type { DecodingHints, Device } from "../device.ts";
import type { LayerTailKept, LayerTailWeights, Projection } from "../layer_types.ts";
import type { SampledTokens, SamplingSpec, TokenGradient, TokenStatistics } from "../lm_head_types.ts";
import type { DType, Tensor } from "../tensor_types.ts";
import type { AdamWSpec, InfoNceSpec } from "../training_types.ts";
import { layerTail, projections } from "../blocks.ts";
import type { PendingPolicySums, PolicyLossSpec, PolicySums, SampledSequences } from "../policy_loss.ts";
import type { OpenedAdapter } from "./adapter.ts";
import type { Arena } from "./arena.ts";
import { AttentionOps } from "./attention.ts";
import { ElementwiseOps } from "./elementwise.ts";
import { FusedLayerOps } from "./fused.ts";
import { InfoNceOps } from "./info_nce.ts";
import { GpuKvCache } from "./kv_cache.ts";
import { LinearOps } from "./linear.ts";
import { LmHeadOps } from "./lm_head.ts";
import { NormOps } from "./norm.ts";
import { OptimizerOps } from "./optimizer.ts";
import { type GpuPolicySums, PolicyLossOps } from "./policy_loss.ts";
import { CommandQueue, type QueueOptions } from "./queue.ts";
import { type GpuRopeTable, RopeOps } from "./rope.ts";
import { type Ranges, RowOps } from "./rows.ts";
import type { GpuTensor } from "./tensor.ts";
import type { KernelTime } from "./timer.ts";
import { Transfers } from "./transfers.ts";

const gpu = (tensor: Tensor): GpuTensor => tensor as GpuTensor;

/** An engine on an adapter that is open, which it destroys in the end. */
export class WebGpuEngine implements Device {
  readonly kind = "webgpu";
  readonly decoding: DecodingHints;
  readonly readsHalf = true;
  readonly description: Readonly<Record<string, string | number>>;
  readonly #queue: CommandQueue;
  readonly #arena: Arena;
  readonly #transfers: Transfers;
  readonly #elementwise: ElementwiseOps;
  readonly #linear: LinearOps;
  readonly #rows: RowOps;
  readonly #norm: NormOps;
  readonly #rope: RopeOps;
  readonly #fused: FusedLayerOps;
  readonly #attention: AttentionOps;
  readonly #lmHead: LmHeadOps;
  readonly #policyLoss: PolicyLossOps;
  readonly #infoNce: InfoNceOps;
  readonly #optimizer: OptimizerOps;

  /** @param cacheBytes that decoding may use for keys and values */
  constructor(adapter: OpenedAdapter, options: QueueOptions, cacheBytes: number) {
    const queue = this.#queue = new CommandQueue(adapter, options);
    const arena = this.#arena = queue.newArena();
    this.decoding = adapter.software
      ? { ahead: 16, mostSlots: 192, cacheBytes, prefillTokens: 1024, keptBytes: 0 }
      : { ahead: 16, mostSlots: 512, cacheBytes, prefillTokens: 8192, keptBytes: 0 };
    this.description = {
      engine: "webgpu",
      adapter: adapter.name,
      ...(adapter.driver !== null && { driver: adapter.driver }),
      software: adapter.software ? 1 : 0,
    };
    this.#transfers = new Transfers(queue, arena);
    this.#elementwise = new ElementwiseOps(queue);
    this.#linear = new LinearOps(queue, arena);
    this.#rows = new RowOps(queue);
    this.#norm = new NormOps(queue, arena);
    this.#rope = new RopeOps(queue, arena);
    this.#fused = new FusedLayerOps(queue, arena, this.#linear, this.#rope);
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
    return this.#transfers.upload(data, shape, dtype);
  }

  take(data: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor {
    return this.#transfers.upload(data, shape);
  }

  write(target: Tensor, data: Float32Array | Int32Array): void {
    this.#transfers.write(gpu(target), data);
  }

  read(source: Tensor): Promise<Float32Array> {
    return this.#transfers.read(gpu(source));
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
    this.#transfers.copy(gpu(source), gpu(target));
  }

  add(x: Tensor, y: Tensor): void {
    this.#elementwise.add(gpu(x), gpu(y));
  }

  /** See {@linkcode CommandQueue.kernelTimes}. */
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

  /** Weights are read as they lie, by any number of rows. */
  packWeights(): void {}

  /** See {@linkcode Device.unpackWeights}. */
  unpackWeights(): void {}

  linear(x: Tensor, w: Tensor, y: Tensor, options: { bias?: Tensor; residual?: Tensor } = {}): void {
    const { bias, residual } = options;
    this.#linear.forward(gpu(x), gpu(w), gpu(y), bias && gpu(bias), residual && gpu(residual));
  }

  projections(x: Tensor, norm: Tensor, eps: number, maps: readonly Projection[]): void {
    projections(this, this.#fused, x, norm, eps, maps);
  }

  layerTail(
    x: Tensor,
    attended: Tensor,
    weights: LayerTailWeights,
    eps: number,
    y: Tensor,
    kept?: LayerTailKept,
  ): void {
    layerTail(this, this.#fused, x, attended, weights, eps, y, kept);
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
    (cache as GpuKvCache).put(layer, gpu(k), gpu(v), rows);
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
