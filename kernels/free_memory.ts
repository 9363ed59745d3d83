/**
 * How much memory there is for this process: the machine's, or what a container leaves of it.
 *
 * Deno reads files below `/sys` and `/proc` only for programs that may do everything, but tells the limit of the process's
 * control group (v1 or v2, Linux) to those that may ask about the system's memory. What is used under the limit it does not
 * tell: this process's own share is, which in a container is nearly all.
 *
 * @module
 */
import process from "node:process";

/** Memory in bytes. */
export interface Memory {
  readonly total: number;
  /** What can be had without swapping. */
  readonly available: number;
}

/**
 * What is left of a machine's memory under a limit.
 *
 * @param limit bytes; 0 stands for none, and so does more than there is
 * @param used bytes under the limit that are taken
 */
export function underLimit({ total, available }: Memory, limit: number, used: number): Memory {
  if (limit <= 0 || limit >= total) return { total, available };
  return { total: limit, available: Math.max(0, Math.min(available, limit - used)) };
}

/**
 * Memory of the machine, or of the container that this process is in.
 *
 * @throws {Deno.errors.NotCapable} where the system's memory may not be asked for
 */
export function readMemory(): Memory {
  return underLimit(Deno.systemMemoryInfo(), process.constrainedMemory(), Deno.memoryUsage().rss);
}
