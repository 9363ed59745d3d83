/**
 * How much memory a GPU has to give. WebGPU does not tell, so it is asked for, a piece at a time, until the GPU refuses or
 * enough is there, and given back at once. That is more than a guess: Deno has wgpu refuse a buffer with which the driver's
 * budget would be 97 % full, what other programs use included (`MemoryBudgetThresholds` in denoland/deno, ext/webgpu/lib.rs).
 *
 * What decoding makes of it changes how many sequences decode together, and so its speed, but no bit of any result.
 *
 * @module
 */
import { openAdapter, type OpenedAdapter } from "./adapter.ts";

/** Bytes that are asked for at a time, and beyond which nobody here asks. */
const piece = 2 ** 30, enough = 64 * 2 ** 30;

/** Bytes for keys and values: at least and at most, and those where it cannot be asked for. */
const fewest = 2 ** 28, most = 16 * 2 ** 30, unknown = 2 ** 31;

/** Of llvmpipe and the like, which share the memory of a CPU, and its caches. */
const ofSoftware = 2 ** 28;

/**
 * Bytes that a device could give at this moment, in whole gigabytes, up to `limit`.
 *
 * @param device nobody else's: should a driver lose it for being asked too much, what it gave before counts
 */
export async function roomOn(device: GPUDevice, limit = enough): Promise<number> {
  const size = Math.min(piece, device.limits.maxBufferSize), held: GPUBuffer[] = [];
  try {
    for (let room = 0; room < limit; room += size) {
      device.pushErrorScope("out-of-memory");
      const buffer = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE });
      if (await device.popErrorScope().catch((error: unknown) => error) !== null) break;
      held.push(buffer);
    }
    return held.length * size;
  } finally {
    for (const buffer of held) buffer.destroy();
  }
}

/**
 * Whether an adapter can be asked how much memory it has. Metal gives more than there is and starts to swap; a software
 * adapter has what the machine has.
 */
export function tellsRoom({ software }: { readonly software: boolean }): boolean {
  return !software && Deno.build.os !== "darwin";
}

/**
 * Bytes for the keys and values of decoding on a GPU with so much room: a quarter of it. Weights, what training keeps of each
 * of them and its activations have the rest; a cache that grows holds up to half as much again for a while.
 */
export function cacheBytesFor(room: number): number {
  return Math.max(fewest, Math.min(most, Math.floor(room / 4)));
}

/** What the GPU answered: it is asked once in a process, which may open many devices. */
let asked: Promise<number> | null = null;

/** Asks on a device of its own. */
async function ask(): Promise<number> {
  const { device } = await openAdapter();
  try {
    return await roomOn(device);
  } finally {
    device.destroy();
  }
}

/** Bytes that decoding may use for keys and values on an adapter. */
export async function cacheBytesOf(adapter: Pick<OpenedAdapter, "software">): Promise<number> {
  if (adapter.software) return ofSoftware;
  if (!tellsRoom(adapter)) return unknown;
  return cacheBytesFor(await (asked ??= ask()));
}
