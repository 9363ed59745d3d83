/**
 * Gradient of the statistics with respect to logits, over the logits themselves.
 *
 * With z = logits / T and p = exp(z − logSumExp):
 * ∂/∂logits[j] of dLogProb·logProb + dEntropy·entropy = (dLogProb·([j = id] − p) − dEntropy·p·(log p + entropy)) / T.
 *
 * @module
 */
import type { TokenGradient, TokenStatistics } from "../lm_head_types.ts";
import type { Tensor } from "../tensor_types.ts";
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";

const threads = 256;

/** What the gradient of each of n rows depends on, in GPU memory, whether it came from the host or not. */
export class GradientRows {
  /** i32 [n]: the tokens. */
  readonly ids: GpuTensor;
  /** [n, 3]: logProb, logSumExp, entropy. */
  readonly statistics: GpuTensor;
  /** [n] */
  readonly dLogProb: GpuTensor;
  /** [n] */
  readonly dEntropy: GpuTensor;
  readonly #copies: GpuTensor[] = [];

  /** @throws where something has not one entry for each id */
  constructor(
    readonly queue: CommandQueue,
    readonly arena: Arena,
    ids: Int32Array,
    statistics: TokenStatistics | Tensor,
    { dLogProb, dEntropy }: TokenGradient,
  ) {
    const n = ids.length, numbers = "logProb" in statistics ? rowsOf(statistics) : statistics;
    const slopes = dEntropy ?? new Float32Array(n);
    expectNumbers(numbers, [n, 3], "statistics");
    expectNumbers(dLogProb, [n], "dLogProb");
    expectNumbers(slopes, [n], "dEntropy");
    this.ids = this.#place(ids, [n]);
    this.statistics = this.#place(numbers, [n, 3]);
    this.dLogProb = this.#place(dLogProb, [n]);
    this.dEntropy = this.#place(slopes, [n]);
  }

  #place(numbers: Tensor | Int32Array | Float32Array, shape: readonly number[]): GpuTensor {
    if (!ArrayBuffer.isView(numbers)) return numbers as GpuTensor;
    const tensor = this.arena.alloc(shape, numbers instanceof Float32Array ? "f32" : "i32");
    const { buffer, byteOffset, byteLength } = numbers;
    this.queue.write(tensor, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
    this.#copies.push(tensor);
    return tensor;
  }

  /** Frees the copies of what the host had. */
  release(): void {
    for (const tensor of this.#copies.splice(0)) this.arena.release(tensor);
  }
}

function expectNumbers(numbers: Tensor | Float32Array, shape: readonly number[], what: string): void {
  if (!ArrayBuffer.isView(numbers)) expectShape(numbers as GpuTensor, shape, `lmHeadBackward: ${what}`);
  else if (numbers.length !== shape.reduce((size, dim) => size * dim)) {
    throw new Error(`lmHeadBackward: ${numbers.length} numbers in ${what} for ${shape[0]} rows`);
  }
}

function rowsOf({ logProb, logSumExp, entropy }: TokenStatistics): Float32Array {
  const n = logProb.length, rows = new Float32Array(3 * n);
  if (logSumExp.length !== n || entropy.length !== n) {
    throw new Error(
      `lmHeadBackward: statistics of ${n}, ${logSumExp.length} and ${entropy.length} tokens`,
    );
  }
  for (let i = 0; i < n; i++) rows.set([logProb[i]!, logSumExp[i]!, entropy[i]!], 3 * i);
  return rows;
}

// A workgroup for each 256 columns (x) of a row (y).
const code = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = group.x * ${threads}u + local;
  if (column >= p.width) { return; }
  let row = p.statistics_base + 3u * group.y;
  let at = p.logits_base + group.y * p.width + column;
  let log_p = fma(logits[at], p.inverse_t, -statistics[row + 1u]);
  let slope = d_log_prob[p.d_log_prob_base + group.y] * p.inverse_t;
  let entropy_slope = d_entropy[p.d_entropy_base + group.y] * p.inverse_t;
  let factor = fma(entropy_slope, log_p + statistics[row + 2u], slope);
  let own = select(0.0f, slope, ids[p.ids_base + group.y] == i32(p.first + column));
  logits[at] = fma(-exp(log_p), factor, own);
}`;

/**
 * Turns a tile of logits [rows, columns] into their gradient.
 *
 * @param first id of the tile's first column
 * @param from number of the tile's first row
 */
export function logitsGradient(
  queue: CommandQueue,
  logits: GpuTensor,
  first: number,
  from: number,
  inverseT: number,
  { ids, statistics, dLogProb, dEntropy }: GradientRows,
): void {
  const [rows, width] = logits.shape as [number, number], to = from + rows;
  const kernel = queue.kernel("lm-head-gradient", () => ({
    name: "lm-head-gradient",
    params: { width: "u32", first: "u32", inverse_t: "f32" },
    bindings: {
      ids: "in i32",
      statistics: "in f32",
      d_log_prob: "in f32",
      d_entropy: "in f32",
      logits: "out f32",
    },
    code,
  }));
  const bindings = {
    ids: ids.rows(from, to),
    statistics: statistics.rows(from, to),
    d_log_prob: dLogProb.rows(from, to),
    d_entropy: dEntropy.rows(from, to),
    logits,
  };
  queue.run(kernel, bindings, { width, first, inverse_t: inverseT }, [Math.ceil(width / threads), rows]);
}
