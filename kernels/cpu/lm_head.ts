/**
 * The vocabulary head: logits are made in chunks of 4,096 columns and reduced at once. (One Gemm of 49,152 columns runs
 * at a third of the speed of the same in chunks, and would need [tokens, vocab] memory.)
 *
 * Chunks are combined in float64 in a fixed order, so statistics do not depend on the number of rows, and are the same
 * bits whether they come from decoding or from a training forward pass.
 *
 * @module
 */
import type {
  LmHeadOptions,
  SampledTokens,
  SamplingSpec,
  TokenGradient,
  TokenStatistics,
} from "../lm_head_types.ts";
import { isHalf } from "../element_type.ts";
import { checkSamplingOptions, sampleToken } from "../sampling.ts";
import type { Tensor } from "../tensor_types.ts";
import type { LinearOps } from "./linear.ts";
import { Ones } from "./ones.ts";
import { gradientGraph, statisticsGraph } from "./lm_head_graphs.ts";
import { ReducedRows } from "./reduced_rows.ts";
import { argmax, invert, joined, RowSums } from "./lm_head_rows.ts";
import type { Graph } from "./onnx.ts";
import { ortTensor, Session } from "./ort.ts";
import type { CpuTensor, Pool } from "./tensor.ts";
import { numbersOf, TokenStatisticsTensors } from "./token_statistics.ts";

/** Columns of the vocabulary at a time. */
const chunkColumns = 4096;
/** Rows at a time: bounds the scratch memory to a few chunks of 8 MB. */
const chunkRows = 512;
/** Most memory for logits that wait for the backward op; beyond it they are computed twice. */
const keptLogitsBytes = 256 * 2 ** 20;
/** Rows of a chunk that element-wise graphs work on at a time: 2 MB an array. */
const pieceRows = 128;
/** Rows at a time in sampling, where the logits of all chunks are kept (13 MB at a vocabulary of 49,152). */
const sampleRows = 64;

/** The vocabulary ops of the CPU engine. */
export class LmHeadOps {
  readonly #sessions = new Map<string, Session>();
  readonly #ones = new Ones();
  #reduced: ReducedRows | undefined;
  /** Logits by chunk of rows (by its first) and chunk of columns (by its first), of statistics that expect a backward op. */
  readonly #kept = new Map<TokenStatistics, Map<string, CpuTensor>>();
  readonly #tensors = new TokenStatisticsTensors();

  /** See {@linkcode LmHeadOps}. */
  constructor(readonly pool: Pool, readonly linear: LinearOps, readonly threads: number) {}

