/**
 * Ops on elements: fill, add, SwiGLU.
 *
 * @module
 */
import { isHalf } from "../element_type.ts";
import { type FlatKernel, overElements } from "./flat.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { sigmoid } from "./wgsl.ts";

const fill = {
  name: "fill",
  params: { bits: "u32" },
  tensors: { y: "out u32" },
  body: "store_y(0u, quad, vec4(p.bits));",
} as const satisfies FlatKernel<string, string>;

const add = {
  name: "add",
  params: {},
  tensors: { x: "in f32", y: "out f32" },
  body: "store_y(0u, quad, load_x(0u, quad) + load_y(0u, quad));",
} as const satisfies FlatKernel<string, string>;

const swiglu = {
  name: "swiglu",
  params: {},
  tensors: { gate: "in f32", up: "in f32", y: "out f32" },
  functions: sigmoid("vec4<f32>"),
  body: `
  let z = load_gate(0u, quad);
  store_y(0u, quad, z * sigmoid(z) * load_up(0u, quad));`,
} as const satisfies FlatKernel<string, string>;

// silu'(z) = s + z·s·(1 − s), s = sigmoid(z).
const swigluGradient = (dGate: string, dUp: string) => `
  let z = load_gate(0u, quad); let u = load_up(0u, quad); let g = load_dy(0u, quad);
  let s = sigmoid(z);
  store_${dGate}(0u, quad, g * u * fma(z * s, 1.0f - s, s));
  store_${dUp}(0u, quad, g * z * s);`;

const swigluBackward = {
  name: "swiglu-backward",
  params: {},
  tensors: { dy: "in f32", gate: "in f32", up: "in f32", d_gate: "out f32", d_up: "out f32" },
  functions: sigmoid("vec4<f32>"),
  body: swigluGradient("d_gate", "d_up"),
} as const satisfies FlatKernel<string, string>;

/** Its gradients over its inputs, which a kernel may not read and write through two bindings. */
const swigluBackwardInPlace = {
  name: "swiglu-backward-in-place",
  params: {},
  tensors: { dy: "in f32", gate: "out f32", up: "out f32" },
  functions: sigmoid("vec4<f32>"),
  body: swigluGradient("gate", "up"),
} as const satisfies FlatKernel<string, string>;

/** See the module comment. */
export class ElementwiseOps {
  constructor(readonly queue: CommandQueue) {}

  /** target ← value, for f32 and i32; 16-bit elements only take 0. */
  fill(target: GpuTensor, value: number): void {
    const { dtype } = target;
    target.note(dtype === "i32" ? new Int32Array(target.size).fill(value) : undefined);
    if (isHalf(dtype) && (value !== 0 || target.size % 2 !== 0 || target.offset % 4 !== 0)) {
      throw new Error(`fill: [${target.shape}] of ${dtype} with ${value}`);
    }
    if (value === 0) {
      this.queue.clear(target);
      return;
    }
    const bits = new Uint32Array(
      dtype === "f32" ? Float32Array.of(value).buffer : Int32Array.of(value).buffer,
    )[0]!;
    overElements(this.queue, fill, { y: target }, { bits });
  }

  /** y ← x + y. */
  add(x: GpuTensor, y: GpuTensor): void {
    if (x.size !== y.size || x.dtype !== "f32" || y.dtype !== "f32") {
      throw new Error(`add: [${x.shape}] ${x.dtype} to [${y.shape}] ${y.dtype}`);
    }
    overElements(this.queue, add, { x, y }, {});
  }

  /** y ← silu(gate) · up. */
  swiglu(gate: GpuTensor, up: GpuTensor, y: GpuTensor): void {
    for (const tensor of [up, y, gate]) expectShape(tensor, gate.shape, "swiglu");
    overElements(this.queue, swiglu, { gate, up, y }, {});
  }

  /** Gradients of {@linkcode ElementwiseOps.swiglu}; dGate may be gate, dUp may be up. */
  swigluBackward(dy: GpuTensor, gate: GpuTensor, up: GpuTensor, dGate: GpuTensor, dUp: GpuTensor): void {
    for (const tensor of [dy, gate, up, dGate, dUp]) expectShape(tensor, gate.shape, "swigluBackward");
    if (same(dGate, gate) && same(dUp, up)) {
      overElements(this.queue, swigluBackwardInPlace, { dy, gate, up }, {});
    } else overElements(this.queue, swigluBackward, { dy, gate, up, d_gate: dGate, d_up: dUp }, {});
  }
}

/** Whether two tensors of one shape are the same memory, and not merely pieces of one buffer. */
function same(a: GpuTensor, b: GpuTensor): boolean {
  return a.slab === b.slab && a.offset === b.offset;
}
