/**
 * Files that are derived from others, compared with what they are derived to now: which value of which file is another one.
 *
 * @module
 */
import { isThere } from "../lib/files.ts";
import { jsonDifferences } from "../lib/journal/json_differences.ts";
import type { Checking } from "../lib/verify/check.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";

/**
 * Compares a folder of a run with one that was made again; every file must be the same, byte by byte.
 *
 * @param again folder outside the run; absent where nothing is derived to it
 */
export function compareTrees(files: RunFiles, folder: string, again: string, it: Checking): void {
  const made = isThere(again) ? namesBelow(again) : [];
  for (const name of made) compareFile(files, `${folder}/${name}`, Deno.readFileSync(`${again}/${name}`), it);
  for (const { path, kind } of files.below(folder)) {
    if (kind !== "folder" && !made.includes(path.slice(folder.length + 1))) {
      it.problem({ file: path, what: "is nothing that is derived from the records" });
    }
  }
}

function namesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? namesBelow(`${folder}/${name}`).map((below) => `${name}/${below}`) : [name]
  ).sort();
}

/** Compares a file of a run with what it is derived to, and tells the first values that differ. */
export function compareFile(files: RunFiles, file: string, again: string | Uint8Array, it: Checking): void {
  const entry = files.entry(file);
  if (entry === undefined) return it.problem({ file, what: "is not there" });
  const wanted = typeof again === "string" ? new TextEncoder().encode(again) : again;
  files.requirePlain(file);
  const stored = Deno.readFileSync(files.path(file));
  const at = firstByte(stored, wanted);
  if (at < 0) return;
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const isText = /\.(json|jsonl|csv|txt|md|svg|html)$/.test(file);
  if (!isText) {
    it.problem({ file, at: `byte ${at}`, stored: stored[at] ?? null, found: wanted[at] ?? null });
  } else if (file.endsWith(".json")) compareJson(file, decode(stored), decode(wanted), it);
  else compareLines(file, decode(stored), decode(wanted), it);
}

/** Whether a file of a run is what it is derived to, byte by byte. */
export function isSame(files: RunFiles, file: string, again: string | Uint8Array): boolean {
  if (files.entry(file) === undefined) return false;
  files.requirePlain(file);
  const wanted = typeof again === "string" ? new TextEncoder().encode(again) : again;
  return firstByte(Deno.readFileSync(files.path(file)), wanted) < 0;
}

/** Place of the first byte that differs; -1 if none does. */
function firstByte(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? -1 : length;
}

function compareJson(file: string, stored: string, wanted: string, it: Checking): void {
  let value: unknown;
  try {
    value = JSON.parse(stored);
  } catch (error) {
    return it.problem({ file, what: `is not JSON: ${(error as Error).message}` });
  }
  let differs = false;
  for (const { path, left, right } of jsonDifferences(value, JSON.parse(wanted))) {
    it.problem({ file, field: path, stored: left, found: right });
    differs = true;
  }
  if (!differs) it.problem({ file, what: "has the same values, written otherwise" });
}

/** Problems that a file of lines tells, at most: one line too few makes all that follow differ. */
const TOLD_LINES = 5;

function compareLines(file: string, stored: string, wanted: string, it: Checking): void {
  const [a, b] = [stored.split("\n"), wanted.split("\n")];
  let told = 0;
  for (let i = 0; i < Math.max(a.length, b.length) && told < TOLD_LINES; i++) {
    if (a[i] === b[i]) continue;
    told++;
    compareLine(file, i + 1, a[i], b[i], it);
  }
}

function compareLine(
  file: string,
  line: number,
  stored: string | undefined,
  wanted: string | undefined,
  it: Checking,
): void {
  const at = `line ${line}`, [left, right] = [recordOf(stored), recordOf(wanted)];
  const id = right?.["id"] ?? left?.["id"],
    place = id === undefined ? at : `${at}, item ${JSON.stringify(id)}`;
  if (left === undefined || right === undefined) {
    it.problem({ file, at, stored, found: wanted });
    return;
  }
  const [first] = jsonDifferences(left, right);
  if (first === undefined) it.problem({ file, at: place, what: "has the same values, written otherwise" });
  else it.problem({ file, at: place, field: first.path, stored: first.left, found: first.right });
}

function recordOf(line: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line ?? "");
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
