/**
 * A run of the lab that tests copy, tamper with and verify.
 *
 * @module
 */
import { join } from "node:path";
import { assert } from "#test";
import { type Check, describeProblem } from "../lib/verify/check.ts";
import { Lab, onlyFolder } from "./_lab.ts";
import type { CommandIo } from "./io.ts";
import { Progress } from "./progress.ts";
import { type Verification, verifyRun, type VerifyRunOptions } from "./verify_run.ts";

/** The journals of the arm grace, inside a run. */
export const steps = "arms/grace/steps.jsonl", rationales = "arms/grace/rationales.jsonl";

const silent = new Progress({
  write: () => {},
  interactive: false,
  color: false,
  quiet: true,
  columns: () => 80,
  now: () => 0,
});
/** Of a command that nobody watches. */
export const io: CommandIo = {
  json: false,
  color: false,
  columns: undefined,
  signal: new AbortController().signal,
  progress: silent,
  print: () => {},
  write: () => {},
};

let made: Promise<{ lab: Lab; run: string }> | undefined;

/** The run that all tests copy, made once. */
export function original(): Promise<{ lab: Lab; run: string }> {
  return made ??= (async () => {
    const lab = await Lab.create();
    globalThis.addEventListener("unload", () => lab[Symbol.dispose]());
    const { code, stderr } = await lab.run(lab.manifest({ arms: ["base", "cl", "grace"] }), "out");
    assert.equal(code, 0, stderr);
    return { lab, run: onlyFolder(lab.path("out")) };
  })();
}

let copies = 0;

/** A copy of the run under its own name, in a folder of another one. */
export async function copyRun(): Promise<string> {
  const { lab, run } = await original();
  const to = lab.path(`copy${copies++}`, run.split("/").at(-1)!);
  copyTree(run, to);
  return to;
}

/** Copies a folder. */
function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyTree(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** Names, sizes, contents and times of everything in a folder. */
export function traceOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return traceOf(path);
    return `${path} ${Deno.statSync(path).mtime!.getTime()} ${Deno.readFileSync(path).toHex()}`;
  }).sort();
}

/** Verifies a run of {@linkcode original}. */
export async function verify(
  folder: string,
  replay?: number,
  places: Partial<VerifyRunOptions> = {},
): Promise<Verification> {
  const { lab } = await original();
  return await verifyRun({ folder, replay, backbone: undefined, dataRoot: lab.path("data"), ...places }, io);
}

/** What failed: `journal grace: steps`. */
export const failed = (checks: readonly Check[]) =>
  checks.filter(({ status }) => status === "failed").map(({ part, name }) => `${part} ${name}`);

/** All problems as sentences, and notes. */
export const told = (checks: readonly Check[]) =>
  checks.flatMap(({ problems, notes, why }) => [...problems.map(describeProblem), ...notes, why ?? ""]).join(
    "\n",
  );

/** Edits a file; fails if nothing comes of it. */
export function editText(path: string, edit: (text: string) => string): void {
  const text = Deno.readTextFileSync(path), edited = edit(text);
  assert.notEqual(edited, text, `nothing was edited in ${path}`);
  Deno.writeTextFileSync(path, edited);
}

/** Edits lines of a file; the last one is empty. */
export const editLines = (path: string, edit: (lines: string[]) => string[]) =>
  editText(path, (text) => edit(text.split("\n")).join("\n"));

/** Changes the fourth decimal of a number in the record of a line, which is written as the program would write it. */
export function flipDigit(path: string, key: string, line = 0): void {
  editLines(path, (lines) => {
    const record = JSON.parse(lines[line]!);
    const flipped = String(record[key]).replace(
      /(\.\d{3})(\d)/,
      (_, before, digit) => before + (Number(digit) + 1) % 10,
    );
    return lines.with(line, JSON.stringify({ ...record, [key]: Number(flipped) }));
  });
}

/** Flips a bit of a byte, counted from the end. */
export function flipByte(path: string, fromEnd: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - fromEnd]! ^= 1;
  Deno.writeFileSync(path, bytes);
}
