/**
 * What a command may use of the world: where results and remarks go, and how it is told to stop.
 *
 * @module
 */
import type { Progress } from "./progress.ts";

/** Options that every command has. */
export interface GlobalOptions {
  /** Results for machines: JSON on stdout. */
  readonly json?: true | undefined;
  /** Nothing but results and errors. */
  readonly quiet?: true | undefined;
  /** When to colour. */
  readonly color: ColorMode;
}

/** Values of `--color`. */
export const COLOR_MODES = ["auto", "always", "never"] as const;

/** One of {@linkcode COLOR_MODES}. */
export type ColorMode = typeof COLOR_MODES[number];

/** Handed to every command. */
export interface CommandIo {
  /** Whether stdout takes JSON instead of text for people. */
  readonly json: boolean;
  /** Whether stdout takes ANSI colours. */
  readonly color: boolean;
  /** Width of stdout in characters; undefined where it is not a terminal. */
  readonly columns: number | undefined;
  /**
   * Aborts at the first SIGINT or SIGTERM: reach a point that can be resumed from, then stop. The reason's message is the name of the
   * signal.
   */
  readonly signal: AbortSignal;
  /** Remarks and progress; stderr. */
  readonly progress: Progress;
  /** Writes a line of results to stdout. */
  print(line: string): void;
  /**
   * Writes results that are no text to stdout.
   *
   * @throws UsageError if that is a terminal
   */
  write(bytes: Uint8Array): void;
}

/** Anything with a blocking write: `Deno.stdout`, `Deno.stderr`. */
export interface SyncWriter {
  /** Writes some of `bytes` and says how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes all of `text`. */
export function writeText(writer: SyncWriter, text: string): void {
  writeBytes(writer, new TextEncoder().encode(text));
}

/** Writes all of `bytes`: one `writeSync` may take only part of them, as into a full pipe. */
export function writeBytes(writer: SyncWriter, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writer.writeSync(bytes.subarray(at));
    } catch (error) {
      // A terminal or pipe that another process has set not to block, and that is full until somebody reads.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(nothing, 0, 0, fullMs);
    }
  }
}

/** How long to wait before a full stream is tried again, and what to wait for: nothing ever comes. */
const fullMs = 10, nothing = new Int32Array(new SharedArrayBuffer(4));

/** Writes a remark, if there is still somewhere to write it: no job ends because its terminal or its log did. */
export function writeRemark(writer: SyncWriter, text: string): void {
  try {
    writeText(writer, text);
  } catch {
    // Nobody can be told.
  }
}

/**
 * Whether to write ANSI colours to a stream. What the command line says goes first, then `NO_COLOR`
 * (https://no-color.org: any value but the empty one), then whether it is a terminal that knows them.
 */
export function wantsColor(
  mode: ColorMode,
  isTerminal: boolean,
  env: (name: string) => string | undefined,
): boolean {
  if (mode !== "auto") return mode === "always";
  return isTerminal && !env("NO_COLOR") && env("TERM") !== "dumb";
}
