/**
 * Tensors of one test: made from float64 numbers, read back, and freed together.
 *
 * @module
 */
import type { KvCache } from "../attention_types.ts";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor_types.ts";
import { f32ToBf16, f32ToF16 } from "../half_floats.ts";
import type { StoredType } from "../reference/random.ts";

/** A device with the tensors of one test; all are freed when the block that declares it with `using` ends. */
export class Workbench implements Disposable {
  readonly #tensors: Tensor[] = [];
  readonly #caches: KvCache[] = [];

  constructor(readonly device: Device) {}

  /** f32 tensor of numbers that are exact in f32. */
  put(values: Float64Array | Float32Array, ...shape: number[]): Tensor {
    return this.#keep(this.device.upload(Float32Array.from(values), shape));
  }

  /** Weights whose numbers are exact in the element type that they are stored in. */
  putWeights(stored: StoredType, values: Float64Array, ...shape: number[]): Tensor {
    if (stored === "f32") return this.put(values, ...shape);
    const round = stored === "bf16" ? f32ToBf16 : f32ToF16;
    return this.#keep(this.device.upload(round(Float32Array.from(values)), shape, stored));
  }

  /** i32 tensor [n]. */
  putIds(values: Int32Array): Tensor {
    return this.#keep(this.device.upload(values, [values.length]));
  }

  /** Output tensor. It starts as NaN, so that an element that an op leaves out (or reads) is noticed. */
  out(...shape: number[]): Tensor {
    const tensor = this.#keep(this.device.alloc(shape));
    this.device.fill(tensor, NaN);
    return tensor;
  }

  /** Empty cache, see {@linkcode Device.kvCache}. */
  cache(...args: Parameters<Device["kvCache"]>): KvCache {
    const cache = this.device.kvCache(...args);
    this.#caches.push(cache);
    return cache;
  }

  /** A workbench on the same device for a part of the test, to be declared with `using` as well. */
  nested(): Workbench {
    return new Workbench(this.device);
  }

  /** Content of several tensors. */
  read(...tensors: Tensor[]): Promise<Float32Array[]> {
    return Promise.all(tensors.map((tensor) => this.device.read(tensor)));
  }

  #keep(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    return tensor;
  }

  /** Frees what this workbench has made. */
  [Symbol.dispose](): void {
    for (const cache of this.#caches.splice(0)) this.device.cacheFree(cache);
    this.device.free(...this.#tensors.splice(0));
  }
}
