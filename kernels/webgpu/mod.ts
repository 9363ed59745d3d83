/**
 * The WebGPU engine: the op vocabulary in WGSL, on any adapter that Deno's WebGPU reaches.
 *
 * How the parts fit. `adapter.ts` opens a device; `engine.ts` hands every op to the file that has its kernels; `queue.ts`
 * collects dispatches and copies and submits them; `kernel.ts` turns a kernel written as data into a pipeline; `arena.ts` owns
 * the buffers, `tensor.ts` is a piece of one; `transfers.ts` fills and reads them, by way of `readback.ts`; `failures.ts` keeps
 * the first error. The other files are the ops.
 *
 * Bits. No float atomics and no race decides an order of summation: the same calls give the same bits, and a row's result
 * does not depend on what else is in the batch.
 *
 * @module
 */
import type { Device } from "../device.ts";
import { openAdapter, type OpenedAdapter } from "./adapter.ts";
import { cacheBytesOf } from "./device_memory.ts";
import { WebGpuEngine } from "./engine.ts";
import type { QueueOptions } from "./queue.ts";
import type { KernelTime } from "./timer.ts";

/** A WebGPU engine. */
export interface WebGpuDevice extends Device {
  /** Kernels by the time that they took on the GPU since the last call, slowest first; copies are not among them. */
  kernelTimes(): Promise<KernelTime[]>;
}

/** Settings of {@linkcode createWebGpuDevice}. */
export interface WebGpuOptions extends QueueOptions {
  /** An adapter that is open already, in place of the one that the system offers first. The engine destroys it. */
  readonly adapter?: OpenedAdapter;
}

/**
 * A WebGPU engine on the adapter that the system offers first, software adapters included.
 *
 * @throws {MissingError} if there is no adapter, with the cure for this operating system
 */
export async function createWebGpuDevice(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const adapter = options.adapter ?? await openAdapter();
  return new WebGpuEngine(adapter, options, await cacheBytesOf(adapter));
}
