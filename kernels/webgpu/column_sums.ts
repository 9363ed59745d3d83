/**
 * Sums over rows, the gradient of a bias, in a fixed order: blocks of rows are summed by increasing row, then the blocks.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import { addChunks } from "./matmul_chunks.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Rows of a block. */
const block = 128;

const threads = 64;

const code = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let column = group.x * ${threads}u + thread;
  if (column >= p.columns) { return; }
  let end = min(p.rows, (group.y + 1u) * ${block}u);
  var sum = 0.0f;
  for (var row = group.y * ${block}u; row < end; row++) { sum += x[p.x_base + row * p.columns + column]; }
  parts[p.parts_base + group.y * p.columns + column] = sum;
}`;

/** sum[columns] (+)= Σ_rows x[rows, columns]. */
export function columnSums(
  queue: CommandQueue,
  arena: Arena,
  x: GpuTensor,
  sum: GpuTensor,
  accumulate: boolean,
): void {
  const [rows, columns] = x.shape as [number, number];
  const kernel = queue.kernel("column-sums", () => ({
    name: "column-sums",
    params: { rows: "u32", columns: "u32" },
    bindings: { x: "in f32", parts: "out f32" },
    code,
  }));
  const fits = Math.floor(queue.maxBinding / (4 * columns));
  const piece = Math.min(rows, Math.max(block, fits - fits % block));
  for (let start = 0; start < rows; start += piece) {
    const end = Math.min(rows, start + piece), blocks = Math.ceil((end - start) / block);
    const parts = arena.alloc([blocks, columns], "f32");
    queue.run(kernel, { x: x.rows(start, end), parts }, { rows: end - start, columns }, [
      Math.ceil(columns / threads),
      blocks,
    ]);
    addChunks(queue, parts, blocks, {
      rows: 1,
      columns,
      c: sum.reshaped([1, columns]),
      accumulate: accumulate || start > 0,
    });
    arena.release(parts);
  }
}
