/**
 * Requests to the hub: where it is, who asks, what is tried again, and to whom the token is shown.
 *
 * Redirects are followed here and not by `fetch`: the token goes to the hub's own origin and to nobody that it redirects to
 * (files lie on other hosts, behind addresses that are signed already), and no address may fall back from https to http.
 *
 * @module
 */
import { join } from "node:path";
import { GraceError, MissingError, UsageError } from "#errors";
import { readTextIfThere } from "../files.ts";
import { type Environment, hubHome, processEnvironment } from "./cache.ts";
import { type Asked, isPassing, refusal } from "./refusal.ts";

/** How to reach the hub. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** How often a request is tried that fails for a reason that may pass, and a file that arrives no further. Default: 6. */
  readonly attempts?: number;
  /** Milliseconds before the first repetition; each later one waits twice as long. Default: 1000. */
  readonly pauseMs?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default: 60,000. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of every repetition. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Longest wait that a hub may ask for; beyond it the command ends and says so. */
const LONGEST_WAIT_MS = 300_000;

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Endpoint and token as the hub's libraries take them: `HF_ENDPOINT`; `HF_TOKEN`, else the file that `hf auth login` writes.
 *
 * @throws UsageError if the endpoint is no address
 * @throws MissingError if `HF_HUB_OFFLINE` forbids to download
 */
export function hubSettings(env: Environment = processEnvironment): HubSettings {
  if (/^(1|on|yes|true)$/i.test(env("HF_HUB_OFFLINE") ?? "")) {
    throw new MissingError("HF_HUB_OFFLINE is set: nothing may be downloaded", "unset it for this command");
  }
  const endpoint = (env("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new UsageError(
      `HF_ENDPOINT is "${endpoint}"`,
      "set it to an address such as https://huggingface.co",
    );
  }
  return { endpoint, token: env("HF_TOKEN")?.trim() || storedToken(env) };
}

function storedToken(env: Environment): string | undefined {
  return readTextIfThere(env("HF_TOKEN_PATH") ?? join(hubHome(env), "token"))?.trim() || undefined;
}

/** A connection to the hub. */
export class HubConnection {
  readonly #settings: Required<Omit<HubSettings, "token" | "signal" | "onNote">> & HubSettings;

  /** Sends nothing yet. */
  constructor(settings: HubSettings) {
    this.#settings = { attempts: 6, pauseMs: 1000, stallMs: 60_000, ...settings };
  }

  /** Address of the hub. */
  get endpoint(): string {
    return this.#settings.endpoint;
  }

  /** How often a file is tried that arrives no further. */
  get attempts(): number {
    return this.#settings.attempts;
  }

  /** Requests a file; its content is still to be read. */
  request(url: string, asked: Asked, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.#trying(asked, () => this.#once(url, asked, headers));
  }

