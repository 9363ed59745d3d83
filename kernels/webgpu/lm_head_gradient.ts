/**
 * Gradient of the statistics with respect to logits, over the logits themselves.
 *
 * With z = logits / T and p = exp(z − logSumExp):
 * ∂/∂logits[j] of dLogProb·logProb + dEntropy·entropy = (dLogProb·([j = id] − p) − dEntropy·p·(log p + entropy)) / T.
 *
 * @module
 */
import type { TokenStatistics } from "../device.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

const threads = 256;

/** 32-bit words of a row of {@linkcode gradientRows}. */
export const gradientRowWords = 5;

/** What the gradient of each row depends on, [rows, 5]: id, logSumExp, entropy, dLogProb / T, dEntropy / T. */
export function gradientRows(
  ids: Int32Array,
  { logSumExp, entropy }: TokenStatistics,
  { dLogProb, dEntropy }: { dLogProb: Float32Array; dEntropy?: Float32Array },
  inverseT: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(gradientRowWords * ids.length), numbers = new Float32Array(words.buffer);
  ids.forEach((id, i) => {
    const at = gradientRowWords * i;
    words[at] = id;
    numbers.set(
      [logSumExp[i]!, entropy[i]!, dLogProb[i]! * inverseT, (dEntropy?.[i] ?? 0) * inverseT],
      at + 1,
    );
  });
  return words;
}

// A workgroup for each 256 columns (x) of a row (y).
const code = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = group.x * ${threads}u + local;
  if (column >= p.width) { return; }
  let row = p.table_base + ${gradientRowWords}u * group.y;
  let at = p.logits_base + group.y * p.width + column;
  let log_p = fma(logits[at], p.inverse_t, -bitcast<f32>(table[row + 1u]));
  let slope = bitcast<f32>(table[row + 3u]);
  let factor = fma(bitcast<f32>(table[row + 4u]), log_p + bitcast<f32>(table[row + 2u]), slope);
  let own = select(0.0f, slope, table[row] == p.first + column);
  logits[at] = fma(-exp(log_p), factor, own);
}`;

/**
 * Turns a tile of logits [rows, columns] into their gradient.
 *
 * @param first id of the tile's first column
 * @param table as {@linkcode gradientRows} makes it, [rows, 5]
 */
export function logitsGradient(
  queue: CommandQueue,
  logits: GpuTensor,
  first: number,
  inverseT: number,
  table: GpuTensor,
): void {
  const [rows, width] = logits.shape as [number, number];
  const kernel = queue.kernel("lm-head-gradient", () => ({
    name: "lm-head-gradient",
    params: { width: "u32", first: "u32", inverse_t: "f32" },
    bindings: { table: "in u32", logits: "out f32" },
    code,
  }));
  queue.run(kernel, { table, logits }, { width, first, inverse_t: inverseT }, [
    Math.ceil(width / threads),
    rows,
  ]);
}
