/**
 * Tensors under names: weights, gradients and optimiser moments are such.
 *
 * @module
 */
import { collectGarbage } from "../../kernels/collect_garbage.ts";
import type { Device } from "../../kernels/device.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";

/** Tensors of one device by name, in a fixed order. */
export class NamedTensors {
  /** Takes the tensors over. */
  constructor(readonly device: Device, readonly tensors: ReadonlyMap<string, Tensor>) {}

  /** Zeros in the shape of others: moments of the optimiser, or gradients. */
  static zerosLike({ device, tensors }: NamedTensors): NamedTensors {
    return new NamedTensors(device, zeros(device, shapesOf(tensors)));
  }

  /** The tensor of that name; one that is not there is a defect. */
  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`no tensor "${name}"`);
    return tensor;
  }

  /** Sets everything to 0. */
  clear(): void {
    for (const tensor of this.tensors.values()) this.device.fill(tensor, 0);
  }

  /** Number of scalars. */
  get size(): number {
    let size = 0;
    for (const { shape } of this.tensors.values()) size += shape.reduce((a, b) => a * b, 1);
    return size;
  }

  /** Gives the memory back for something of the same sizes, which takes it again without touching new memory. */
  recycle(): void {
    this.device.free(...this.tensors.values());
  }

  /** Gives the memory back. */
  free(): void {
    this.recycle();
    // What comes next is another model, or another use of this one, with other sizes.
    this.device.trim();
    collectGarbage();
  }
}

/** New tensors of 0 in the given shapes. */
export function zeros(
  device: Device,
  shapes: Iterable<readonly [string, readonly number[]]>,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of shapes) {
    const tensor = device.alloc(shape);
    device.fill(tensor, 0);
    tensors.set(name, tensor);
  }
  return tensors;
}

/** The shapes of tensors, by name. */
export function shapesOf(tensors: ReadonlyMap<string, Tensor>): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, { shape }]) => [name, shape]));
}
