/**
 * The model of `serve` as the server sees it: a thread that is given one batch of texts at a time.
 *
 * @module
 */
import { DeviceError } from "#errors";
import type { EmbeddedText } from "../lib/rollout/embed.ts";
import type { TextEngine } from "../lib/serve/text_queue.ts";
import type { OnNote, ServedModelOptions } from "./served_model.ts";
import { type FromWorker, receivedError, type ToWorker, type WorkerModel } from "./serve_messages.ts";

/** What the thread may do: all that a model needs, and neither the network, nor subprocesses, nor to write files. */
const PERMISSIONS = { read: true, env: true, ffi: true, sys: true, net: false, run: false, write: false };

/** What is asked of the thread, until it has answered. */
interface Asked {
  readonly onDone?: (index: number, result: EmbeddedText) => void;
  readonly resolve: (model?: WorkerModel) => void;
  readonly reject: (error: unknown) => void;
}

/** See the module. */
export class WorkerEngine implements TextEngine<EmbeddedText>, Disposable {
  readonly #worker = new Worker(new URL("./serve_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: PERMISSIONS },
  });
  readonly #onNote: OnNote;
  readonly #ended = Promise.withResolvers<Error>();
  #asked: Asked | undefined;
  #lost: Error | undefined;

  /** Starts the thread. */
  constructor(onNote: OnNote) {
    this.#onNote = onNote;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // Otherwise the error would end this thread, too, before anybody is told.
      event.preventDefault();
      this.#lose(new Error(`the engine ended: ${event.message}`));
    };
  }

  /** Why the engine can do no more; pending as long as it can. */
  get lost(): Promise<Error> {
    return this.#ended.promise;
  }

  /**
   * Loads a model, once.
   *
   * @throws what {@linkcode openServedModel} throws
   */
  async open(options: ServedModelOptions): Promise<WorkerModel> {
    return (await this.#ask({ kind: "open", options }))!;
  }

  /** Embeds a batch, see {@linkcode TextEngine}. */
  async run(
    texts: readonly string[],
    onDone: (index: number, result: EmbeddedText) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const cancel = () => this.#send({ kind: "cancel" });
    signal.addEventListener("abort", cancel);
    try {
      await this.#ask({ kind: "embed", texts }, onDone);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Ends the thread, whatever it is doing. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  async #ask(message: ToWorker, onDone?: Asked["onDone"]): Promise<WorkerModel | undefined> {
    if (this.#lost) throw this.#lost;
    if (this.#asked) throw new Error("the engine was asked before it had answered");
    const { promise, resolve, reject } = Promise.withResolvers<WorkerModel | undefined>();
    this.#asked = { resolve, reject, ...(onDone && { onDone }) };
    this.#send(message);
    return await promise.finally(() => this.#asked = undefined);
  }

  #hear(message: FromWorker): void {
    if (message.kind === "note") this.#onNote(message.text);
    else if (message.kind === "done") this.#asked?.onDone?.(message.index, message.result);
    else if (message.kind === "opened") this.#asked?.resolve(message.model);
    else if (message.kind === "ended") this.#asked?.resolve();
    else {
      const error = receivedError(message.error);
      // A GPU that failed once has lost what was on it.
      if (error instanceof DeviceError) this.#lose(error);
      this.#asked?.reject(error);
    }
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#ended.resolve(error);
    this.#asked?.reject(error);
  }
}
