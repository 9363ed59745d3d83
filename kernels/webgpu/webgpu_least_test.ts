/**
 * Conformance with the kernels that GPUs get and the least that the engine opens on: no features, the limits of
 * `neededLimits`, and those that WebGPU promises. Where the adapter computes on the CPU, `webgpu_test.ts` runs other
 * kernels of products. New buffers are full of NaN here, not of zeros as WebGPU has them: memory that is used again holds
 * anything, and no kernel may depend on what it did not write.
 */
import { testConformance } from "../conformance/mod.ts";
import { findAdapter, neededLimits, type OpenedAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

/** Fills the buffers that a device makes with NaN, up to 16 MiB. */
function poison(device: GPUDevice): void {
  const create = device.createBuffer.bind(device), { STORAGE } = GPUBufferUsage;
  device.createBuffer = (descriptor) => {
    if ((descriptor.usage & STORAGE) === 0 || descriptor.size > 2 ** 24) return create(descriptor);
    const buffer = create({ ...descriptor, mappedAtCreation: true });
    new Uint32Array(buffer.getMappedRange()).fill(0x7fc0dead);
    buffer.unmap();
    return buffer;
  };
}

async function openLeast(): Promise<OpenedAdapter> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const device = await adapter.requestDevice({ requiredLimits: neededLimits });
  poison(device);
  const features = { subgroups: false, f16: false, timestamps: false };
  return { device, name: adapter.info.description, driver: null, software: false, features };
}

if (await findAdapter()) {
  testConformance("webgpu with the least", async () => createWebGpuDevice({ adapter: await openLeast() }));
} else Deno.test.ignore("webgpu with the least: no adapter on this machine", () => {});
