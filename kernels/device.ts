/**
 * The op vocabulary: everything that a decoder, its training and its embeddings need from an engine, with the
 * equations. An engine (`kernels/cpu`, `kernels/webgpu`) implements it; `kernels/reference` restates it in float64 for
 * tests. The same model code runs on every engine.
 *
 * Conventions
 * - All matrices are row-major. `n` is a number of tokens (rows), whatever sequences they belong to: a batch is one
 *   packed stream [n, dim], there is no padding.
 * - Ops are issued in order and return at once; results are only sure to be there after {@linkcode Device.read}.
 * - Output tensors are given by the caller and overwritten, unless `accumulate` says that they are added to.
 *   Inputs and outputs must not overlap unless an op says that they may.
 * - **Batch invariance**: the bits of an output row depend on the rows it is computed from and on nothing else: not on
 *   the number of rows, the position in the stream, or what the other rows hold.
 * - **Determinism**: the same calls give the same bits on the same machine.
 * - A dimension that does not fit is a defect of the caller and throws a plain `Error`.
 *
 * @module
 */

import type { AttentionShape, CacheRows, KvCache, RopeTable, Segment } from "./attention_types.ts";
import type { LayerTailKept, LayerTailWeights, Projection } from "./layer_types.ts";
import type {
  LmHeadOptions,
  SampledTokens,
  SamplingSpec,
  TokenGradient,
  TokenStatistics,
} from "./lm_head_types.ts";
import type { PendingPolicySums, PolicyLossSpec, PolicySums, SampledSequences } from "./policy_loss.ts";
import type { DType, Tensor } from "./tensor_types.ts";
import type { AdamWSpec, InfoNceSpec } from "./training_types.ts";

/** How an engine decodes fastest. Hints: none changes a bit of what is decoded. */
export interface DecodingHints {
  /**
   * Tokens that sequences may decode before anybody looks at them: 1 where looking costs nothing, more where it makes the
   * engine wait. What is decoded beyond a sequence's end is thrown away.
   */
  readonly ahead: number;
  /** Sequences beyond which more at once gain nothing. */
  readonly mostSlots: number;
  /** Bytes that the keys and values of all of them may take. */
  readonly cacheBytes: number;
  /** Tokens of prompts beyond which more in one pass gain nothing. */
  readonly prefillTokens: number;
  /**
   * Most bytes of activations worth keeping for the backward pass of what was decoded, in place of a forward pass of their own;
   * 0 where decoding and training may differ in a bit.
   */
  readonly keptBytes: number;
}

/** An engine. See the module comment for what holds for every op. */
export interface Device {
  /** "cpu" or "webgpu". */
  readonly kind: string;
  /** Versions and settings that results depend on, for the run's lock file. */
  readonly description: Readonly<Record<string, string | number>>;
  readonly decoding: DecodingHints;
  /** Whether ops are no slower on bf16 and f16 weights than on f32 ones, so that weights which are only read may stay so. */
  readonly readsHalf: boolean;
  /** Bytes in tensors at present, and the most since {@linkcode Device.resetPeak}, with what was kept for reuse. */
  readonly memory: { readonly current: number; readonly peak: number };
  /** Lets the peak start again from what is held now. */
  resetPeak(): void;

  // Memory

