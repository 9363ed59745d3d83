/**
 * Second pass of a product whose chunks were summed by different workgroups: adds them up in order, and for the gated pair of
 * a feed-forward block multiplies the two.
 *
 * @module
 */
import type { KernelSpec } from "./kernel.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { sigmoid, spread, workgroupIndex } from "./wgsl.ts";

/** Threads of a workgroup, an element of C each. */
const threads = 256;

type Param = "rows" | "columns" | "parts" | "c_stride" | "c_first";
type Binding = "parts" | "c" | "bias" | "residual";

function kernelName(accumulate: boolean, bias: boolean, residual: boolean): string {
  return `matmul-add-chunks${accumulate ? "-accumulate" : ""}${bias ? "-bias" : ""}${
    residual ? "-residual" : ""
  }`;
}

/** The kernel `c ← (0 or c) + parts[0] + parts[1] + … (+ bias) (+ residual)`; parts [parts, rows, columns]. */
function addChunksKernel(
  accumulate: boolean,
  bias: boolean,
  residual: boolean,
): KernelSpec<Param, Binding> {
  return {
    name: kernelName(accumulate, bias, residual),
    params: { rows: "u32", columns: "u32", parts: "u32", c_stride: "u32", c_first: "u32" },
    bindings: {
      parts: "in f32",
      c: "out f32",
      ...(bias && { bias: "in f32" }),
      ...(residual && { residual: "in f32" }),
    } as Record<Binding, "in f32" | "out f32">,
    code: `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + thread;
  let size = p.rows * p.columns;
  if (i >= size) { return; }
  let column = i % p.columns;
  let at = i / p.columns * p.c_stride + p.c_first + column;
  var total = ${accumulate ? "c[p.c_base + at]" : "0.0f"};
  for (var part = 0u; part < p.parts; part++) { total += parts[p.parts_base + part * size + i]; }
  ${bias ? "total += bias[p.bias_base + column];" : ""}
  ${residual ? "total += residual[p.residual_base + at];" : ""}
  c[p.c_base + at] = total;
}`,
  };
}

/** c ← (0 or c) + Σ parts (+ bias) (+ residual), in columns [cFirst, cFirst + columns) of c and of the residual. */
export function addChunks(
  queue: CommandQueue,
  sums: GpuTensor,
  parts: number,
  target: {
    rows: number;
    columns: number;
    c: GpuTensor;
    cFirst?: number;
    bias?: GpuTensor | undefined;
    residual?: GpuTensor | undefined;
    accumulate?: boolean;
  },
): void {
  const { rows, columns, c, cFirst = 0, bias, residual, accumulate = false } = target;
  const flags = [accumulate, bias !== undefined, residual !== undefined] as const;
  const kernel = queue.kernel(kernelName(...flags), () => addChunksKernel(...flags));
  const bindings = { parts: sums, c, ...(bias && { bias }), ...(residual && { residual }) };
  queue.run(
    kernel,
    bindings as Record<Binding, GpuTensor>,
    { rows, columns, parts, c_stride: c.shape[1]!, c_first: cFirst },
    spread(Math.ceil(rows * columns / threads), queue.maxGroups),
  );
}

/** `y ← silu(g) · u`, g and u summed as above, and multiplied in the order of `Device.swiglu`. */
const swigluCode = `${workgroupIndex}${sigmoid("f32")}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + thread;
  if (i >= p.size) { return; }
  var at = p.sums_base + i / p.columns * 2u * p.columns + i % p.columns;
  var z = 0.0f;
  var u = 0.0f;
  for (var part = 0u; part < p.parts; part++) {
    z += sums[at];
    u += sums[at + p.columns];
    at += 2u * p.size;
  }
  y[p.y_base + i] = z * sigmoid(z) * u;
}`;

/** y ← silu(Σ gate) · Σ up, of sums of chunks of both side by side, [parts · rows, 2 · columns], for y [rows, columns]. */
export function addSwigluChunks(queue: CommandQueue, sums: GpuTensor, y: GpuTensor): void {
  const kernel = queue.kernel("matmul-add-chunks-swiglu", () => ({
    name: "matmul-add-chunks-swiglu",
    params: { size: "u32", columns: "u32", parts: "u32" },
    bindings: { sums: "in f32", y: "out f32" },
    code: swigluCode,
  }));
  const { size } = y, params = { size, columns: y.shape[1]!, parts: sums.size / (2 * size) };
  queue.run(kernel, { sums, y }, params, spread(Math.ceil(size / threads), queue.maxGroups));
}
