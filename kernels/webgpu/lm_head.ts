/**
 * The vocabulary head: logits = h · wᵀ in tiles, reduced at once, and never all in memory.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import type { SampledTokens, SamplingSpec, TokenGradient, TokenStatistics } from "../lm_head_types.ts";
import type { Tensor } from "../tensor_types.ts";
import { checkSamplingOptions } from "../sampling.ts";
import type { Arena } from "./arena.ts";
import type { LinearOps } from "./linear.ts";
import { GradientRows, logitsGradient } from "./lm_head_gradient.ts";
import { StatisticsKernels, sumsPerSegment } from "./lm_head_statistics.ts";
import { blocksOf, columnTiles, rowTiles, segmentsOf } from "./lm_head_tiles.ts";
import type { CommandQueue } from "./queue.ts";
import { SamplingKernels } from "./sampling.ts";
import { expectShape, GpuTensor } from "./tensor.ts";
import { truncates, Truncation } from "./truncation.ts";

/** Most memory for logits that wait for the backward op; beyond it they are computed twice. */
const keptLogitsBytes = 256 << 20;

/** The vocabulary ops. */
export class LmHeadOps {
  readonly #statistics: StatisticsKernels;
  readonly #sampling: SamplingKernels;
  readonly #truncation: Truncation;
  /** Tiles of logits by the statistics made from them, in the order in which the backward op goes through them. */
  readonly #kept = new Map<TokenStatistics | Tensor, GpuTensor[]>();

  constructor(readonly queue: CommandQueue, readonly arena: Arena, readonly linear: LinearOps) {
    this.#statistics = new StatisticsKernels(queue);
    this.#sampling = new SamplingKernels(queue);
    this.#truncation = new Truncation(queue, arena);
  }

  /** See {@linkcode Device.lmHead}. */
  async statistics(
    h: GpuTensor,
    w: GpuTensor,
    ids: Int32Array,
    temperature: number,
    forBackward: boolean,
  ): Promise<TokenStatistics> {
    const statistics = this.arena.alloc([ids.length, 3], "f32");
    let kept: GpuTensor[] | undefined, reading: Promise<ArrayBuffer>;
    try {
      this.statisticsInto(h, w, ids, temperature, statistics, forBackward);
      reading = this.queue.read(statistics);
    } finally {
      kept = this.#take(statistics);
      this.arena.release(statistics);
    }
    try {
      const result = columnsOf(new Float32Array(await reading));
      if (kept) this.#kept.set(result, kept);
      return result;
    } catch (error) {
      kept?.forEach((logits) => this.arena.release(logits));
      throw error;
    }
  }

  /** See {@linkcode Device.lmHeadInto}. */
  statisticsInto(
    h: GpuTensor,
    w: GpuTensor,
    ids: Int32Array,
    temperature: number,
    statistics: GpuTensor,
    forBackward: boolean,
  ): void {
    const { arena } = this, [n, vocab] = checkMatrices(h, w, "lmHead");
    const inverseT = checkTokens(n, vocab, ids, temperature);
    expectShape(statistics, [n, 3], "lmHead: statistics");
    this.discard(statistics);
    const segments = segmentsOf(vocab), tiles = columnTiles(n, vocab, this.queue.maxBinding);
    const kept: GpuTensor[] | null = forBackward && 4 * n * vocab <= keptLogitsBytes ? [] : null;
    if (kept) this.#kept.set(statistics, kept);
    for (const [start, end] of blocksOf(n, tiles.rows)) {
      const rows = end - start, sums = arena.alloc([rows, segments, sumsPerSegment], "f32");
      const chosen = arena.alloc([rows], "f32"), tokens = ids.subarray(start, end);
      for (const [from, to] of blocksOf(vocab, tiles.columns)) {
        const logits = arena.alloc([rows, to - from], "f32");
        this.linear.forward(h.rows(start, end), w.rows(from, to), logits);
        this.#statistics.sumUp(logits, from, tokens, inverseT, sums, chosen);
        if (kept) kept.push(logits);
        else arena.release(logits);
      }
      this.#statistics.merge(sums, chosen, inverseT, statistics.rows(start, end));
      arena.release(sums);
      arena.release(chosen);
    }
  }

