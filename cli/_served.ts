/**
 * A server inside the process of a test.
 *
 * @module
 */
import { assert } from "#test";
import type { ExitCode } from "#errors";
import { Progress } from "./progress.ts";
import type { ServeOptions } from "./serve.ts";
import { serve } from "./serve_run.ts";

/** A server that is ready. */
export interface Served {
  /** Such as "http://127.0.0.1:34567". */
  readonly url: string;
  /** What it printed when it was ready. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Remarks so far. */
  readonly notes: readonly string[];
  /** Asks for embeddings. */
  readonly embed: (fields: object, init?: RequestInit) => Promise<Response>;
  /** Tells it to stop, as a signal of this name does. */
  readonly stop: (signal: "SIGINT" | "SIGTERM") => void;
}

/**
 * Serves while `use` runs, and returns the exit code.
 *
 * @param options where they differ from the command's own
 */
export async function withServer(
  options: Partial<ServeOptions>,
  use: (server: Served) => void | Promise<void>,
): Promise<ExitCode> {
  const controller = new AbortController(), notes: string[] = [];
  const ready = Promise.withResolvers<Record<string, unknown>>();
  const stop: Served["stop"] = (name) => controller.abort(new DOMException(name, "AbortError"));
  const ended = serve({
    host: "127.0.0.1",
    port: 0,
    rationale: true,
    maxBatch: 64,
    maxQueue: 8192,
    maxBody: 1,
    ...options,
  }, {
    json: true,
    color: false,
    columns: undefined,
    signal: controller.signal,
    progress: new Progress({
      write: (text) => notes.push(text.trimEnd()),
      interactive: false,
      color: false,
      quiet: false,
      columns: () => 80,
      now: () => 0,
    }),
    print: (line) => ready.resolve(JSON.parse(line)),
    write: () => assert.fail("a server writes no bytes"),
  });
  // One that ends before it is ready fails here.
  const about = await Promise.race([ready.promise, ended.then((code) => assert.fail(`ended with ${code}`))]);
  const url = String(about["url"]);
  const embed: Served["embed"] = (fields, init) =>
    fetch(`${url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: about["model"], ...fields }),
      ...init,
    });
  try {
    await use({ url, about, notes, embed, stop });
  } finally {
    stop("SIGTERM");
    await ended.catch(() => {});
  }
  return await ended;
}
