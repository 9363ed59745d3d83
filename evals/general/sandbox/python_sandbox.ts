/**
 * Runs Python programs that nobody has looked at: the program is CPython compiled to WebAssembly (Pyodide), in a worker of
 * its own.
 *
 * What confines a program, from the inside out:
 *
 * 1. WebAssembly: it can touch its own memory, which cannot grow beyond a limit that is part of the module, and call what
 *    it imports.
 * 2. A seal on the imports ({@linkcode Seal}): no JavaScript, processes, sockets or native libraries; files are in memory,
 *    and limited. The host's files are not there.
 * 3. The worker has no permissions: JavaScript in it could not read, write, connect or start anything either.
 * 4. A time limit: every loop of the interpreter asks whether its time is over ({@linkcode withLoopGuard}), which no program
 *    can prevent or catch.
 * 5. A fresh interpreter for each program: nothing is left over for the next one. A snapshot of the memory of a started
 *    interpreter makes that cheap.
 *
 * Needs `"unstable": ["worker-options"]` in `deno.json`, or `--unstable-worker-options`: without it Deno refuses to make a
 * worker with fewer permissions, and ends.
 *
 * @module
 */
import { MissingError } from "#errors";
import { withLoopGuard } from "./loop_guard.ts";
import {
  ASK,
  type Ending,
  type InterpreterFiles,
  type StartMessage,
  type WorkerMessage,
} from "./messages.ts";
import { mostSeconds } from "./run_time.ts";
import { withMemoryLimit } from "./wasm_memory.ts";

/** Limits of one program. */
export interface SandboxLimits {
  /** Time that a program may compute, from when the interpreter is ready: {@linkcode RunTime}. */
  readonly seconds: number;
  /** Memory of the interpreter with all that the program makes; whole pages of 64 KiB. */
  readonly memoryBytes: number;
}

/** An interpreter that takes this long to start will never: the machine's fault, not a program's. */
const START_SECONDS = 600;

/** A program that has not stopped so long after it was told to has found a hole. */
const GRACE_SECONDS = 60;

/** A Python for untrusted programs. */
export class PythonSandbox {
  #snapshot: Uint8Array<ArrayBuffer> | null = null;

  private constructor(
    readonly limits: SandboxLimits,
    /** Version of the npm package, such as "314.0.7", which has CPython 3.14. */
    readonly pyodideVersion: string,
    readonly files: InterpreterFiles,
  ) {}

  /**
   * Reads and compiles the interpreter. The first program waits until it has started (seconds); later ones begin with a
   * copy of its memory.
   *
   * @throws MissingError if the interpreter's files are not there
   */
  static async open(limits: SandboxLimits): Promise<PythonSandbox> {
    // Loaded here for its version, and so that Deno has fetched the package before its files are read.
    const { version } = await import("pyodide");
    const wasm = await readPackageFile("pyodide.asm.wasm");
    const stdlib = await readPackageFile("python_stdlib.zip");
    const { info } = JSON.parse(new TextDecoder().decode(await readPackageFile("pyodide-lock.json")));
    const module = await WebAssembly.compile(withMemoryLimit(withLoopGuard(wasm, ASK), limits.memoryBytes));
    return new PythonSandbox(limits, version, {
      module,
      stdlib,
      lock: JSON.stringify({ info, packages: {} }),
    });
  }

  /** What the endings depend on, in words. */
  get description(): string {
    const { seconds, memoryBytes } = this.limits;
    return `CPython of pyodide ${this.pyodideVersion}, ${seconds} s, ${memoryBytes / 2 ** 20} MiB`;
  }

  /**
   * Runs one program.
   *
   * @throws Error if the interpreter does not start, or the program cannot be stopped: neither says that it is wrong
   */
  async run(program: string): Promise<Ending> {
    this.#snapshot ??= await this.#makeSnapshot();
    using worker = new SandboxWorker();
    await worker.start({ kind: "start", files: this.files, snapshot: this.#snapshot });
    return await worker.run(program, this.limits.seconds);
  }

  async #makeSnapshot(): Promise<Uint8Array<ArrayBuffer>> {
    using worker = new SandboxWorker();
    const snapshot = await worker.start({ kind: "start", files: this.files, snapshot: null });
    if (snapshot === null) throw new Error("the interpreter made no snapshot");
    return snapshot;
  }
}

async function readPackageFile(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = import.meta.resolve(`pyodide/${name}`);
  try {
    return await Deno.readFile(new URL(url));
  } catch (cause) {
    throw new MissingError(
      `the Python interpreter is not complete: cannot read "${name}" of the npm package pyodide`,
      "start once with a network connection, so that Deno fetches it again",
      { cause },
    );
  }
}

/** How a worker is made: with no permission at all. */
export const WORKER_OPTIONS = {
  type: "module",
  name: "python",
  deno: { permissions: "none" },
} as const satisfies WorkerOptions;

/** One worker: one interpreter, one program. */
class SandboxWorker implements Disposable {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), WORKER_OPTIONS);

  /** Starts the interpreter; returns its snapshot if one was to be made. */
  async start(message: StartMessage): Promise<Uint8Array<ArrayBuffer> | null> {
    const broken = (why: string) => new Error(`the Python interpreter did not start: ${why}`);
    const there = await this.#next(START_SECONDS);
    if (there?.kind !== "there") throw broken("its worker did not");
    this.#worker.postMessage(message);
    const ready = await this.#next(START_SECONDS);
    if (ready?.kind === "ready") return ready.snapshot;
    throw broken(ready?.kind === "broken" ? ready.detail : `not within ${START_SECONDS} s`);
  }

  async run(program: string, seconds: number): Promise<Ending> {
    this.#worker.postMessage({ kind: "run", program, seconds });
    const message = await this.#next(mostSeconds(seconds) + GRACE_SECONDS);
    if (message?.kind === "ended") return message.ending;
    throw new Error(`a program could not be run to its end: ${message?.kind ?? "it does not stop"}`);
  }

  /** Ends the worker, which waits for messages. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  /**
   * The worker's next message; null if it does not come in time. What counts are seconds in which this process runs: one that was
   * stopped, or whose machine slept, does not take that for a fault of the worker.
   */
  #next(seconds: number): Promise<WorkerMessage | null> {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerMessage | null>();
    let left = seconds;
    const timer = setInterval(() => {
      if (--left <= 0) resolve(null);
    }, 1000);
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`the sandbox's worker failed: ${event.message}`));
    };
    return promise.finally(() => clearInterval(timer));
  }
}
