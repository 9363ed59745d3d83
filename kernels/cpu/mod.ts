/**
 * The CPU engine: the op vocabulary on ONNX Runtime.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import type { Device } from "../device.ts";
import { CpuEngine } from "./engine.ts";

/**
 * A CPU engine.
 *
 * @param options `threads`: upper bound of threads per op, by default the number of cores. An op uses fewer where more
 * would let its bits depend on the batch.
 */
export function createCpuDevice(options: { threads?: number } = {}): Device {
  return new CpuEngine(options.threads ?? availableParallelism());
}
