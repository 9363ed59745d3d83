/**
 * The work of `export`: verifies, writes into a folder that appears at once, and says what is in it.
 *
 * @module
 */
import { dirname, join, resolve, sep } from "node:path";
import { UsageError } from "#errors";
import { isFolder, isTaken } from "../lib/files.ts";
import { writeDirectoryAtomic } from "../lib/journal/atomic.ts";
import type { WrittenFile } from "../lib/export/checksums.ts";
import type { ExportFormat, ExportOptions } from "./export.ts";
import { exportArm } from "./export_arm.ts";
import { exportCrate } from "./export_crate.ts";
import { exportedArm, requireArm } from "./exported_arm.ts";
import type { CommandIo } from "./io.ts";

/** What an export wrote. */
export interface Exported {
  /** The folder that was made. */
  readonly folder: string;
  readonly format: ExportFormat;
  /** Null for a whole run. */
  readonly arm: string | null;
  /** Identity of the run. */
  readonly run: string;
  /** Files of the folder, sorted by path. */
  readonly files: readonly WrittenFile[];
  /** What a user should know. */
  readonly remarks: readonly string[];
}

/**
 * Exports an arm or a run.
 *
 * @throws {UsageError} if the folder exists, or the options contradict each other
 * @throws as {@linkcode exportedArm}
 */
export async function exportRun(options: ExportOptions, io: CommandIo): Promise<Exported> {
  const { folder, arm, format, out } = options,
    places = { backbone: options.backbone, dataRoot: options.dataRoot };
  if (format === "ro-crate" && arm !== undefined) {
    throw new UsageError(
      `--arm "${arm}" together with --format ro-crate`,
      "leave --arm out: a crate is of a whole run",
    );
  }
  requireRoom(out, folder);
  const files: WrittenFile[] = [];
  const written = (list: readonly WrittenFile[]) => void files.push(...list);
  const about = { folder: out, format, arm: arm ?? null, files };
  if (format === "ro-crate") {
    const { identity: run, remarks } = await into(
      out,
      (part) => exportCrate(folder, part, places, written, io),
    );
    return { ...about, run, remarks };
  }
  if (arm === undefined) requireArm(folder, format);
  const exported = await exportedArm(folder, arm, places, io);
  const remarks = await into(out, (part) => exportArm(exported, format, part, written, io));
  return { ...about, run: exported.documents.stored.identity, remarks };
}

/** Fills a folder that appears at once, and passes on what the filling gives. */
async function into<T>(out: string, fill: (part: string) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined;
  try {
    await writeDirectoryAtomic(resolve(out), async (part) => {
      result = { value: await fill(part) };
    });
  } catch (error) {
    if (result === undefined || !isTaken(out)) throw error;
    // Another process made it meanwhile.
    throw new UsageError(`"${out}" exists already`, "name another folder: nothing is overwritten", {
      cause: error,
    });
  }
  return result!.value;
}

/**
 * Says before the work what stands in the way of the result.
 *
 * @throws {UsageError} if there is something, or the folder would lie in the run's
 */
function requireRoom(out: string, run: string): void {
  if (isTaken(out)) {
    throw new UsageError(`"${out}" exists already`, "name another folder: nothing is overwritten");
  }
  const parent = dirname(resolve(out));
  if (isFolder(run) && `${realPath(parent)}${sep}`.startsWith(`${Deno.realPathSync(run)}${sep}`)) {
    throw new UsageError(
      `"${out}" lies in the folder of the run`,
      "name a folder elsewhere: a run's own stays as it is",
    );
  }
  const trial = `${resolve(out)}.part-${Deno.pid}`;
  Deno.mkdirSync(trial, { recursive: true });
  Deno.removeSync(trial);
}

/** The path without links, as far as it exists. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}
