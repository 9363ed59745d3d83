/**
 * What the sandbox and its workers tell each other. A worker says that it is there, gets an interpreter, says that it is
 * ready, gets one program, says how it ended, and is done.
 *
 * @module
 */

/** Files of the npm package `pyodide`: a worker has no permission to read them. */
export interface InterpreterFiles {
  /** `pyodide.asm.wasm` with a limit on its memory and guards in its loops, compiled. */
  readonly module: WebAssembly.Module;
  /** `python_stdlib.zip`. */
  readonly stdlib: Uint8Array<ArrayBuffer>;
  /** `pyodide-lock.json` without packages: none can be installed. */
  readonly lock: string;
}

/** To a worker: start an interpreter, from a snapshot if there is one. */
export interface StartMessage {
  readonly kind: "start";
  readonly files: InterpreterFiles;
  /** Memory of an interpreter that was started before; null to start one and to make a snapshot. */
  readonly snapshot: Uint8Array<ArrayBuffer> | null;
}

/** To a worker: run one program in the interpreter, which is sealed before. */
export interface RunMessage {
  readonly kind: "run";
  readonly program: string;
  /** Time that it may compute, as `run_time.ts` counts it. */
  readonly seconds: number;
}

/** How a program ended. */
export type Ending =
  | { readonly kind: "returned" }
  /** An exception; `detail` is the last line of the traceback. */
  | { readonly kind: "raised"; readonly detail: string }
  /** It left the interpreter: `os._exit`, a fatal error, an overflow of the stack. */
  | { readonly kind: "died"; readonly detail: string }
  /** It wanted something that is closed: JavaScript, a process, a socket, a native library. */
  | { readonly kind: "refused"; readonly detail: string }
  /** It was stopped when its time was over. */
  | { readonly kind: "timeout"; readonly detail: string };

/** Function that the guards in the loops call: the interpreter's own question for signals. */
export const ASK = "_Py_CheckEmscriptenSignals_Helper";

/** From a worker. */
export type WorkerMessage =
  | { readonly kind: "there" }
  | { readonly kind: "ready"; readonly snapshot: Uint8Array<ArrayBuffer> | null }
  | { readonly kind: "ended"; readonly ending: Ending }
  /** The interpreter did not start. */
  | { readonly kind: "broken"; readonly detail: string };
