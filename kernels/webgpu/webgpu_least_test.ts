/**
 * Conformance once more, with the kernels that GPUs get and the least that the engine opens on: no features, the limits of
 * `neededLimits`, and those that WebGPU promises. Where the adapter computes on the CPU, `webgpu_test.ts` runs other
 * kernels of products.
 */
import { testConformance } from "../conformance/mod.ts";
import { findAdapter, neededLimits, type OpenedAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

async function openLeast(): Promise<OpenedAdapter> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const device = await adapter.requestDevice({ requiredLimits: neededLimits });
  const features = { subgroups: false, f16: false, timestamps: false };
  return { device, name: adapter.info.description, driver: null, software: false, features };
}

if (await findAdapter()) {
  testConformance("webgpu with the least", async () => createWebGpuDevice({ adapter: await openLeast() }));
} else Deno.test.ignore("webgpu with the least: no adapter on this machine", () => {});
