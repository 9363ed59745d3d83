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
export function explainError(error: unknown, options: EndingOptions): Ending {
  // The reader of a pipe has seen enough (`grace-repro ... | head`): not an error of ours.
  if (error instanceof Deno.errors.BrokenPipe) return { exitCode: ExitCode.success, text: "" };
  if (isAbort(error)) {
    return {
      exitCode: ExitCode.interrupted,
      text: "Interrupted: a run continues when the same command is given again\n",
    };
  }
  const red = (text: string) => options.color ? `\x1b[31m${text}\x1b[39m` : text;
  const trace = options.debug ? `${traceOf(error)}\n` : "";
  if (error instanceof GraceError) {
    return { exitCode: error.exitCode, text: `${red("error:")} ${error.message}\n  ${error.cure}\n${trace}` };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = options.debug ? "" : "  set GRACE_DEBUG=1 to see where it came from\n";
  return { exitCode: ExitCode.internal, text: `${red("internal error:")} ${message}\n${hint}${trace}` };
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The stack of an error and of its causes. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\nCaused by: ${traceOf(error.cause)}`;
}