  #session(name: string, graph: () => Graph): Session {
    let session = this.#sessions.get(name);
    if (!session) this.#sessions.set(name, session = new Session(graph(), this.threads));
    return session;
  }

  /** Logits of rows h for the columns [start, end) of the vocabulary. */
  #logits(h: CpuTensor, w: CpuTensor, start: number, end: number, y: CpuTensor): void {
    if (isHalf(w.dtype)) {
      const wide = this.linear.widen(w, start, end);
      this.linear.forward(h, wide, y);
      return this.pool.release(wide);
    }
    this.linear.forward(h, w.rows(start, end), y);
  }

  /** Rows [start, end) of h; a single row is doubled, since one row alone takes another code path. */
  #rows(h: CpuTensor, start: number, end: number): { rows: CpuTensor; free: () => void } {
    const all = start === 0 && end === h.shape[0];
    if (end - start > 1) return { rows: all ? h : h.rows(start, end), free: () => {} };
    const dim = h.shape[1]!, rows = this.pool.alloc([2, dim], "f32");
    const row = h.f32.subarray(start * dim, end * dim);
    rows.f32.set(row);
    rows.f32.set(row, dim);
    return { rows, free: () => this.pool.release(rows) };
  }

  /**
   * Adds a chunk of logits to the rows' sums, and writes exp(z − max) to `e` if it is given. Without `entropy` its sums
   * are NaN.
   */
  #chunkStatistics(
    logits: CpuTensor,
    inverseT: number,
    entropy: boolean,
    e: CpuTensor | null,
    sums: readonly RowSums[],
  ): Float32Array {
    const n = logits.shape[0]!, c = logits.shape[1]!, maxima = new Float32Array(n);
    const kind = { scaled: inverseT !== 1, entropy, exponentials: e !== null };
    const session = this.#session(
      `statistics/${kind.scaled}/${entropy}/${kind.exponentials}`,
      () => statisticsGraph(kind),
    );
    const ones = this.#ones.columns(c), scale = ortTensor(new Float32Array([inverseT]), [1]);
    inPieces(n, (from, to) => {
      const part = (t: CpuTensor) => to - from === n ? t.ort : t.rows(from, to).ort;
      const { max, sum, moment, ort } = this.#reducedRows(to - from);
      session.run({ x: part(logits), ...(kind.scaled && { inverseT: scale }), ones }, {
        max: ort.max,
        sum: ort.sum,
        ...(entropy && { moment: ort.moment }),
        ...(e && { e: part(e) }),
      });
      maxima.set(max, from);
      for (let i = 0; from + i < Math.min(to, sums.length); i++) {
        sums[from + i]!.add(max[i]!, sum[2 * i]!, entropy ? moment[2 * i]! : NaN);
      }
    });
    return maxima;
  }

  /** The same as long as the number of rows is: decoding reduces as many in every chunk of every step. */
  #reducedRows(rows: number): ReducedRows {
    if (this.#reduced?.rows !== rows) {
      this.#reduced?.dispose();
      this.#reduced = new ReducedRows(rows);
    }
    return this.#reduced;
  }

  /** See {@linkcode Device.lmHead}. */
  statistics(
    h: CpuTensor,
    w: CpuTensor,
    ids: Int32Array,
    temperature: number,
    { forBackward = false, entropy = true }: LmHeadOptions = {},
  ): TokenStatistics {
    const n = h.shape[0]!, vocab = w.shape[0]!, inverseT = 1 / temperature;
    check(h, w, ids, temperature);
    const result = emptyStatistics(n);
    const kept = forBackward && 4 * n * vocab <= keptLogitsBytes ? new Map<string, CpuTensor>() : undefined;
    if (kept) this.#kept.set(result, kept);
    for (let start = 0; start < n; start += chunkRows) {
      const end = Math.min(n, start + chunkRows);
      const { rows, free } = this.#rows(h, start, end), m = rows.shape[0]!;
      const sums = Array.from({ length: end - start }, () => new RowSums());
      const chosen = new Float32Array(end - start);
      for (let column = 0; column < vocab; column += chunkColumns) {
        const c = Math.min(chunkColumns, vocab - column);
        const logits = this.pool.alloc([m, c], "f32");
        this.#logits(rows, w, column, column + c, logits);
        this.#chunkStatistics(logits, inverseT, entropy, null, sums);
        for (let i = 0; i < end - start; i++) {
          const at = ids[start + i]! - column;
          if (at >= 0 && at < c) chosen[i] = logits.f32[i * c + at]!;
        }
        // A lone row was doubled: its logits have another shape than the backward op's.
        if (kept && m === end - start) kept.set(`${start} ${column}`, logits);
        else this.pool.release(logits);
      }
      sums.forEach((row, i) => store(result, start + i, row, chosen[i]!, inverseT));
      free();
    }
    return result;
  }

  /** See {@linkcode Device.lmHeadInto}. */
  statisticsInto(
    h: CpuTensor,
    w: CpuTensor,
    ids: Int32Array,
    temperature: number,
    statistics: CpuTensor,
    options?: LmHeadOptions,
  ): void {
    if (statistics.shape[0] !== ids.length || statistics.shape[1] !== 3) {
      throw new Error(`lmHeadInto: statistics [${statistics.shape}] for ${ids.length} ids`);
    }
    this.discard(statistics);
    this.#tensors.store(this.statistics(h, w, ids, temperature, options), statistics);
  }

  /** See {@linkcode Device.lmHeadDiscard}. */
  discard(statistics: TokenStatistics | Tensor): void {
    const values = this.#tensors.valuesOf(statistics);
    for (const logits of this.#kept.get(values)?.values() ?? []) this.pool.release(logits);
    this.#kept.delete(values);
  }

  /** See {@linkcode Device.lmHeadBackward}. */
  backward(
    h: CpuTensor,
    w: CpuTensor,
    ids: Int32Array,
    temperature: number,
    statistics: TokenStatistics | Tensor,
    gradient: TokenGradient,
    dh: CpuTensor,
    dw: CpuTensor | null,
  ): void {
    const n = h.shape[0]!, vocab = w.shape[0]!, inverseT = 1 / temperature;
    check(h, w, ids, temperature);
    const dLogProb = numbersOf(gradient.dLogProb), slopes = gradient.dEntropy && numbersOf(gradient.dEntropy);
    if (
      dLogProb.length !== n || (slopes && slopes.length !== n) || dh.size !== h.size ||
      (dw && dw.size !== w.size)
    ) {
      throw new Error(
        `lmHeadBackward: ${dLogProb.length} slopes for ${n} rows, dh [${dh.shape}], dw [${dw?.shape}]`,
      );
    }
    const values = this.#tensors.valuesOf(statistics), kept = this.#kept.get(values);
    this.#kept.delete(values);
    for (let start = 0; start < n; start += chunkRows) {
      const end = Math.min(n, start + chunkRows), m = end - start;
      const rows = h.rows(start, end), dRows = dh.rows(start, end);
      const scale = ortTensor(new Float32Array([inverseT]), [1]);
      const lse = values.logSumExp.slice(start, end), entropy = values.entropy.slice(start, end);
      const weight = dLogProb.slice(start, end).map((value) => value * -inverseT);
      const dEntropy = slopes?.slice(start, end).map((value) => value * inverseT);
      const scaled = inverseT !== 1, withEntropy = dEntropy !== undefined;
      const session = this.#session(
        `gradient/${scaled}/${withEntropy}`,
        () => gradientGraph(scaled, withEntropy),
      );
      for (let column = 0; column < vocab; column += chunkColumns) {
        const c = Math.min(chunkColumns, vocab - column);
        const key = `${start} ${column}`, waiting = kept?.get(key);
        kept?.delete(key);
        const logits = waiting ?? this.pool.alloc([m, c], "f32"), d = logits; // the gradient goes over the logits
        if (!waiting) this.#logits(rows, w, column, column + c, logits);
        inPieces(m, (from, to) => {
          const part = (values: Float32Array) => ortTensor(values.subarray(from, to), [to - from, 1]);
          const x = logits.rows(from, to).ort;
          session.run({
            x,
            ...(scaled && { inverseT: scale }),
            lse: part(lse),
            weight: part(weight),
            ...(dEntropy && { entropy: part(entropy), dEntropy: part(dEntropy) }),
          }, { dx: x });
        });
        for (let i = 0; i < m; i++) {
          const at = ids[start + i]! - column;
          if (at >= 0 && at < c) d.f32[i * c + at]! += dLogProb[start + i]! * inverseT;
        }
        const wide = isHalf(w.dtype) ? this.linear.widen(w, column, column + c) : null;
        this.linear.backwardInput(d, wide ?? w.rows(column, column + c), dRows, true);
        if (wide) this.pool.release(wide);
        if (dw) this.linear.backwardWeight(d, rows, dw.rows(column, column + c), true);
        this.pool.release(logits);
      }
    }
  }

  /** See {@linkcode Device.lmHeadSample}. */
  sample(h: CpuTensor, w: CpuTensor, uniforms: Float32Array, spec: SamplingSpec): SampledTokens {
    const n = h.shape[0]!, vocab = w.shape[0]!;
    if (uniforms.length !== n || w.shape[1] !== h.shape[1]) {
      throw new Error(`lmHeadSample: hidden [${h.shape}], weight [${w.shape}], ${uniforms.length} uniforms`);
    }
    checkSamplingOptions(spec);
    const inverseT = spec.temperature > 0 ? 1 / spec.temperature : 1;
    const truncated = spec.topK > 0 || spec.topP < 1, inverts = spec.temperature > 0 && !truncated;
    const result = { ids: new Int32Array(n), ...emptyStatistics(n) };
    for (let start = 0; start < n; start += sampleRows) {
      const end = Math.min(n, start + sampleRows), count = end - start;
      const { rows, free } = this.#rows(h, start, end), m = rows.shape[0]!;
      const sums = Array.from({ length: count }, () => new RowSums());
      const chunks: { logits: CpuTensor; e: CpuTensor | null; max: Float32Array; column: number }[] = [];
      for (let column = 0; column < vocab; column += chunkColumns) {
        const c = Math.min(chunkColumns, vocab - column);
        const logits = this.pool.alloc([m, c], "f32"), e = inverts ? this.pool.alloc([m, c], "f32") : null;
        this.#logits(rows, w, column, column + c, logits);
        const max = this.#chunkStatistics(logits, inverseT, spec.entropy ?? true, e, sums);
        chunks.push({ logits, e, max, column });
      }
      for (let i = 0; i < count; i++) {
        const row = chunks.map(({ logits, e, max, column }) => {
          const c = logits.shape[1]!;
          return {
            logits: logits.f32.subarray(i * c, (i + 1) * c),
            e: e?.f32.subarray(i * c, (i + 1) * c),
            max: max[i]!,
            column,
          };
        });
        const uniform = uniforms[start + i]!;
        const id = spec.temperature === 0
          ? argmax(row)
          : truncated
          ? sampleToken(joined(row, vocab), spec, uniform)
          : invert(row, sums[i]!, uniform);
        const chunk = row[Math.floor(id / chunkColumns)]!;
        result.ids[start + i] = id;
        store(result, start + i, sums[i]!, chunk.logits[id - chunk.column]!, inverseT);
      }
      for (const { logits, e } of chunks) {
        this.pool.release(logits);
        if (e) this.pool.release(e);
      }
      free();
    }
    return result;
  }

  /** See {@linkcode Device.lmHeadSampleInto}. */
  sampleInto(
    h: CpuTensor,
    w: CpuTensor,
    uniforms: Float32Array,
    spec: SamplingSpec,
    ids: CpuTensor,
    statistics: CpuTensor,
  ): void {
    const n = h.shape[0]!;
    if (ids.size !== n || statistics.size !== 3 * n) {
      throw new Error(`lmHeadSampleInto: ids [${ids.shape}], statistics [${statistics.shape}] for ${n} rows`);
    }
    const drawn = this.sample(h, w, uniforms, spec);
    ids.i32.set(drawn.ids);
    this.#tensors.store(drawn, statistics);
  }

  /** See {@linkcode Device.logits}. */
  logits(h: CpuTensor, w: CpuTensor, y: CpuTensor): void {
    const n = h.shape[0]!, vocab = w.shape[0]!;
    if (y.size !== n * vocab) throw new Error(`logits: [${y.shape}] for ${n} rows and ${vocab} tokens`);
    const { rows, free } = this.#rows(h, 0, n), m = rows.shape[0]!;
    for (let column = 0; column < vocab; column += chunkColumns) {
      const c = Math.min(chunkColumns, vocab - column);
      const part = this.pool.alloc([m, c], "f32");
      this.#logits(rows, w, column, column + c, part);
      for (let i = 0; i < n; i++) y.f32.set(part.f32.subarray(i * c, (i + 1) * c), i * vocab + column);
      this.pool.release(part);
    }
    free();
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
    this.#ones.dispose();
    this.#reduced?.dispose();
  }
}