  /** As `fetch`, for the hub's library: small answers, read whole, so that one that breaks off is asked for again. */
  fetching(asked: Asked): typeof fetch {
    return (input, init) =>
      this.#trying(asked, async () => {
        const headers = Object.fromEntries(new Headers(init?.headers));
        const response = await this.#once(
          input instanceof Request ? input.url : String(input),
          asked,
          headers,
        );
        const body = await this.within(response.arrayBuffer());
        return new Response(body, { status: response.status, headers: response.headers });
      });
  }

  /** Waits for something that the network owes; a connection that is silent for too long counts as broken. */
  async within<T>(promise: Promise<T>): Promise<T> {
    const { stallMs } = this.#settings;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing came for ${stallMs / 1000} s`)), stallMs);
    });
    try {
      return await Promise.race([promise, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits before the next attempt, longer each time. */
  async pause(attempt: number, why: string, leastMs = 0): Promise<void> {
    const { pauseMs, signal, onNote } = this.#settings;
    const ms = Math.max(leastMs, Math.min(pauseMs * 2 ** (attempt - 1), 60_000));
    onNote?.(`${why}; trying again in ${Math.ceil(ms / 1000)} s`);
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      if (signal?.aborted) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  async #trying<T>(asked: Asked, once: () => Promise<T>): Promise<T> {
    const { attempts, signal, endpoint } = this.#settings;
    for (let attempt = 1;; attempt++) {
      signal?.throwIfAborted();
      try {
        return await once();
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof GraceError) throw error;
        if (error instanceof Deno.errors.NotCapable) {
          throw new MissingError(
            "this process has no permission for the network",
            'only "grace-repro pull" downloads, and the launcher grants it to no other command',
            { cause: error },
          );
        }
        if (attempt >= attempts) throw this.#givenUp(error, asked);
        if (error instanceof Passing && error.waitMs > LONGEST_WAIT_MS) {
          throw new MissingError(
            `${error.refusal.message}: it asks to wait ${Math.ceil(error.waitMs / 60_000)} minutes`,
            `wait, then give the same command again: it continues${
              this.#settings.token === undefined ? "; with HF_TOKEN set, the hub allows more requests" : ""
            }`,
          );
        }
        const why = error instanceof Passing ? error.refusal.message : `${endpoint}: ${messageOf(error)}`;
        await this.pause(attempt, why, error instanceof Passing ? error.waitMs : 0);
      }
    }
  }

  #givenUp(error: unknown, asked: Asked): MissingError {
    if (error instanceof Passing) return error.refusal;
    const { endpoint, attempts } = this.#settings;
    return new MissingError(
      `cannot reach ${endpoint}, tried ${attempts} times: ${messageOf(error)}`,
      `check the network, HTTPS_PROXY and HF_ENDPOINT; without network, copy "${asked.repo.id}" from another machine's cache`,
      { cause: error },
    );
  }

  /** One request with its redirects; throws {@linkcode Passing} for what may be tried again. */
  async #once(url: string, asked: Asked, headers: Readonly<Record<string, string>>): Promise<Response> {
    const { endpoint, token, signal } = this.#settings;
    let at = new URL(url);
    for (let hop = 0; hop < 8; hop++) {
      const silence = new AbortController();
      const own = at.origin === new URL(endpoint).origin;
      const response = await this.within(fetch(at, {
        // Bytes must be those that the hash is of: not packed for the way.
        headers: {
          ...headers,
          "accept-encoding": "identity",
          ...own && token !== undefined && { authorization: `Bearer ${token}` },
        },
        redirect: "manual",
        signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
      })).catch((error) => {
        silence.abort();
        throw error;
      });
      const location = response.headers.get("location");
      if (REDIRECTS.includes(response.status) && location !== null) {
        await response.body?.cancel();
        const next = new URL(location, at);
        if (at.protocol === "https:" && next.protocol !== "https:") {
          throw new MissingError(
            `${at.origin} redirects to "${next.origin}", which is not encrypted`,
            "check HF_ENDPOINT and the network: somebody may be listening",
          );
        }
        at = next;
        continue;
      }
      if (response.ok) return response;
      await response.body?.cancel();
      const { status, headers: said } = response;
      const why = refusal(status, said, asked, { endpoint, hasToken: token !== undefined });
      if (isPassing(status)) throw new Passing(why, waitOf(said));
      throw why;
    }
    throw new MissingError(`"${url}" leads from one address to the next without end`, "check HF_ENDPOINT");
  }
}

/** A refusal that may be another one in a while. */
class Passing extends Error {
  constructor(readonly refusal: MissingError, readonly waitMs: number) {
    super(refusal.message);
  }
}

/** Milliseconds that a server asks to wait: `Retry-After` in seconds or as a date, or the hub's `RateLimit: ...;t=<seconds>`. */
function waitOf(headers: Headers): number {
  const after = headers.get("retry-after");
  const seconds = after === null
    ? Number(/(?:^|;)\s*t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1] ?? 0)
    : /^\d+$/.test(after)
    ? Number(after)
    : (Date.parse(after) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