  /** New tensor with undefined content. Give it back with {@linkcode Device.free}: nothing else does. */
  alloc(shape: readonly number[], dtype?: DType): Tensor;
  /**
   * New tensor with a copy of `data`. A Uint16Array holds bit patterns: of bfloat16, or of IEEE half-precision numbers where
   * `dtype` is f16; these must be finite.
   */
  upload(data: Float32Array | Int32Array | Uint16Array, shape: readonly number[], dtype?: DType): Tensor;
  /** New tensor with the content of `data`, which the caller gives away: an engine may use its memory. */
  take(data: Float32Array<ArrayBuffer>, shape: readonly number[]): Tensor;
  /** Overwrites a tensor. */
  write(target: Tensor, data: Float32Array | Int32Array): void;
  /** Waits for all ops so far and copies a tensor out, widened to f32. */
  read(source: Tensor): Promise<Float32Array>;
  /** Gives tensors back; views are not given back. */
  free(...tensors: Tensor[]): void;
  /** View of rows [start, end) of a tensor (first dimension); shares memory, must not outlive it. */
  rows(tensor: Tensor, start: number, end: number): Tensor;
  /** View with another shape of the same size. */
  reshape(tensor: Tensor, shape: readonly number[]): Tensor;
  /** Sets every element. */
  fill(target: Tensor, value: number): void;
  /** target ← source. */
  copy(source: Tensor, target: Tensor): void;
  /** y ← x + y. */
  add(x: Tensor, y: Tensor): void;
  /** Gives memory that is kept for reuse back to the system: worth it where what follows is of another kind. */
  trim(): void;
  /** Frees everything; the device is unusable afterwards. */
  dispose(): void;

  // Linear maps

  /**
   * Prepares weights [out, in] for many products of few rows, as in decoding: a hint that changes no result. What an engine
   * keeps for it, as much memory again at most and only where there is plenty, is out of use when a weight is written to, until
   * the next call, and given back when it is freed.
   */
  packWeights(weights: readonly Tensor[]): void;
  /** Gives back what {@linkcode Device.packWeights} keeps. */
  unpackWeights(weights: readonly Tensor[]): void;
  /** y[n, out] ← x[n, in] · wᵀ (+ bias[out]) (+ residual[n, out]); w is [out, in], f32, bf16 or f16. */
  linear(x: Tensor, w: Tensor, y: Tensor, options?: { bias?: Tensor; residual?: Tensor }): void;
  /**
   * y ← h · wᵀ (+ bias), rotated by its positions if it has some, for each map, with h = {@linkcode Device.rmsNorm} of
   * x[n, in]: queries, keys and values of a layer, with the bits of the ops that it stands for.
   */
  projections(x: Tensor, norm: Tensor, eps: number, maps: readonly Projection[]): void;
  /**
   * y ← m + (silu(h · gateᵀ) · (h · upᵀ)) · downᵀ with m = x + attended · oᵀ and h = {@linkcode Device.rmsNorm} of m: what
   * a layer does after its attention, with the bits of the ops that it stands for. x and y are [n, dim], attended is
   * [n, heads · headDim]. What a backward pass needs is written to `kept`, if there is one.
   */
  layerTail(
    x: Tensor,
    attended: Tensor,
    weights: LayerTailWeights,
    eps: number,
    y: Tensor,
    kept?: LayerTailKept,
  ): void;
  /** dx[n, in] (+)= dy[n, out] · w. */
  linearBackwardInput(dy: Tensor, w: Tensor, dx: Tensor, accumulate?: boolean): void;
  /** dw[out, in] (+)= dyᵀ · x; dBias[out] (+)= Σ_rows dy. */
  linearBackwardWeight(
    dy: Tensor,
    x: Tensor,
    dw: Tensor,
    options?: { dBias?: Tensor; accumulate?: boolean },
  ): void;
  /** y[n, dim] ← w[ids]; w is [vocab, dim], f32, bf16 or f16; ids i32 [n]. */
  embedding(ids: Tensor, w: Tensor, y: Tensor): void;
  /** dw[ids[i]] += dy[i], in order of i. */
  embeddingBackward(ids: Tensor, dy: Tensor, dw: Tensor): void;
  /** y[i] ← x[index[i]], index i32 [n]. */
  gatherRows(x: Tensor, index: Tensor, y: Tensor): void;
  /** y[index[i]] += x[i], in order of i. */
  scatterAddRows(x: Tensor, index: Tensor, y: Tensor): void;

  // Normalisation, activation, positions