/**
 * Rows of a chunk in pieces whose intermediates stay in the cache. No piece has one row alone, unless there is but one:
 * sums over a single row would take another code path.
 */
function inPieces(rows: number, run: (from: number, to: number) => void): void {
  for (let from = 0, to = 0; from < rows; from = to) {
    to = rows - from <= pieceRows + 1 ? rows : from + pieceRows;
    run(from, to);
  }
}

function emptyStatistics(n: number): TokenStatistics {
  return { logProb: new Float32Array(n), logSumExp: new Float32Array(n), entropy: new Float32Array(n) };
}

function store(result: TokenStatistics, i: number, row: RowSums, logit: number, inverseT: number): void {
  result.logSumExp[i] = row.logSumExp;
  result.logProb[i] = Math.fround(logit * inverseT) - row.logSumExp;
  result.entropy[i] = row.entropy;
}

function check(h: CpuTensor, w: CpuTensor, ids: Int32Array, temperature: number): void {
  if (h.shape[1] !== w.shape[1] || ids.length !== h.shape[0]) {
    throw new Error(`lmHead: hidden [${h.shape}], weight [${w.shape}], ${ids.length} ids`);
  }
  if (!(temperature > 0)) throw new Error(`lmHead: temperature ${temperature}`);
  for (const id of ids) if (id < 0 || id >= w.shape[0]!) throw new Error(`lmHead: id ${id} of ${w.shape[0]}`);
}
