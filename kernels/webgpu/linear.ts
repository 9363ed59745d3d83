/**
 * Linear maps and their gradients, as products of matrices (`matmul.ts`), and the vocabulary head's by columns.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import { columnSums } from "./column_sums.ts";
import { Matmul } from "./matmul.ts";
import type { Product } from "./matmul_product.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";

/** See the module comment. */
export class LinearOps {
  readonly matmul: Matmul;

  constructor(readonly queue: CommandQueue, readonly arena: Arena) {
    this.matmul = new Matmul(queue, arena);
  }

  /** y[n, out] ← x[n, in] · wᵀ (+ bias[out]) (+ residual[n, out]); w [out, in], f32, bf16 or f16. */
  forward(x: GpuTensor, w: GpuTensor, y: GpuTensor, bias?: GpuTensor, residual?: GpuTensor): void {
    const n = x.shape[0]!, [outputs, inputs] = w.shape as [number, number];
    expectShape(x, [n, inputs], "linear: x");
    expectWeight(w, "linear: w");
    expectShape(y, [n, outputs], "linear: y");
    if (bias) expectShape(bias, [outputs], "linear: bias");
    if (residual) expectShape(residual, [n, outputs], "linear: residual");
    this.matmul.run({ ...forwardProduct(x, w, y), bias, residual });
  }

  /** dx[n, in] (+)= dy[n, out] · w[out, in]. */
  backwardInput(dy: GpuTensor, w: GpuTensor, dx: GpuTensor, accumulate: boolean): void {
    const n = dy.shape[0]!, [outputs, inputs] = w.shape as [number, number];
    expectShape(dy, [n, outputs], "linearBackwardInput: dy");
    expectWeight(w, "linearBackwardInput: w");
    expectShape(dx, [n, inputs], "linearBackwardInput: dx");
    this.matmul.run({
      a: dy,
      aLayout: "inner",
      b: w,
      bLayout: "outer",
      c: dx,
      rows: n,
      columns: inputs,
      inner: outputs,
      accumulate,
    });
  }

  /** dw[out, in] (+)= dy[n, out]ᵀ · x[n, in]; dBias[out] (+)= Σ_rows dy. */
  backwardWeight(dy: GpuTensor, x: GpuTensor, dw: GpuTensor, accumulate: boolean, dBias?: GpuTensor): void {
    const n = dy.shape[0]!, [outputs, inputs] = dw.shape as [number, number];
    expectShape(dy, [n, outputs], "linearBackwardWeight: dy");
    expectShape(x, [n, inputs], "linearBackwardWeight: x");
    expectShape(dw, [outputs, inputs], "linearBackwardWeight: dw");
    if (dBias) expectShape(dBias, [outputs], "linearBackwardWeight: dBias");
    if (n === 0) {
      if (!accumulate) { for (const tensor of [dw, dBias]) if (tensor) this.queue.clear(tensor); }
      return;
    }
    this.matmul.run({
      a: dy,
      aLayout: "outer",
      b: x,
      bLayout: "outer",
      c: dw,
      rows: outputs,
      columns: inputs,
      inner: n,
      accumulate,
    });
    if (dBias) columnSums(this.queue, this.arena, dy, dBias, accumulate);
  }
}

/** y ← x · wᵀ. */
export function forwardProduct(x: GpuTensor, w: GpuTensor, y: GpuTensor): Product {
  const [columns, inner] = w.shape as [number, number];
  return { a: x, aLayout: "inner", b: w, bLayout: "inner", c: y, rows: x.shape[0]!, columns, inner };
}

/** Fails unless a tensor is a matrix of weights. */
export function expectWeight({ shape, dtype }: GpuTensor, what: string): void {
  if (shape.length !== 2 || dtype === "i32") throw new Error(`${what}: [${shape}] of ${dtype}`);
}
