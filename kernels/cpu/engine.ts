/**
 * The op vocabulary on ONNX Runtime, tensors in pooled typed arrays: each op is handed to the part that has its graphs.
 *
 * @module
 */
import type { AttentionShape, CacheRows, KvCache, RopeTable, Segment } from "../attention_types.ts";
import type { Device } from "../device.ts";
import type { LayerTailKept, LayerTailWeights, Projection } from "../layer_types.ts";
import type {
  LmHeadOptions,
  SampledTokens,
  SamplingSpec,
  TokenGradient,
  TokenStatistics,
} from "../lm_head_types.ts";
import type { DType, Tensor } from "../tensor_types.ts";
import type { AdamWSpec, InfoNceSpec } from "../training_types.ts";
import { layerTail, projections } from "../blocks.ts";
import type { PendingPolicySums, PolicyLossSpec, PolicySums, SampledSequences } from "../policy_loss.ts";
import { AttentionOps } from "./attention.ts";
import { decodingHints } from "./decoding_hints.ts";
import { type CpuRopeTable, ElementwiseOps } from "./elementwise.ts";
import { CpuKvCache } from "./kv_cache.ts";
import { LinearOps } from "./linear.ts";
import { LmHeadOps } from "./lm_head.ts";
import { openOrt, ortVersion } from "./ort_api.ts";
import { policyLoss } from "./policy_loss.ts";
import * as rowOps from "./rows.ts";
import { type CpuTensor, Pool } from "./tensor.ts";
import * as transfers from "./transfers.ts";

/** A tensor that is read. */
const cpu = (tensor: Tensor): CpuTensor => tensor as CpuTensor;

/** A tensor that is written: a packed copy of it is out of date. */
const out = (tensor: Tensor): CpuTensor => {
  cpu(tensor).owner.packedIsStale = true;
  return cpu(tensor);
};

/** An engine on ONNX Runtime. */
export class CpuEngine implements Device {
  readonly kind = "cpu";
  readonly decoding = decodingHints;
  // ONNX Runtime has no product of f32 with bf16 or f16 on the CPU: weights would be widened again at every call.
  readonly readsHalf = false;
  readonly description: Readonly<Record<string, string | number>>;
  readonly #pool = new Pool();
  readonly #linear: LinearOps;
  readonly #elementwise: ElementwiseOps;
  readonly #attention: AttentionOps;
  readonly #lmHead: LmHeadOps;

  /** @param threads upper bound of threads per op */
  constructor(threads: number) {
    this.description = { engine: "cpu", onnxruntime: ortVersion, threads };
    openOrt(threads);
    this.#linear = new LinearOps(this.#pool, threads);
    this.#elementwise = new ElementwiseOps(this.#pool, threads);
    this.#attention = new AttentionOps(this.#pool, threads);
    this.#lmHead = new LmHeadOps(this.#pool, this.#linear, threads);
  }