  /** y ← x / sqrt(mean(x²) + eps) · w by rows (Zhang & Sennrich 2019); w is [dim]. */
  rmsNorm(x: Tensor, w: Tensor, eps: number, y: Tensor): void;
  /** dx (+)= ∂/∂x, dw += ∂/∂w of {@linkcode Device.rmsNorm}. With r = 1/sqrt(mean(x²)+eps), g = dy·w: dx = r·g − x·r³·mean(g·x). */
  rmsNormBackward(
    dy: Tensor,
    x: Tensor,
    w: Tensor,
    eps: number,
    dx: Tensor,
    dw: Tensor,
    accumulate?: boolean,
  ): void;
  /** y ← silu(gate) · up, silu(z) = z · sigmoid(z) (Shazeer 2020). All [n, dim]. */
  swiglu(gate: Tensor, up: Tensor, y: Tensor): void;
  /** dGate, dUp ← gradients of {@linkcode Device.swiglu}. dGate may be `gate`, dUp may be `up`. */
  swigluBackward(dy: Tensor, gate: Tensor, up: Tensor, dGate: Tensor, dUp: Tensor): void;
  /** Table of cos and sin of position · inverseFrequency, computed in float64 and rounded. Lives as long as the device. */
  ropeTable(inverseFrequencies: Float64Array, positions: number): RopeTable;
  /**
   * Rotary positions on x [n, heads · headDim], in halves (pairs i and i + headDim/2, as in transformers):
   * y₁ ← x₁·cos − x₂·sin, y₂ ← x₂·cos + x₁·sin. `inverse` rotates back, which is also the backward op.
   */
  rope(x: Tensor, positions: Int32Array, table: RopeTable, heads: number, y: Tensor, inverse?: boolean): void;

  // Attention

