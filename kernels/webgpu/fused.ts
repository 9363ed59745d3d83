/**
 * Parts of a decoder's layer in fewer dispatches, where few rows are decoded: a dispatch costs the host more than a large GPU
 * computes in it, and what the GPU loses between two of them comes on top.
 *
 * A product of few rows is summed in chunks by many workgroups, and its chunks are added up in a second dispatch. Whatever
 * belongs to its result is done there: biases and rotations of queries, keys and values, the norm of a row, the gate. What is
 * summed, and in which order, is the same as in the ops that this stands for, and so are the bits.
 *
 * @module
 */
import type { FusedOps } from "../blocks.ts";
import type { Projection } from "../layer_types.ts";
import type { Tensor } from "../tensor_types.ts";
import type { Arena } from "./arena.ts";
import { expectWeight, forwardProduct, type LinearOps } from "./linear.ts";
import { addSwigluChunks } from "./matmul_chunks.ts";
import { addMaps, type MapOfRows } from "./matmul_maps.ts";
import { normOfSums } from "./norm.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuRopeTable, RopeOps } from "./rope.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";

const gpu = (tensor: Tensor): GpuTensor => tensor as GpuTensor;

/** See the module comment. */
export class FusedLayerOps implements FusedOps {
  constructor(
    readonly queue: CommandQueue,
    readonly arena: Arena,
    readonly linear: LinearOps,
    readonly rope: RopeOps,
  ) {}

  /** Queries, keys and values: one dispatch for the chunks of all, and one that adds them up. */
  maps(h: Tensor, maps: readonly Projection[]): boolean {
    const some = this.#checkedMaps(gpu(h), maps);
    if (!some) return false;
    const sums = this.linear.matmul.jointSums(gpu(h), some.map(({ w }) => w));
    if (!sums) return false;
    addMaps(this.queue, sums, some);
    this.arena.release(sums);
    return true;
  }

  /** Null where maps have an odd number of columns, or are rotated by different positions. */
  #checkedMaps(h: GpuTensor, maps: readonly Projection[]): MapOfRows[] | null {
    const [n = 0] = h.shape, ropes = maps.flatMap(({ rope }) => rope ?? []), [first] = ropes;
    if (ropes.some(({ positions, table }) => positions !== first!.positions || table !== first!.table)) {
      return null;
    }
    const rotation = first && this.rope.rotation(first.positions, first.table as GpuRopeTable);
    const checked = maps.map(({ w, bias, rope, y }) => {
      const [columns = 0, inner = 0] = w.shape;
      expectWeight(gpu(w), "projections: w");
      expectShape(h, [n, inner], "projections: x");
      expectShape(gpu(y), [n, columns], "projections: y");
      if (bias) expectShape(gpu(bias), [columns], "projections: bias");
      if (rope) {
        expectShape(gpu(y), [rope.positions.length, rope.heads * rope.table.headDim], "projections: y");
      }
      return { w: gpu(w), bias: bias && gpu(bias), rope: rope && rotation, y: gpu(y) };
    });
    return checked.every(({ w }) => w.shape[0]! % 2 === 0) ? checked : null;
  }

  /** m ← x · wᵀ + residual and y ← rmsNorm(m): what adds up the chunks of the product sees a row whole. */
  addNorm(
    x: Tensor,
    w: Tensor,
    residual: Tensor,
    norm: Tensor,
    eps: number,
    m: Tensor,
    y: Tensor,
  ): boolean {
    const [n = 0] = x.shape, [outputs = 0, inputs = 0] = w.shape;
    expectShape(gpu(x), [n, inputs], "linear: x");
    expectWeight(gpu(w), "linear: w");
    for (const tensor of [residual, m, y]) expectShape(gpu(tensor), [n, outputs], "linear: y");
    expectShape(gpu(norm), [outputs], "rmsNorm: w");
    const product = forwardProduct(gpu(x), gpu(w), gpu(m)), { matmul } = this.linear;
    if (!matmul.spreads(product)) return false;
    const sums = matmul.chunkSums(product);
    normOfSums(this.queue, sums, gpu(residual), { w: gpu(norm), eps }, gpu(m), gpu(y));
    this.arena.release(sums);
    return true;
  }

  /** y ← silu(x · wGateᵀ) · (x · wUpᵀ): what adds up the chunks of both forms the gate as well. */
  swiglu(x: Tensor, wGate: Tensor, wUp: Tensor, y: Tensor): boolean {
    const [outputs = 0, inputs = 0] = wGate.shape, [n = 0] = x.shape;
    expectShape(gpu(x), [n, inputs], "swiglu: x");
    expectWeight(gpu(wGate), "swiglu: wGate");
    expectWeight(gpu(wUp), "swiglu: wUp");
    expectShape(gpu(y), [n, outputs], "swiglu: y");
    if (wUp.shape[0] !== outputs || wUp.shape[1] !== inputs) {
      throw new Error(`swiglu: wGate [${wGate.shape}], wUp [${wUp.shape}]`);
    }
    const sums = this.linear.matmul.jointSums(gpu(x), [gpu(wGate), gpu(wUp)]);
    if (!sums) return false;
    addSwigluChunks(this.queue, sums, gpu(y));
    this.arena.release(sums);
    return true;
  }
}
