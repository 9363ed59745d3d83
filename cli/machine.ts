/**
 * Facts about this machine that a run depends on.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** See {@linkcode readMachine}. Sizes in bytes. */
export interface Machine {
  readonly os: string;
  readonly architecture: string;
  readonly deno: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memory: { readonly total: number; readonly available: number };
  /** Free space where `path` is. */
  readonly disk: { readonly path: string; readonly free: number };
}

/** Looks at the machine, and at the disk that holds `path`. */
export function readMachine(path: string): Machine {
  const { total, available } = Deno.systemMemoryInfo();
  const { bavail, bsize } = statfsSync(path);
  return {
    os: `${Deno.build.os} ${Deno.osRelease()}`,
    architecture: Deno.build.arch,
    deno: Deno.version.deno,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: { total, available },
    disk: { path, free: bavail * bsize },
  };
}