  /**
   * Causal attention over packed segments. q is [n, heads·headDim], k and v [n, kvHeads·headDim], already rotated.
   * y[n, heads·headDim] ← softmax(q·kᵀ/√headDim over the parent's rows and the segment's own rows up to the token) · v;
   * lse[heads, n] ← log Σ exp, kept for the backward op. Rows in no segment are left as they are.
   */
  attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    segments: readonly Segment[],
    shape: AttentionShape,
    y: Tensor,
    lse: Tensor,
  ): void;
  /**
   * dq ← …, dk ← …, dv ← …: gradients of {@linkcode Device.attention}, 0 for rows in no segment. A parent's rows collect
   * from all children; dk and dv are sums over queries, so their last bits depend on how the stream is laid out.
   */
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
  ): void;
  /** Empty cache for `slots` sequences. */
  kvCache(layers: number, slots: number, capacity: number, shape: AttentionShape): KvCache;
  /** Puts rows of k and v [n, kvHeads·headDim] into slots of a layer; grows the cache where it is too short. */
  cacheWrite(cache: KvCache, layer: number, k: Tensor, v: Tensor, rows: readonly CacheRows[]): void;
  /** Copies the first `count` tokens of slot `from` over slot `to`, in all layers. */
  cacheCopy(cache: KvCache, from: number, to: number, count: number): void;
  /** Frees a cache. */
  cacheFree(cache: KvCache): void;
  /** One query row a slot: y[b] ← attention of q[b] over the first lengths[b] tokens of slot b. q is [b, heads·headDim]. */
  attentionDecode(
    q: Tensor,
    cache: KvCache,
    layer: number,
    lengths: Int32Array,
    shape: AttentionShape,
    y: Tensor,
  ): void;

  // Vocabulary head: logits = h · wᵀ, made in chunks of columns and never all at once

  /** Statistics of token ids[i] given hidden row h[i]; h [n, dim], w [vocab, dim], f32, bf16 or f16. */
  lmHead(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    options?: LmHeadOptions,
  ): Promise<TokenStatistics>;
  /**
   * {@linkcode Device.lmHead} whose results stay with the engine, for a loss that needs no look at them:
   * statistics[n, 3] ← logProb, logSumExp, entropy. The ops that follow `forBackward` are given this very tensor.
   */
  lmHeadInto(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    statistics: Tensor,
    options?: LmHeadOptions,
  ): void;
  /** Frees what was kept for a backward op that will not come. */
  lmHeadDiscard(statistics: TokenStatistics | Tensor): void;
  /**
   * Gradients of Σᵢ dLogProb[i]·logProb[i] + dEntropy[i]·entropy[i]: dh += …, dw += … (dw is skipped if null).
   * `statistics` are those of {@linkcode Device.lmHead} or {@linkcode Device.lmHeadInto} for the same arguments.
   */
  lmHeadBackward(
    h: Tensor,
    w: Tensor,
    ids: Int32Array,
    temperature: number,
    statistics: TokenStatistics | Tensor,
    gradient: TokenGradient,
    dh: Tensor,
    dw: Tensor | null,
  ): void;
  /**
   * Draws a token a row by inverting the cumulative distribution, in the order of ids, at uniforms[i] in [0, 1).
   * Statistics are at `temperature` (at 1 for greedy choice) and before top-k and top-p, which are applied in this order.
   */
  lmHeadSample(h: Tensor, w: Tensor, uniforms: Float32Array, spec: SamplingSpec): Promise<SampledTokens>;
  /**
   * {@linkcode Device.lmHeadSample} whose results stay with the engine, for decoding on without looking:
   * ids ← the tokens, i32 [n]; statistics[n, 3] ← logProb, logSumExp, entropy.
   */
  lmHeadSampleInto(
    h: Tensor,
    w: Tensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
    ids: Tensor,
    statistics: Tensor,
  ): void;
  /** All logits [n, vocab], for few rows. */
  logits(h: Tensor, w: Tensor, y: Tensor): void;

  // Policy gradient

  /**
   * The loss of GRPO and PPO, token by token, with its gradient; the equation is in `policy_loss.ts`.
   * dLogProb[n] ← scale · ∂ℓ/∂logProb, for the n tokens of `sequences`, whose logProb is in `statistics`, [n, 3] as
   * {@linkcode Device.lmHeadInto} makes them. Sums over the tokens stay with the engine.
   *
   * @returns what {@linkcode Device.policySums} has to be given, once
   */
  policyLoss(
    statistics: Tensor,
    sequences: SampledSequences,
    spec: PolicyLossSpec,
    dLogProb: Tensor,
  ): PendingPolicySums;
  /** The sums of these calls, with one look at the engine for all of them, and frees them. */
  policySums(pending: readonly PendingPolicySums[]): Promise<PolicySums[]>;

  // Embeddings

  /**
   * pooled[s] ← mean of the rows of x in all of ranges[s] together, added in order. Vectors may share rows; one without
   * rows throws.
   */
  meanPool(x: Tensor, ranges: readonly { start: number; end: number }[][], pooled: Tensor): void;
  /** dx[i] += Σ over ranges that hold row i of dPooled[s] / count(s). */
  meanPoolBackward(dPooled: Tensor, ranges: readonly { start: number; end: number }[][], dx: Tensor): void;
  /** y ← x / max(‖x‖, 1e-12) by rows. */
  l2Normalize(x: Tensor, y: Tensor): void;
  /** dx ← (dy − y·(y·dy)) / ‖x‖ by rows: gradient of {@linkcode Device.l2Normalize}. */
  l2NormalizeBackward(dy: Tensor, x: Tensor, dx: Tensor): void;
  /**
   * InfoNCE (van den Oord 2018; paper Eq. 1-2): loss = −1/n Σᵢ log softmax_j(q[i]·c[j]/τ)[i], where candidates
   * c [m, dim] are the n positives followed by mined negatives (m >= n). dq, dc ← gradients.
   */
  infoNce(q: Tensor, candidates: Tensor, spec: InfoNceSpec, dq: Tensor, dc: Tensor): Promise<number>;

  // Optimiser

  /** ‖all gradients together‖₂, accumulated in float64 in a fixed order. */
  globalNorm(gradients: readonly Tensor[]): Promise<number>;
  /**
   * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← p·(1 − lr·wd) − lr·m̂/(√v̂ + eps), g = gradientScale · gradient.
   */
  adamW(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, spec: AdamWSpec): void;
}
