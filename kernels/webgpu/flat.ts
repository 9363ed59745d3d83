/**
 * Kernels over the elements of tensors of equal size, four at a time, whatever their shapes.
 *
 * @module
 */
import type { ParamType } from "./kernel.ts";
import { flatPieces } from "./pieces.ts";
import { inVectors, quadAccess, type QuadBinding, quadBindings, quadParams, quadsOf } from "./quads.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** An element-wise kernel as data. */
export interface FlatKernel<P extends string, B extends string> {
  readonly name: string;
  readonly params: Readonly<Record<P, ParamType>>;
  /** Tensors of 32-bit elements: `load_x(0u, quad)` is a quad of `x`, `store_x(0u, quad, value)` writes one. */
  readonly tensors: Readonly<Record<B, QuadBinding>>;
  /** Functions that the body calls. */
  readonly functions?: string;
  /** Computes quad `quad`. */
  readonly body: string;
}

/** Runs an element-wise kernel over tensors of equal size; what a binding cannot hold is done in pieces. */
export function overElements<P extends string, B extends string>(
  queue: CommandQueue,
  { name, params, tensors, functions = "", body }: FlatKernel<P, B>,
  bindings: Readonly<Record<NoInfer<B>, GpuTensor>>,
  values: Readonly<Record<NoInfer<P>, number>>,
): void {
  const names = Object.keys(tensors) as B[];
  for (const piece of flatPieces(queue.maxBinding, ...names.map((binding) => bindings[binding]))) {
    const { size } = piece[0]!, vectors = inVectors(size, ...piece);
    const variant = `${name}${vectors ? "/vec4" : ""}`, shape = quadsOf(size);
    const kernel = queue.kernel(variant, () => ({
      name: variant,
      params: { ...quadParams, ...params },
      bindings: quadBindings(tensors, vectors),
      code: `${workgroupIndex}${quadAccess(tensors, vectors)}${functions}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let quad = workgroup_index(group, groups) * ${threads}u + local;
  if (quad >= p.quads) { return; }
  ${body}
}`,
    }));
    const part = Object.fromEntries(names.map((binding, i) => [binding, piece[i]!])) as Record<B, GpuTensor>;
    const groups = spread(Math.ceil(shape.quads / threads), queue.maxGroups);
    queue.run(kernel, part, { ...shape, ...values } as Parameters<typeof queue.run>[2], groups);
  }
}
