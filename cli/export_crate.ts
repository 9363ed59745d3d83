/**
 * A whole run as an RO-Crate: a copy of its folder, which `verify` accepts as it does the original, and the document beside it.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { UsageError } from "#errors";
import { filesBelow, type WrittenFile } from "../lib/export/checksums.ts";
import { CRATE_FILE, roCrate } from "../lib/export/ro_crate.ts";
import { isLeftover, writeFileAtomic } from "../lib/journal/atomic.ts";
import { RunDocument } from "../lib/journal/layout.ts";
import { LOCK_FILE } from "../lib/journal/run_lock.ts";
import { readDocuments } from "../lib/verify/documents.ts";
import { RunFiles } from "../lib/verify/run_files.ts";
import { requireWhole } from "./exported_arm.ts";
import type { CommandIo } from "./io.ts";
import type { InputPlaces } from "./verify_inputs.ts";
import { verifyRun } from "./verify_run.ts";

/**
 * Writes the crate into an empty folder.
 *
 * @param onWritten gets every file with its digest
 * @returns identity of the run, and what a user should know
 * @throws {UsageError} if the run is not finished
 * @throws {CheckFailedError} if it does not verify
 */
export async function exportCrate(
  run: string,
  folder: string,
  places: InputPlaces,
  onWritten: (files: readonly WrittenFile[]) => void,
  io: CommandIo,
): Promise<{ identity: string; remarks: string[] }> {
  const files = RunFiles.open(run), { stored, lock } = readDocuments(files);
  const { checks, stages } = await verifyRun({ ...places, folder: run, replay: undefined }, io);
  requireWhole(checks, run);
  const open = stages.filter(({ state }) => state !== "finished");
  if (open.length > 0) {
    const [{ kind, name, how }] = open as [typeof open[0]];
    throw new UsageError(
      `the run is not finished: ${kind} ${name}, ${how}`,
      "finish it with the command that began it; a crate is of a whole run",
    );
  }
  io.progress.note("writing ro-crate");
  let ended = 0;
  for (const { path, kind } of files.below("")) {
    if (kind !== "file" || path === LOCK_FILE || isLeftover(path)) continue;
    io.signal.throwIfAborted();
    const target = join(folder, files.name, path);
    Deno.mkdirSync(dirname(target), { recursive: true });
    Deno.copyFileSync(files.path(path), target);
    ended = Math.max(ended, Deno.statSync(files.path(path)).mtime!.getTime());
  }
  const copied = filesBelow(join(folder, files.name));
  const ok = checks.filter(({ status }) => status === "ok").length;
  const crate = roCrate({
    ...{ folder: files.name, stored, lock, files: copied },
    ended: new Date(ended),
    published: new Date(),
    checked:
      `When the crate was made, ${ok} of ${checks.length} checks of \`grace-repro verify\` held, and none failed.`,
  });
  writeFileAtomic(join(folder, CRATE_FILE), JSON.stringify(crate, null, 2) + "\n");
  onWritten(filesBelow(folder));
  return { identity: stored.identity, remarks: remarksOn(files) };
}

/** What the run's own documents tell of the machine. */
function remarksOn(files: RunFiles): string[] {
  const home = /"(\/[^"\n]*|[A-Za-z]:\\\\[^"\n]*)"/;
  const telling = [RunDocument.intent, RunDocument.resolved].filter((name) => home.test(files.text(name)));
  return telling.length === 0 ? [] : [
    `${telling.join(" and ")} of ${
      basename(files.root)
    } name folders of this machine, as the run wrote them; a crate changes nothing`,
  ];
}