  get memory(): { current: number; peak: number } {
    return { current: this.#pool.current, peak: this.#pool.peak };
  }

  resetPeak(): void {
    this.#pool.peak = this.#pool.held;
  }

  alloc(shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.#pool.alloc(shape, dtype);
  }

  upload(data: Float32Array | Int32Array | Uint16Array, shape: readonly number[], dtype?: DType): Tensor {
    return transfers.upload(this.#pool, data, shape, dtype);
  }

  take(data: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor {
    return transfers.take(this.#pool, data, shape);
  }

  write(target: Tensor, data: Float32Array | Int32Array): void {
    transfers.write(out(target), data);
  }

  read(source: Tensor): Promise<Float32Array> {
    return Promise.resolve(transfers.read(cpu(source)));
  }

  free(...tensors: Tensor[]): void {
    for (const tensor of tensors) this.#pool.release(cpu(tensor));
  }

  rows(tensor: Tensor, start: number, end: number): Tensor {
    return cpu(tensor).rows(start, end);
  }

  reshape(tensor: Tensor, shape: readonly number[]): Tensor {
    return cpu(tensor).reshaped(shape);
  }

  fill(target: Tensor, value: number): void {
    if (Object.is(value, 0)) out(target).setZero();
    else out(target).data.fill(value);
  }

  copy(source: Tensor, target: Tensor): void {
    transfers.copy(cpu(source), out(target));
  }

  add(x: Tensor, y: Tensor): void {
    rowOps.add(cpu(x), out(y));
  }

  trim(): void {
    this.#pool.trim();
  }

  dispose(): void {
    for (const ops of [this.#linear, this.#elementwise, this.#attention, this.#lmHead]) ops.dispose();
    this.#pool.trim();
  }

  packWeights(weights: readonly Tensor[]): void {
    this.#linear.pack(weights.map(cpu));
  }

  unpackWeights(weights: readonly Tensor[]): void {
    for (const weight of weights) this.#pool.unpack(cpu(weight));
  }

  linear(x: Tensor, w: Tensor, y: Tensor, options: { bias?: Tensor; residual?: Tensor } = {}): void {
    const { bias, residual } = options;
    this.#linear.forward(cpu(x), cpu(w), out(y), bias && cpu(bias), residual && cpu(residual));
  }

  projections(x: Tensor, norm: Tensor, eps: number, maps: readonly Projection[]): void {
    const all = maps.map(({ w, bias, rope, y }) => ({
      w: cpu(w),
      bias: bias && cpu(bias),
      rope: rope &&
        this.#elementwise.rotationOf(cpu(y), rope.positions, rope.table as CpuRopeTable, rope.heads),
      y: out(y),
    }));
    if (!this.#linear.projections(cpu(x), cpu(norm), eps, all)) projections(this, {}, x, norm, eps, maps);
  }

  layerTail(
    x: Tensor,
    attended: Tensor,
    weights: LayerTailWeights,
    eps: number,
    y: Tensor,
    kept?: LayerTailKept,
  ): void {
    const { o, norm, gate, up, down } = weights;
    const all = { o: cpu(o), norm: cpu(norm), gate: cpu(gate), up: cpu(up), down: cpu(down) };
    const keeping = kept && { m: out(kept.m), gate: out(kept.gate), up: out(kept.up) };
    if (this.#linear.layerTail(cpu(x), cpu(attended), all, eps, out(y), keeping)) return;
    const swiglu = (h: Tensor, wGate: Tensor, wUp: Tensor, act: Tensor) =>
      this.#linear.forwardSwiglu(cpu(h), cpu(wGate), cpu(wUp), out(act));
    layerTail(this, { swiglu }, x, attended, weights, eps, y, kept);
  }

  linearBackwardInput(dy: Tensor, w: Tensor, dx: Tensor, accumulate = false): void {
    this.#linear.backwardInput(cpu(dy), cpu(w), out(dx), accumulate);
  }

  linearBackwardWeight(
    dy: Tensor,
    x: Tensor,
    dw: Tensor,
    options: { dBias?: Tensor; accumulate?: boolean } = {},
  ): void {
    const { dBias, accumulate = false } = options;
    this.#linear.backwardWeight(cpu(dy), cpu(x), out(dw), accumulate, dBias && out(dBias));
  }

  embedding(ids: Tensor, w: Tensor, y: Tensor): void {
    rowOps.embedding(cpu(ids), cpu(w), out(y));
  }

  embeddingBackward(ids: Tensor, dy: Tensor, dw: Tensor): void {
    rowOps.scatterAddRows(cpu(dy), cpu(ids).i32, out(dw));
  }

  gatherRows(x: Tensor, index: Tensor, y: Tensor): void {
    rowOps.gatherRows(cpu(x), cpu(index).i32, out(y));
  }

  scatterAddRows(x: Tensor, index: Tensor, y: Tensor): void {
    rowOps.scatterAddRows(cpu(x), cpu(index).i32, out(y));
  }

  rmsNorm(x: Tensor, w: Tensor, eps: number, y: Tensor): void {
    this.#elementwise.rmsNorm(cpu(x), cpu(w), eps, out(y));
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
    this.#elementwise.rmsNormBackward(cpu(dy), cpu(x), cpu(w), eps, out(dx), out(dw), accumulate);
  }

  swiglu(gate: Tensor, up: Tensor, y: Tensor): void {
    this.#elementwise.swiglu(cpu(gate), cpu(up), out(y));
  }

  swigluBackward(dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor): void {
    this.#elementwise.swigluBackward(cpu(dy), cpu(gate), cpu(up), out(dGate), out(dUp));
  }

  ropeTable(inverseFrequencies: Float64Array, positions: number): RopeTable {
    return this.#elementwise.ropeTable(inverseFrequencies, positions);
  }

  rope(x: Tensor, positions: Int32Array, table: RopeTable, heads: number, y: Tensor, inverse = false): void {
    this.#elementwise.rope(cpu(x), positions, table as CpuRopeTable, heads, out(y), inverse);
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
    this.#attention.forward(cpu(q), cpu(k), cpu(v), segments, shape, out(y), out(lse));
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
      cpu(dy),
      cpu(q),
      cpu(k),
      cpu(v),
      cpu(y),
      cpu(lse),
      segments,
      shape,
      out(dq),
      out(dk),
      out(dv),
    );
  }

  kvCache(layers: number, slots: number, capacity: number, shape: AttentionShape): KvCache {
    return new CpuKvCache(this.#pool, layers, slots, capacity, shape);
  }

  cacheWrite(cache: KvCache, layer: number, k: Tensor, v: Tensor, rows: readonly CacheRows[]): void {
    (cache as CpuKvCache).write(layer, cpu(k), cpu(v), rows);
  }

  cacheCopy(cache: KvCache, from: number, to: number, count: number): void {
    (cache as CpuKvCache).copySlot(from, to, count);
  }

  cacheFree(cache: KvCache): void {
    (cache as CpuKvCache).free();
  }

  attentionDecode(
    q: Tensor,
    cache: KvCache,
    layer: number,
    lengths: Int32Array,
    _shape: AttentionShape,
    y: Tensor,
  ): void {
    this.#attention.decode(cpu(q), cache as CpuKvCache, layer, lengths, out(y));
  }

  lmHead(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    options?: LmHeadOptions,
  ): Promise<TokenStatistics> {
    return Promise.resolve(this.#lmHead.statistics(cpu(h), cpu(w), ids, temperature, options));
  }

  lmHeadInto(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    statistics: Tensor,
    options?: LmHeadOptions,
  ): void {
    this.#lmHead.statisticsInto(cpu(h), cpu(w), ids, temperature, out(statistics), options);
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
    this.#lmHead.backward(cpu(h), cpu(w), ids, temperature, statistics, gradient, out(dh), dw && out(dw));
  }

  lmHeadSample(h: Tensor, w: Tensor, uniforms: Float32Array, spec: SamplingSpec): Promise<SampledTokens> {
    return Promise.resolve(this.#lmHead.sample(cpu(h), cpu(w), uniforms, spec));
  }

  lmHeadSampleInto(
    h: Tensor,
    w: Tensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
    ids: Tensor,
    statistics: Tensor,
  ): void {
    this.#lmHead.sampleInto(cpu(h), cpu(w), uniforms, spec, out(ids), out(statistics));
  }

  logits(h: Tensor, w: Tensor, y: Tensor): void {
    this.#lmHead.logits(cpu(h), cpu(w), out(y));
  }

  policyLoss(
    statistics: Tensor,
    sequences: SampledSequences,
    spec: PolicyLossSpec,
    dLogProb: Tensor,
  ): PendingPolicySums {
    return policyLoss(cpu(statistics), sequences, spec, out(dLogProb));
  }

  policySums(pending: readonly PendingPolicySums[]): Promise<PolicySums[]> {
    return Promise.resolve(pending as PolicySums[]);
  }

  meanPool(x: Tensor, ranges: readonly rowOps.Ranges[], pooled: Tensor): void {
    rowOps.meanPool(cpu(x), ranges, out(pooled));
  }

  meanPoolBackward(dPooled: Tensor, ranges: readonly rowOps.Ranges[], dx: Tensor): void {
    rowOps.meanPoolBackward(cpu(dPooled), ranges, out(dx));
  }

  l2Normalize(x: Tensor, y: Tensor): void {
    rowOps.l2Normalize(cpu(x), out(y));
  }

  l2NormalizeBackward(dy: Tensor, x: Tensor, dx: Tensor): void {
    rowOps.l2NormalizeBackward(cpu(dy), cpu(x), out(dx));
  }

  infoNce(q: Tensor, candidates: Tensor, spec: InfoNceSpec, dq: Tensor, dc: Tensor): Promise<number> {
    return Promise.resolve(rowOps.infoNce(cpu(q), cpu(candidates), spec, out(dq), out(dc)));
  }

  globalNorm(gradients: readonly Tensor[]): Promise<number> {
    return Promise.resolve(rowOps.globalNorm(gradients.map(cpu)));
  }

  adamW(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, spec: AdamWSpec): void {
    this.#elementwise.adamW(out(parameter), cpu(gradient), out(m), out(v), spec);
  }
}
