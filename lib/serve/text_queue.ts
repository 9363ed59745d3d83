/**
 * Texts of many requests on their way to one engine: they wait in a line of limited length, are worked on in batches, and each
 * request is answered as soon as its own texts are done.
 *
 * A batch takes one text of each request in turn, so that a request of a thousand texts does not keep one of a single text
 * waiting. What a text's result is does not depend on the batch (see `rollout/generate.ts`); nor does whether it fails: if a batch
 * fails, the requests in it are tried one by one.
 *
 * @module
 */
import { ApiError } from "./api_error.ts";

/** What works on texts. */
export interface TextEngine<R> {
  /**
   * Works on texts, and tells of each as soon as it is done, in any order.
   *
   * @param signal ends the work early; nobody waits for its results any more
   */
  run(
    texts: readonly string[],
    onDone: (index: number, result: R) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** How much there may be at once, in texts. */
export interface QueueLimits {
  /** In a batch. */
  readonly batch: number;
  /** Waiting. */
  readonly waiting: number;
}

/** What a queue has done and has to do. */
export interface QueueCounts {
  /** Texts that have not started. */
  readonly waiting: number;
  /** Texts of the batch that runs, with those of it that are done. */
  readonly running: number;
  readonly batches: number;
  /** Texts that were done for somebody who still waited. */
  readonly done: number;
  /** Seconds in which batches ran. */
  readonly busySeconds: number;
}

/**
 * Milliseconds that a batch which is not full waits for company: those who were just answered ask again at once, and the first of
 * them would otherwise run alone.
 */
const COMPANY_MS = 3;

/** Longest time that a client is asked to stay away, in seconds. */
const LONGEST_RETRY = 600;

interface Request<R> {
  readonly texts: readonly string[];
  readonly results: R[];
  /** Texts from the first on that were put into a batch. */
  started: number;
  left: number;
  settled: boolean;
  readonly settle: (outcome: { results: R[] } | { error: unknown }) => void;
}

/** A text of a request. */
interface Place<R> {
  readonly request: Request<R>;
  readonly index: number;
}

/** See the module. */
export class TextQueue<R> {
  readonly #engine: TextEngine<R>;
  readonly #limits: QueueLimits;
  /** Requests with texts that have not started; the next batch begins with the first. */
  readonly #line: Request<R>[] = [];
  #running: { places: readonly Place<R>[]; abort: AbortController } | undefined;
  #work: Promise<void> | undefined;
  #closed = false;
  #waiting = 0;
  #batches = 0;
  #done = 0;
  #busyMs = 0;

  /** A queue before an engine, which is given one batch at a time. */
  constructor(engine: TextEngine<R>, limits: QueueLimits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  /** What it has done and has to do. */
  get counts(): QueueCounts {
    return {
      waiting: this.#waiting,
      running: this.#running?.places.length ?? 0,
      batches: this.#batches,
      done: this.#done,
      busySeconds: this.#busyMs / 1000,
    };
  }

  /**
   * Puts the texts of a request into the line; results in their order.
   *
   * @param signal takes those that have not started out of it
   * @throws ApiError 429 if there is no room for all of them, 503 if the server is stopping
   * @throws what the engine threw over one of them
   * @throws an AbortError when the signal is aborted
   */
  async submit(texts: readonly string[], signal?: AbortSignal): Promise<R[]> {
    if (signal?.aborted) throw clientGone();
    if (this.#closed) throw stopping();
    if (this.#waiting + texts.length > this.#limits.waiting) throw this.#full();
    const { promise, resolve, reject } = Promise.withResolvers<R[]>();
    const request: Request<R> = {
      texts,
      results: new Array<R>(texts.length),
      started: 0,
      left: texts.length,
      settled: false,
      settle: (outcome) => {
        if (request.settled) return;
        request.settled = true;
        signal?.removeEventListener("abort", cancel);
        this.#leave(request);
        if ("error" in outcome) reject(outcome.error);
        else resolve(outcome.results);
      },
    };
    const cancel = () => request.settle({ error: clientGone() });
    signal?.addEventListener("abort", cancel);
    this.#line.push(request);
    this.#waiting += texts.length;
    this.#work ??= this.#run().finally(() => this.#work = undefined);
    return await promise;
  }

  /** Refuses what comes from now on and what has not started, and waits for what has. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const request of [...this.#line]) {
      if (request.started === 0) request.settle({ error: stopping() });
    }
    await this.#work;
  }

  #full(): ApiError {
    const { waiting } = this.#limits, perText = this.#busyMs / 1000 / Math.max(1, this.#done);
    const retryAfter = Math.min(LONGEST_RETRY, Math.max(1, Math.ceil(this.#waiting * perText)));
    return new ApiError(
      429,
      `${this.#waiting} texts are waiting, and there is room for ${waiting}: ask again later, or with fewer texts`,
      { code: "queue_full", retryAfter },
    );
  }

  /** A request that has its answer waits for nothing more. */
  #leave(request: Request<R>): void {
    const at = this.#line.indexOf(request);
    if (at >= 0) {
      this.#line.splice(at, 1);
      this.#waiting -= request.texts.length - request.started;
    }
    if (this.#running === undefined) return;
    const { places, abort } = this.#running;
    if (places.every((place) => place.request.settled) && !places.every(hasResult)) abort.abort();
  }

  async #run(): Promise<void> {
    while (this.#line.length > 0) {
      if (this.#waiting < this.#limits.batch) {
        await new Promise((resolve) => setTimeout(resolve, COMPANY_MS));
      }
      const places = this.#take();
      if (places.length > 0) await this.#runBatch(places);
    }
  }

  /** Texts of the next batch: of each request in turn. */
  #take(): Place<R>[] {
    const places: Place<R>[] = [];
    while (places.length < this.#limits.batch && this.#line.length > 0) {
      const request = this.#line.shift()!;
      places.push({ request, index: request.started++ });
      if (request.started < request.texts.length) this.#line.push(request);
    }
    this.#waiting -= places.length;
    return places;
  }

  async #runBatch(places: readonly Place<R>[]): Promise<void> {
    const begin = performance.now();
    try {
      await this.#try(places);
    } catch (error) {
      const all = new Set(places.map(({ request }) => request));
      for (const request of all) {
        if (request.settled) continue;
        if (all.size === 1) request.settle({ error });
        else await this.#tryAgain(places.filter((place) => place.request === request && !hasResult(place)));
      }
    } finally {
      this.#running = undefined;
      this.#busyMs += performance.now() - begin;
    }
  }

  async #try(places: readonly Place<R>[]): Promise<void> {
    const abort = new AbortController();
    this.#running = { places, abort };
    this.#batches++;
    await this.#engine.run(
      places.map(({ request, index }) => request.texts[index]!),
      (at, result) => this.#finish(places[at]!, result),
      abort.signal,
    );
    if (!places.every(hasResult)) throw new Error("the engine ended without a result for every text");
  }

  /** What one request has left of a batch that failed. */
  async #tryAgain(places: readonly Place<R>[]): Promise<void> {
    try {
      await this.#try(places);
    } catch (error) {
      places[0]!.request.settle({ error });
    }
  }

  #finish({ request, index }: Place<R>, result: R): void {
    request.results[index] = result;
    request.left--;
    if (request.settled) return;
    this.#done++;
    if (request.left === 0) request.settle({ results: request.results });
  }
}

function hasResult<R>({ request, index }: Place<R>): boolean {
  return request.results[index] !== undefined;
}

/** Of its own: the reason of a server's signal may be anything. */
function clientGone(): DOMException {
  return new DOMException("nobody waits for the embeddings any more", "AbortError");
}

function stopping(): ApiError {
  return new ApiError(503, "the server is stopping", { code: "stopping" });
}
