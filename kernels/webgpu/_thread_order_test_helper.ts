/**
 * A device whose workgroups run their threads in another order: it renumbers the threads in every shader.
 *
 * llvmpipe runs the threads of a workgroup eight at a time, in lockstep, and one eight after the other up to the next barrier.
 * A kernel that lacks a barrier may give the right bits there always, and on a GPU sometimes. Renumbered, neighbours are no
 * longer in lockstep, and come in another order: what depends on that changes.
 *
 * @module
 */
import type { OpenedAdapter } from "./adapter.ts";
import { findAdapter, neededLimits } from "./adapter.ts";

/** Thread `at` of `count`, a power of two, stands in for thread (factor · at + shift) mod count; the factor is odd. */
export interface ThreadOrder {
  readonly factor: number;
  readonly shift: number;
}

/** Backwards; and neighbours far apart. */
export const orders: readonly ThreadOrder[] = [{ factor: -1, shift: -1 }, { factor: 11, shift: 5 }];

/** Whether there is an adapter to test on. */
export const isThere: boolean = await findAdapter() !== null;

/** A shader with its threads renumbered; null where it does not number them, or has no memory that they share. */
export function renumber(code: string, { factor, shift }: ThreadOrder): string | null {
  if (!code.includes("var<workgroup>")) return null;
  const [, sizes] = /@workgroup_size\(([^)]*)\)/.exec(code)!, [x = 1, y = 1] = sizes!.split(",").map(Number);
  const count = x * y,
    positive = ((factor % count) + count) % count,
    start = ((shift % count) + count) % count;
  const thread = `(physical * ${positive}u + ${start}u) % ${count}u`;
  return code.replace(
    /@builtin\(local_invocation_(index|id)\) (\w+): \S+\) \{/,
    (_, kind, name) =>
      `@builtin(local_invocation_index) physical: u32) {\n  let ${name} = ${
        kind === "index" ? thread : `vec3<u32>(${thread} % ${x}u, ${thread} / ${x}u, 0u)`
      };`,
  );
}

/**
 * An adapter with the kernels of GPUs, whatever it is, and renumbered threads.
 *
 * @param seen gets the names of the shaders that were renumbered
 */
export async function openInOrder(
  order: ThreadOrder | null,
  seen = new Set<string>(),
): Promise<OpenedAdapter> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const device = await adapter.requestDevice({ requiredLimits: neededLimits });
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const code = order && renumber(descriptor.code, order);
    if (code === null) return create(descriptor);
    if (code === descriptor.code) {
      throw new Error(`threads of "${descriptor.label}" are numbered another way`);
    }
    seen.add(descriptor.label!);
    return create({ ...descriptor, code });
  };
  const features = { subgroups: false, f16: false, timestamps: false };
  return { device, name: adapter.info.description, driver: null, software: false, features };
}
