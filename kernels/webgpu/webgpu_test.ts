/**
 * Conformance on the adapter as it is. One that computes on the CPU has kernels of products of its own, and no others: the
 * rest is what `webgpu_least_test.ts` runs on the same adapter.
 */
import { productSuites, testConformance } from "../conformance/mod.ts";
import { findAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

const adapter = await findAdapter();
if (adapter) {
  testConformance("webgpu", () => createWebGpuDevice(), adapter.software ? productSuites : undefined);
} else Deno.test.ignore("webgpu: no adapter on this machine", () => {});
