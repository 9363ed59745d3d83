/**
 * The optimiser step: AdamW, and the norm of all gradients together.
 *
 * @module
 */
import type { AdamWSpec } from "../training_types.ts";
import type { Arena } from "./arena.ts";
import { type FlatKernel, overElements } from "./flat.ts";
import { globalNorm } from "./global_norm.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/**
 * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← decay·p − rate·m / (√v·root + eps), in one pass over memory. The gradient is
 * scaled before it is squared: what is clipped hard may be too large for a square in f32.
 */
const adamW = {
  name: "adamw",
  params: {
    gradient_scale: "f32",
    beta1: "f32",
    rest1: "f32",
    beta2: "f32",
    rest2: "f32",
    decay: "f32",
    rate: "f32",
    root: "f32",
    eps: "f32",
  },
  tensors: { parameter: "out f32", gradient: "in f32", m: "out f32", v: "out f32" },
  body: `
  let g = load_gradient(0u, quad) * p.gradient_scale;
  let m = fma(load_m(0u, quad), vec4(p.beta1), g * p.rest1);
  let v = fma(load_v(0u, quad), vec4(p.beta2), g * g * p.rest2);
  store_m(0u, quad, m);
  store_v(0u, quad, v);
  let step = m / fma(sqrt(v), vec4(p.root), vec4(p.eps));
  store_parameter(0u, quad, fma(step, vec4(-p.rate), load_parameter(0u, quad) * p.decay));`,
} as const satisfies FlatKernel<string, string>;

/** See the module comment. */
export class OptimizerOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** ‖all gradients together‖₂. */
  globalNorm(gradients: readonly GpuTensor[]): Promise<number> {
    return globalNorm(this.queue, this.arena, gradients);
  }

  /** One update; see `Device.adamW`. The constants are computed in float64. */
  adamW(parameter: GpuTensor, gradient: GpuTensor, m: GpuTensor, v: GpuTensor, spec: AdamWSpec): void {
    for (const tensor of [parameter, gradient, m, v]) {
      if (tensor.size !== parameter.size || tensor.dtype !== "f32") {
        throw new Error(
          `adamW: [${tensor.shape}] of ${tensor.dtype} beside a parameter [${parameter.shape}]`,
        );
      }
    }
    const { beta1, beta2, learningRate, step } = spec;
    overElements(this.queue, adamW, { parameter, gradient, m, v }, {
      gradient_scale: spec.gradientScale,
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      decay: 1 - learningRate * spec.weightDecay,
      rate: learningRate / (1 - beta1 ** step),
      root: 1 / Math.sqrt(1 - beta2 ** step),
      eps: spec.eps,
    });
  }
}
