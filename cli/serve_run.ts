/**
 * An embedding server from its first breath to its last: it listens, loads the model, answers, and when it is told to stop finishes
 * what it has begun.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { EmbeddedText } from "../lib/rollout/embed.ts";
import { serverApp, type ServerState } from "../lib/serve/app.ts";
import { ServerMetrics } from "../lib/serve/metrics.ts";
import { TextQueue } from "../lib/serve/text_queue.ts";
import { readKeys } from "./api_keys.ts";
import { listen } from "./http_server.ts";
import type { CommandIo } from "./io.ts";
import type { ServeOptions } from "./serve.ts";
import { WorkerEngine } from "./serve_engine.ts";

/** Most texts of a request where nothing else is said: as OpenAI's interface has it. */
const MOST_TEXTS = 2048;

/** Milliseconds in which clients have to take their last answers. */
const LAST_ANSWERS_MS = 5000;

/**
 * Serves until the signal of `io`.
 *
 * @returns success after SIGTERM, which is how a server is ended; interrupted after SIGINT
 * @throws DeviceError if the GPU is lost
 */
export async function serve(options: ServeOptions, io: CommandIo): Promise<ExitCode> {
  const { host, port, maxBatch, maxQueue } = options;
  const keys = options.apiKeyFile === undefined ? [] : readKeys(options.apiKeyFile);
  const note = (text: string) => io.progress.note(text);
  let state: ServerState = { phase: "loading" };
  using engine = new WorkerEngine(note);
  const queue = new TextQueue<EmbeddedText>(engine, { batch: maxBatch, waiting: maxQueue });
  const app = serverApp({
    state: () => state,
    queue,
    metrics: new ServerMetrics(),
    mostTexts: options.maxTexts ?? Math.min(MOST_TEXTS, maxQueue),
    mostBytes: options.maxBody * 2 ** 20,
    keys,
    onFailure: (id, error) => note(`request ${id} failed: ${(error as Error).stack ?? error}`),
  });
  const server = await listen(host, port, (request) => app.fetch(request)), { url } = server;
  try {
    note(`listening at ${url}, loading the model`);
    if (keys.length === 0 && !server.loopback) {
      note(`warning: whoever reaches ${url} may use this server, as there is no --api-key-file`);
    }
    const stopped = whenAborted(io.signal);
    const model = await Promise.race([engine.open(options), stopped]);
    if (model === undefined) return exitCodeOf(io.signal);
    const { dimension, digest, rationales } = model, id = options.name ?? model.name;
    state = { phase: "ready", model: { id, dimension, rationales }, about: { rationales, encoder: digest } };
    io.print(
      io.json
        ? JSON.stringify({
          schema: "grace-repro/serve/1",
          url,
          model: id,
          dimension,
          rationales,
          encoder: digest,
        })
        : `"${id}" is served at ${url}/v1: ${dimension} dimensions, with${
          rationales ? "" : "out"
        } rationales`,
    );
    const lost = await Promise.race([engine.lost, stopped]);
    if (lost !== undefined) throw lost;
    return exitCodeOf(io.signal);
  } finally {
    state = { phase: "stopping" };
    const late = new AbortController(), stopped = server.stop(late.signal), { running } = queue.counts;
    if (running > 0) note(`finishing ${running} texts that have begun`);
    await queue.close();
    const timer = setTimeout(() => late.abort(), LAST_ANSWERS_MS);
    await stopped;
    clearTimeout(timer);
  }
}

/** Pending until a signal aborts. */
function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function exitCodeOf(signal: AbortSignal): ExitCode {
  const { message } = signal.reason as DOMException;
  return message === "SIGTERM" ? ExitCode.success : ExitCode.interrupted;
}
