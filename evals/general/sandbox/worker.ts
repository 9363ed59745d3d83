/**
 * A worker without permissions that runs one Python program and is thrown away. See `python_sandbox.ts` for what confines
 * the program.
 *
 * @module
 */
import "./bare_globals.ts";
import { loadPyodide } from "pyodide";
// @ts-types="./emscripten_module.d.ts"
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { type EmscriptenFiles, limitFiles } from "./file_limits.ts";
import {
  ASK,
  type Ending,
  type InterpreterFiles,
  type RunMessage,
  type StartMessage,
  type WorkerMessage,
} from "./messages.ts";
import { RunTime } from "./run_time.ts";
import { type EmscriptenImports, Seal } from "./seal.ts";

/** What is used here of Pyodide and is not in its declarations. */
interface Interpreter {
  readonly FS: EmscriptenFiles;
  readonly _module: {
    stringToNewUTF8(text: string): number;
    /** 0, or -1 after an exception, whose traceback is written to stderr. */
    _PyRun_SimpleString(text: number): number;
  };
  makeMemorySnapshot(): Uint8Array<ArrayBuffer>;
  setStdin(options: { error: boolean } | { stdin: () => null }): void;
  setStdout(options: { write: (bytes: Uint8Array) => number }): void;
  setStderr(options: { write: (bytes: Uint8Array) => number }): void;
}

/** Where Pyodide believes to be; nothing is there. */
const NOWHERE = "https://pyodide.invalid/";

/** Of stderr, as much is kept as holds the last line of a traceback. */
const KEPT_STDERR_BYTES = 2048;

/** Characters of an explanation that are kept. */
const KEPT_DETAIL = 200;

const FILE_LIMITS = { bytes: 64 * 2 ** 20, nodes: 10_000 } as const;

const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<StartMessage | RunMessage>) => void): void;
  postMessage(message: WorkerMessage, transfer?: Transferable[]): void;
};

const seal = new Seal();
let interpreter: Interpreter | undefined;
/** That of the program; none until it runs. */
let time: RunTime | undefined;

scope.addEventListener("message", async ({ data }) => {
  try {
    if (data.kind === "run") {
      scope.postMessage({ kind: "ended", ending: run(interpreter!, data) });
      return;
    }
    interpreter = await start(data.files, data.snapshot);
    const snapshot = data.snapshot === null ? interpreter.makeMemorySnapshot() : null;
    scope.postMessage({ kind: "ready", snapshot }, snapshot ? [snapshot.buffer] : []);
  } catch (error) {
    scope.postMessage({ kind: "broken", detail: String(error) });
  }
});
scope.postMessage({ kind: "there" });

async function start(files: InterpreterFiles, snapshot: Uint8Array | null): Promise<Interpreter> {
  // Pyodide fetches two files; it gets what it was handed, and nothing else.
  globalThis.fetch = (url) => {
    if (String(url) === `${NOWHERE}python_stdlib.zip`) return Promise.resolve(new Response(files.stdlib));
    if (String(url) === `${NOWHERE}pyodide.asm.wasm`) return Promise.resolve(new Response());
    return Promise.reject(new Error(`nothing may be fetched, and not "${url}"`));
  };
  WebAssembly.instantiateStreaming = async (_response, given) => {
    const imports = given as unknown as EmscriptenImports;
    imports["env"]![ASK] = () => Number(time?.isOver() ?? false);
    seal.gate(imports);
    return { module: files.module, instance: await WebAssembly.instantiate(files.module, given) };
  };
  const options = {
    indexURL: NOWHERE,
    lockFileContents: files.lock,
    createPyodideModule,
    jsglobals: {},
    // Sets and dictionaries keep one order in every run.
    env: { HOME: "/home", PYTHONHASHSEED: "0" },
    ...(snapshot === null ? { _makeSnapshot: true } : { _loadSnapshot: snapshot }),
  };
  return await loadPyodide(options) as unknown as Interpreter;
}

/**
 * Runs a program as the reference does: `exec(program, {})`, with nothing to read and its output thrown away. (OpenAI,
 * human-eval, execution.py)
 */
function run(interpreter: Interpreter, { program, seconds }: RunMessage): Ending {
  const { FS, _module } = interpreter;
  let stderr: number[] = [];
  interpreter.setStdin({ error: true });
  interpreter.setStdout({ write: (bytes) => bytes.length });
  interpreter.setStderr({
    write: (bytes) => {
      stderr = [...stderr, ...bytes.subarray(-KEPT_STDERR_BYTES)].slice(-KEPT_STDERR_BYTES);
      return bytes.length;
    },
  });
  limitFiles(FS, FILE_LIMITS);
  // A JSON string is a Python string, too.
  const text = _module.stringToNewUTF8(`exec(${JSON.stringify(program)}, {})`);
  const lastLine = () => new TextDecoder().decode(Uint8Array.from(stderr)).trimEnd().split("\n").at(-1) ?? "";
  seal.shut();
  time = new RunTime(seconds);
  let ending: Ending;
  try {
    ending = _module._PyRun_SimpleString(text) === 0
      ? { kind: "returned" }
      : { kind: "raised", detail: lastLine().slice(0, KEPT_DETAIL) };
  } catch (error) {
    ending = { kind: "died", detail: causeOfDeath(error) };
  }
  if (time.isOver()) return { kind: "timeout", detail: `${seconds} s` };
  return seal.refused === undefined ? ending : { kind: "refused", detail: seal.refused };
}

/** Emscripten's `ExitStatus` is no Error. */
function causeOfDeath(error: unknown): string {
  const { name, message } = error as Partial<Error>;
  return `${name}: ${message?.split("\n")[0]}`.slice(0, KEPT_DETAIL);
}
