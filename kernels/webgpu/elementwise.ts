/**
 * Ops on elements: fill, add, SwiGLU.
 *
 * @module
 */
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Entry point over element index `i` < p.count, in which `body` computes. */
const overElements = (functions: string, body: string) =>
  `${workgroupIndex}${functions}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + local;
  if (i >= p.count) { return; }
  ${body}
}`;

const silu = `
fn sigmoid(z: f32) -> f32 { return 1.0f / (1.0f + exp(-z)); }
`;

const swigluBody = `
  let z = gate[p.gate_base + i];
  y[p.y_base + i] = z * sigmoid(z) * up[p.up_base + i];`;

// silu'(z) = s + z·s·(1 − s), s = sigmoid(z).
const swigluGradient = (gate: string, up: string, dGate: string, dUp: string) => `
  let z = ${gate}; let u = ${up}; let g = dy[p.dy_base + i];
  let s = sigmoid(z);
  ${dGate} = g * u * fma(z * s, 1.0f - s, s);
  ${dUp} = g * z * s;`;

/** See the module comment. */
export class ElementwiseOps {
  constructor(readonly queue: CommandQueue) {}

  /** target ← value, for f32 and i32; bf16 takes 0 only. */
  fill(target: GpuTensor, value: number): void {
    const { dtype } = target;
    target.note(dtype === "i32" ? new Int32Array(target.size).fill(value) : undefined);
    if (dtype === "bf16" && (value !== 0 || target.size % 2 !== 0 || target.offset % 4 !== 0)) {
      throw new Error(`fill: [${target.shape}] of bf16 with ${value}`);
    }
    if (value === 0) {
      this.queue.clear(target);
      return;
    }
    const kernel = this.queue.kernel("fill", () => ({
      name: "fill",
      params: { count: "u32", bits: "u32" },
      bindings: { y: "out u32" },
      code: overElements("", "y[p.y_base + i] = p.bits;"),
    }));
    const bits = new Uint32Array(
      dtype === "f32" ? Float32Array.of(value).buffer : Int32Array.of(value).buffer,
    )[0]!;
    for (const [y] of this.#pieces(target)) {
      this.queue.run(kernel, { y }, { count: y.size, bits }, this.#groups(y.size));
    }
  }

  /** y ← x + y. */
  add(x: GpuTensor, y: GpuTensor): void {
    if (x.size !== y.size || x.dtype !== "f32" || y.dtype !== "f32") {
      throw new Error(`add: [${x.shape}] ${x.dtype} to [${y.shape}] ${y.dtype}`);
    }
    const kernel = this.queue.kernel("add", () => ({
      name: "add",
      params: { count: "u32" },
      bindings: { x: "in f32", y: "out f32" },
      code: overElements("", "y[p.y_base + i] = x[p.x_base + i] + y[p.y_base + i];"),
    }));
    for (const [a, b] of this.#pieces(x, y)) {
      this.queue.run(kernel, { x: a, y: b }, { count: a.size }, this.#groups(a.size));
    }
  }

  /** y ← silu(gate) · up. */
  swiglu(gate: GpuTensor, up: GpuTensor, y: GpuTensor): void {
    for (const tensor of [up, y, gate]) expectShape(tensor, gate.shape, "swiglu");
    const kernel = this.queue.kernel("swiglu", () => ({
      name: "swiglu",
      params: { count: "u32" },
      bindings: { gate: "in f32", up: "in f32", y: "out f32" },
      code: overElements(silu, swigluBody),
    }));
    for (const [g, u, to] of this.#pieces(gate, up, y)) {
      this.queue.run(kernel, { gate: g, up: u, y: to }, { count: g.size }, this.#groups(g.size));
    }
  }

  /** Gradients of {@linkcode ElementwiseOps.swiglu}; dGate may be gate, dUp may be up. */
  swigluBackward(dy: GpuTensor, gate: GpuTensor, up: GpuTensor, dGate: GpuTensor, dUp: GpuTensor): void {
    for (const tensor of [dy, gate, up, dGate, dUp]) expectShape(tensor, gate.shape, "swigluBackward");
    if (dGate.slab === gate.slab && dUp.slab === up.slab) {
      const kernel = this.queue.kernel("swiglu-backward-in-place", () => ({
        name: "swiglu-backward-in-place",
        params: { count: "u32" },
        bindings: { dy: "in f32", gate: "out f32", up: "out f32" },
        code: overElements(
          silu,
          swigluGradient(
            "gate[p.gate_base + i]",
            "up[p.up_base + i]",
            "gate[p.gate_base + i]",
            "up[p.up_base + i]",
          ),
        ),
      }));
      for (const [d, g, u] of this.#pieces(dy, gate, up)) {
        this.queue.run(kernel, { dy: d, gate: g, up: u }, { count: d.size }, this.#groups(d.size));
      }
      return;
    }
    const kernel = this.queue.kernel("swiglu-backward", () => ({
      name: "swiglu-backward",
      params: { count: "u32" },
      bindings: { dy: "in f32", gate: "in f32", up: "in f32", d_gate: "out f32", d_up: "out f32" },
      code: overElements(
        silu,
        swigluGradient(
          "gate[p.gate_base + i]",
          "up[p.up_base + i]",
          "d_gate[p.d_gate_base + i]",
          "d_up[p.d_up_base + i]",
        ),
      ),
    }));
    for (const [d, g, u, dg, du] of this.#pieces(dy, gate, up, dGate, dUp)) {
      this.queue.run(
        kernel,
        { dy: d, gate: g, up: u, d_gate: dg, d_up: du },
        { count: d.size },
        this.#groups(d.size),
      );
    }
  }

  #groups(count: number) {
    return spread(Math.ceil(count / threads), this.queue.maxGroups);
  }

  /** Tensors of equal size as flat pieces that a binding can hold. */
  *#pieces<T extends GpuTensor[]>(...tensors: T): Generator<{ [K in keyof T]: GpuTensor }> {
    const { size } = tensors[0]!, most = Math.floor(this.queue.maxBinding / 4);
    for (let start = 0; start < size; start += most) {
      const end = Math.min(size, start + most);
      yield tensors.map((tensor) =>
        start === 0 && end === size ? tensor : tensor.reshaped([size]).rows(start, end)
      ) as { [K in keyof T]: GpuTensor };
    }
  }
}