  /** What was kept for a backward op, which is the caller's now. */
  #take(statistics: TokenStatistics | Tensor): GpuTensor[] | undefined {
    const kept = this.#kept.get(statistics);
    this.#kept.delete(statistics);
    return kept;
  }

  /** See {@linkcode Device.lmHeadDiscard}. */
  discard(statistics: TokenStatistics | Tensor): void {
    for (const logits of this.#take(statistics) ?? []) this.arena.release(logits);
  }

  /** See {@linkcode Device.lmHeadBackward}. */
  backward(
    h: GpuTensor,
    w: GpuTensor,
    ids: Int32Array,
    temperature: number,
    statistics: TokenStatistics | Tensor,
    gradient: TokenGradient,
    dh: GpuTensor,
    dw: GpuTensor | null,
  ): void {
    const { arena, linear } = this, [n, vocab] = checkMatrices(h, w, "lmHeadBackward");
    const inverseT = checkTokens(n, vocab, ids, temperature);
    expectShape(dh, h.shape, "lmHeadBackward: dh");
    if (dw) expectShape(dw, w.shape, "lmHeadBackward: dw");
    const table = new GradientRows(this.queue, arena, ids, statistics, gradient);
    const tiles = columnTiles(n, vocab, this.queue.maxBinding), kept = this.#take(statistics);
    for (const [start, end] of blocksOf(n, tiles.rows)) {
      const rows = h.rows(start, end);
      for (const [from, to] of blocksOf(vocab, tiles.columns)) {
        const waiting = kept?.shift(), logits = waiting ?? arena.alloc([end - start, to - from], "f32");
        const weight = w.rows(from, to);
        if (!waiting) linear.forward(rows, weight, logits);
        logitsGradient(this.queue, logits, from, start, inverseT, table);
        linear.backwardInput(logits, weight, dh.rows(start, end), true);
        if (dw) linear.backwardWeight(logits, rows, dw.rows(from, to), true);
        arena.release(logits);
      }
    }
    table.release();
  }

  /** See {@linkcode Device.lmHeadSample}: {@linkcode LmHeadOps.sampleInto}, and one copy of 16 bytes a row to the host. */
  async sample(
    h: GpuTensor,
    w: GpuTensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
  ): Promise<SampledTokens> {
    const { arena } = this, n = h.shape[0]!, both = arena.alloc([4, n], "f32");
    const ids = new GpuTensor("i32", [n], both.slab), statistics = both.rows(1, 4).reshaped([n, 3]);
    let reading: Promise<ArrayBuffer>;
    try {
      this.sampleInto(h, w, uniforms, spec, ids, statistics);
      reading = this.queue.read(both);
    } finally {
      arena.release(both);
    }
    const data = await reading, result = columnsOf(new Float32Array(data, 4 * n));
    const wrong = result.logSumExp.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw new NumericError(
        `The log-sum-exp of the logits of row ${wrong} is ${result.logSumExp[wrong]}`,
        "Look for the first step with a non-finite loss or gradient; lower the learning rate",
      );
    }
    return { ids: new Int32Array(data, 0, n), ...result };
  }

  /**
   * Draws a token a row as {@linkcode Device.lmHeadSample} does, and leaves the results on the device: nothing waits, so
   * that decoding can go on from `ids` at once. Rows whose logits are not finite get some id of the vocabulary; their
   * statistics are not finite either, which is for the caller to check when it reads them.
   *
   * @param uniforms host numbers in [0, 1), one a row; they may be changed as soon as this returns
   * @param ids i32 [n] ← the tokens
   * @param statistics f32 [n, 3] ← logProb, logSumExp and entropy, the bits that {@linkcode Device.lmHead} gives for `ids`
   */
  sampleInto(
    h: GpuTensor,
    w: GpuTensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
    ids: GpuTensor,
    statistics: GpuTensor,
  ): void {
    const { arena } = this, [n, vocab] = checkMatrices(h, w, "lmHeadSample");
    checkSamplingOptions(spec);
    checkUniforms(uniforms, n);
    if (ids.dtype !== "i32" || ids.size !== n) {
      throw new Error(`lmHeadSample: ids [${ids.shape}] of ${ids.dtype}`);
    }
    expectShape(statistics, [n, 3], "lmHeadSample: statistics");
    const inverseT = inverseOf(spec.temperature > 0 ? spec.temperature : 1);
    const segments = segmentsOf(vocab), tiles = rowTiles(vocab, this.queue.maxBinding);
    ids.note();
    for (const [start, end] of blocksOf(n, tiles.rows)) {
      const rows = end - start, logits = arena.alloc([rows, vocab], "f32");
      const sums = arena.alloc([rows, segments, sumsPerSegment], "f32"), chosen = arena.alloc([rows], "f32");
      this.linear.forward(h.rows(start, end), w, logits);
      this.#statistics.sumUp(logits, 0, new Int32Array(rows).fill(-1), inverseT, sums, chosen);
      const distribution = { logits, sums, inverseT };
      const tokens = ids.reshaped([n]).rows(start, end);
      const numbers = uniforms.subarray(start, end);
      if (spec.temperature === 0) this.#sampling.greedy(distribution, tokens, chosen);
      else if (truncates(spec, vocab)) {
        const edges = this.#truncation.find(distribution, spec);
        this.#sampling.drawTruncated(distribution, numbers, edges, spec.topP < 1, tokens, chosen);
        arena.release(edges.edges);
        arena.release(edges.shares);
      } else this.#sampling.draw(distribution, numbers, tokens, chosen);
      this.#statistics.merge(sums, chosen, inverseT, statistics.rows(start, end));
      for (const scratch of [logits, sums, chosen]) arena.release(scratch);
    }
  }

  /** See {@linkcode Device.logits}. */
  logits(h: GpuTensor, w: GpuTensor, y: GpuTensor): void {
    const [n, vocab] = checkMatrices(h, w, "logits");
    expectShape(y, [n, vocab], "logits: y");
    this.linear.forward(h, w, y);
  }
}

