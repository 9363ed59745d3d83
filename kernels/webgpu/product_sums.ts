/**
 * Sums over the rows of a product of matrices, in a fixed order and without atomics: the gradient of a norm's weight.
 * Blocks of rows are summed side by side, and a second pass adds up the blocks.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** A workgroup is as many columns wide, and this many of its threads share a column. */
const columns = 64, lanes = 4;

/** Blocks of rows, at most: the second pass is one long sum for each column. */
const mostBlocks = 128;

/** Rows of a block, at least. */
const fewestRows = 32;

/**
 * A workgroup sums rows [block · p.block_rows, …) of 64 columns: a thread every fourth row, then the four threads of a
 * column in pairs.
 */
const summing = (term: string, write: string) => `
var<workgroup> parts: array<f32, ${columns * lanes}>;
@compute @workgroup_size(${columns}, ${lanes})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  let column = group.x * ${columns}u + thread.x;
  // Threads past the last column sum it again and write nothing: all of them must reach the barrier.
  let at = min(column, p.width - 1u);
  let first = group.y * p.block_rows;
  let end = min(first + p.block_rows, p.rows);
  var sum = 0.0f;
  for (var row = first + thread.y; row < end; row += ${lanes}u) { ${term} }
  let slot = thread.y * ${columns}u + thread.x;
  parts[slot] = sum;
  workgroupBarrier();
  if (thread.y > 0u || column >= p.width) { return; }
  let low = parts[slot] + parts[slot + ${columns}u];
  let high = parts[slot + ${2 * columns}u] + parts[slot + ${3 * columns}u];
  let total = low + high;
  ${write}
}`;

const params = { rows: "u32", width: "u32", block_rows: "u32" } as const;

/** dw[j] += Σᵢ dy[i, j] · x[i, j] · scale[i] for dy, x [n, dim], scale [n], dw [dim]. */
export function addProductSums(
  queue: CommandQueue,
  arena: Arena,
  dy: GpuTensor,
  x: GpuTensor,
  scale: GpuTensor,
  dw: GpuTensor,
): void {
  const [rows = 0, width = 0] = x.shape, tiles = Math.ceil(width / columns);
  const blockRows = Math.max(fewestRows, Math.ceil(rows / mostBlocks)), blocks = Math.ceil(rows / blockRows);
  const partial = queue.kernel("product-sums", () => ({
    name: "product-sums",
    params,
    bindings: { dy: "in f32", x: "in f32", scale: "in f32", sums: "out f32" },
    code: summing(
      "let i = row * p.width + at; sum = fma(dy[p.dy_base + i], x[p.x_base + i] * scale[p.scale_base + row], sum);",
      "sums[p.sums_base + group.y * p.width + column] = total;",
    ),
  }));
  const total = queue.kernel("product-sums/add", () => ({
    name: "product-sums/add",
    params,
    bindings: { sums: "in f32", dw: "out f32" },
    code: summing("sum += sums[p.sums_base + row * p.width + at];", "dw[p.dw_base + column] += total;"),
  }));
  const sums = arena.alloc([blocks, width], "f32");
  queue.run(partial, { dy, x, scale, sums }, { rows, width, block_rows: blockRows }, [tiles, blocks]);
  queue.run(total, { sums, dw }, { rows: blocks, width, block_rows: blocks }, [tiles]);
  arena.release(sums);
}
