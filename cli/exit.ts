/**
 * From an error to what the user reads on stderr and the exit code of the process: the one place where that is decided.
 *
 * @module
 */
import { ExitCode, GraceError } from "#errors";

/** What is written about an error, and the code the process ends with. */
export interface Ending {
  readonly exitCode: ExitCode;
  /** Lines for stderr; empty where nothing needs saying. */
  readonly text: string;
}

/** How an error is told. */
export interface EndingOptions {
  /** Whether stderr takes ANSI colours. */
  readonly color: boolean;
  /** Whether to show where the error came from (`GRACE_DEBUG=1`). */
  readonly debug: boolean;
}

/** Explains anything that a command threw. */
export function explainError(thrown: unknown, options: EndingOptions): Ending {
  const error = firstOf(thrown);
  // The reader of a pipe has seen enough (`grace-repro ... | head`): not an error of ours.
  if (error instanceof Deno.errors.BrokenPipe) return { exitCode: ExitCode.success, text: "" };
  if (isAbort(error)) {
    return {
      exitCode: ExitCode.interrupted,
      text: "Interrupted: a run continues when the same command is given again\n",
    };
  }
  const red = (text: string) => options.color ? `\x1b[31m${text}\x1b[39m` : text;
  const trace = options.debug ? `${traceOf(thrown)}\n` : "";
  if (error instanceof GraceError) {
    return { exitCode: error.exitCode, text: `${red("error:")} ${error.message}\n  ${error.cure}\n${trace}` };
  }
  const system = systemError(error);
  if (system) {
    return {
      exitCode: ExitCode.missing,
      text: `${red("error:")} ${system.message}\n  ${system.cure}\n${trace}`,
    };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = options.debug ? "" : "  set GRACE_DEBUG=1 to see where it came from\n";
  return { exitCode: ExitCode.internal, text: `${red("internal error:")} ${message}\n${hint}${trace}` };
}

/** What went wrong first, where closing a file failed too; but not that the job was aborted, after which nothing may fail. */
function firstOf(error: unknown): unknown {
  if (!(error instanceof SuppressedError)) return error;
  const first = firstOf(error.suppressed);
  return isAbort(first) ? firstOf(error.error) : first;
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

const GO_ON = "what is written stays, and the same command continues";

/** What to do about errors of the system that are nobody's defect, by their names in POSIX. */
const SYSTEM_CURES: Readonly<Record<string, string>> = {
  ENOSPC: `free some space, or choose another disk; ${GO_ON}`,
  EDQUOT: `free some space of your quota, or choose another disk; ${GO_ON}`,
  EROFS: "choose a folder that can be written, such as with --out",
  EACCES: "check the path and its permissions",
  EPERM: "check the path and its permissions",
  ENOTDIR: "check the path: a part of it is a file, not a folder",
  EEXIST: "check the path: it is that of a file, where a folder is needed",
  EISDIR: "check the path: it is that of a folder, where a file is needed",
  ENAMETOOLONG: "choose a shorter path",
  ELOOP: "check the path: its links lead in a circle",
  EMFILE: "let a process open more files (ulimit -n)",
  EIO: `check the disk; ${GO_ON}`,
};

/** Explains what the system refused: a full disk, a folder that cannot be written; undefined for any other error. */
function systemError(error: unknown): { message: string; cure: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  const cure = typeof code === "string" ? SYSTEM_CURES[code] : undefined;
  return cure === undefined ? undefined : { message: `the system refused: ${error.message}`, cure };
}

/** The stack of an error, of its causes, and of those that it stands for. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  if (error instanceof SuppressedError) {
    return `${own}\nFirst: ${traceOf(error.suppressed)}\nThen: ${traceOf(error.error)}`;
  }
  return error.cause === undefined ? own : `${own}\nCaused by: ${traceOf(error.cause)}`;
}