/** Number of rows and of tokens. */
function checkMatrices(h: GpuTensor, w: GpuTensor, what: string): [n: number, vocab: number] {
  const [n, dim] = h.shape, [vocab, width] = w.shape;
  const fit = h.shape.length === 2 && w.shape.length === 2 && dim === width && vocab! > 0;
  if (!fit || h.dtype !== "f32" || w.dtype === "i32") {
    throw new Error(`${what}: hidden [${h.shape}] ${h.dtype}, weight [${w.shape}] ${w.dtype}`);
  }
  return [n!, vocab!];
}

function checkTokens(n: number, vocab: number, ids: Int32Array, temperature: number): number {
  if (ids.length !== n) throw new Error(`lmHead: ${ids.length} ids for ${n} rows`);
  for (const id of ids) if (id < 0 || id >= vocab) throw new Error(`lmHead: id ${id} of ${vocab}`);
  if (!(temperature > 0)) throw new Error(`lmHead: temperature ${temperature}`);
  return inverseOf(temperature);
}

/** 1 / temperature, which f32 has to hold. */
function inverseOf(temperature: number): number {
  const inverse = Math.fround(1 / temperature);
  if (!Number.isFinite(inverse)) {
    throw new UsageError(
      `Sampling temperature "${temperature}" is too small for the GPU`,
      "Use 0 for the likeliest token",
    );
  }
  return inverse;
}

function checkUniforms(uniforms: Float32Array, n: number): void {
  if (uniforms.length !== n) {
    throw new Error(`lmHeadSample: ${uniforms.length} uniform numbers for ${n} rows`);
  }
  for (const uniform of uniforms) {
    if (!(uniform >= 0 && uniform < 1)) throw new Error(`lmHeadSample: ${uniform} is outside [0, 1)`);
  }
}

/** Rows of logProb, logSumExp, entropy as three vectors. */
function columnsOf(rows: Float32Array): TokenStatistics {
  const n = rows.length / 3,
    column = (at: number) => Float32Array.from({ length: n }, (_, i) => rows[3 * i + at]!);
  return { logProb: column(0), logSumExp: column(1), entropy: column(2) };
}
