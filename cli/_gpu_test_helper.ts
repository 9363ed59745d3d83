/**
 * Tests that need a WebGPU adapter, a software one included.
 *
 * @module
 */
import { findAdapter } from "../kernels/webgpu/adapter.ts";

/** The adapter of this machine, null where there is none. */
export const adapter = await findAdapter();

/** Registers a test that is ignored where there is no adapter; it may wait for events of a device that is gone. */
export function gpuTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: adapter === null, sanitizeOps: false, sanitizeResources: false, fn });
}
