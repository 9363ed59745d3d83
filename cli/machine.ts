/**
 * Facts about this machine that a run depends on.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { type Memory, readMemory } from "../kernels/free_memory.ts";

/** See {@linkcode readMachine}. Sizes in bytes. */
export interface Machine {
  readonly os: string;
  readonly architecture: string;
  readonly deno: string;
  readonly cpu: string;
  readonly cores: number;
  /** Under the limit of a container, if there is one. */
  readonly memory: Memory;
  /** Free space where `path` is. */
  readonly disk: { readonly path: string; readonly free: number };
}

/** Looks at the machine, and at the disk that holds `path`. */
export function readMachine(path: string): Machine {
  const { bavail, bsize } = statfsSync(path);
  return {
    os: `${Deno.build.os} ${Deno.osRelease()}`,
    architecture: Deno.build.arch,
    deno: Deno.version.deno,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: readMemory(),
    disk: { path, free: bavail * bsize },
  };
}
