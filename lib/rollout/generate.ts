/**
 * Batched generation: many sequences of different lengths decode together, one token each a step, and leave when they
 * are done; the samples of one prompt share its prefill.
 *
 * What a rollout is depends on its prompt, its sampling keys and the weights, not on what decodes beside it: the ops are
 * batch-invariant and every random number has an address of its own. Log-probabilities and the sum of the final hidden
 * states that are pooled into the embedding are by-products of decoding, so nothing is run a second time for them.
 *
 * @module
 */
import type { KvCache, SamplingSpec, Tensor } from "../../kernels/device.ts";
import { NumericError } from "#errors";
import type { Decoder } from "../backbone/decoder.ts";
import { attentionShape } from "../backbone/decoder_layer.ts";
import type { TokenRange } from "../objective/pooling.ts";
import { packPrompts } from "./shared_prefix.ts";
import { slotsFor } from "./slots.ts";

/** Tokens whose final hidden states are pooled. */
export interface PoolSpec {
  /** Ranges of the prompt's tokens, ascending; none where only what is written is pooled. */
  readonly prompt: readonly TokenRange[];
  /** The new tokens, without a final end-of-sequence token. */
  readonly rationale: boolean;
  /** A final end-of-sequence token. */
  readonly eos: boolean;
}

/** A prompt to continue. */
export interface RolloutRequest {
  /** Token ids, at least one. */
  readonly prompt: ArrayLike<number>;
  /** Number of continuations. */
  readonly samples: number;
  readonly maxNewTokens: number;
  /** Uniform number in [0, 1) of a sample at a position (0 is the first new token); not called for greedy choice. */
  readonly uniform: (sample: number, position: number) => number;
  /** Temperature of this request; that of the options where it is absent. */
  readonly temperature?: number;
  /** Which final hidden states to add up; without it none. */
  readonly pool?: PoolSpec;
  /** Asked after each new token, with all new tokens so far: true ends the continuation, as a stop string does. */
  readonly stop?: (tokens: readonly number[]) => boolean;
}

/** A continuation. */
export interface Rollout {
  /** New tokens, with the end-of-sequence token if there was one. */
  readonly tokens: Int32Array;
  /** log π(token | before) at the sampling temperature (at 1 for greedy choice), of the untruncated distribution. */
  readonly logProbs: Float32Array;
  /** Entropy of that distribution in nats, by token. */
  readonly entropies: Float32Array;
  readonly stopped: "eos" | "stop" | "length";
  /** Sum of the pooled hidden states, [hidden], added in order, and their number. Null if nothing was to be pooled. */
  readonly pooled: { readonly sum: Float32Array; readonly count: number } | null;
}

/** How to decode. */
export interface GenerateOptions {
  readonly sampling: SamplingSpec;
  /** Tokens that end a sequence. */
  readonly eosIds: readonly number[];
  /** Sequences that decode together; by default as many as pay and fit (see {@linkcode slotsFor}). */
  readonly slots?: number;
  /** Most prompt tokens in one prefill. */
  readonly prefillTokens?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when all samples of a request are done. */
  readonly onDone?: (request: number, rollouts: readonly Rollout[]) => void;
  /** Called with the number of tokens whenever some were drawn. */
  readonly onTokens?: (count: number) => void;
}

interface Sequence {
  readonly request: number;
  readonly sample: number;
  /** Tokens in the cache. */
  length: number;
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly entropies: number[];
  stopped: Rollout["stopped"] | null;
  pooledCount: number;
}

/** A request that does not fit is a defect of the caller: what can be wrong in an input is checked where it is read. */
function checkRequest(
  { prompt, samples, maxNewTokens, pool }: RolloutRequest,
  index: number,
  maxPositions: number,
): void {
  const refuse = (reason: string) => {
    throw new Error(`generate: request ${index} ${reason}`);
  };
  if (prompt.length === 0) refuse("has an empty prompt");
  if (!(samples >= 1 && maxNewTokens >= 1)) refuse(`asks for ${samples} samples of ${maxNewTokens} tokens`);
  const longest = prompt.length + maxNewTokens;
  if (longest > maxPositions) refuse(`needs ${longest} of ${maxPositions} positions`);
  let before = 0;
  for (const { start, end } of pool?.prompt ?? []) {
    if (!(before <= start && start < end && end <= prompt.length)) {
      refuse(`pools tokens ${start} to ${end} of a prompt of ${prompt.length}`);
    }
    before = end;
  }
}

/** Lets signals and timers through; decoding itself never waits for anything. */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Continues every request and returns the rollouts by request and sample.
 *
 * @throws {NumericError} if a log-probability is not a number
 * @throws the signal's reason when it is aborted
 */
export async function generate(
  decoder: Decoder,
  requests: readonly RolloutRequest[],
  options: GenerateOptions,
): Promise<Rollout[][]> {
  const batch = new DecodingBatch(decoder, requests, options);
  try {
    return await batch.run();
  } finally {
    batch.free();
  }
}

class DecodingBatch {
  readonly #decoder: Decoder;
  readonly #requests: readonly RolloutRequest[];
  readonly #options: GenerateOptions;
  readonly #slots: number;
  readonly #results: (Rollout | undefined)[][];
  readonly #waiting: number[];
  readonly #active: Sequence[] = [];
  readonly #eos: ReadonlySet<number>;
  readonly #sums: Tensor;
  #cache: KvCache;

  constructor(decoder: Decoder, requests: readonly RolloutRequest[], options: GenerateOptions) {
    this.#decoder = decoder;
    this.#requests = requests;
    this.#options = options;
    this.#eos = new Set(options.eosIds);
    const { device, config } = decoder;
    requests.forEach((request, index) => checkRequest(request, index, config.maxPositions));
    this.#slots = slotsFor(requests, config, options.slots);
    this.#results = requests.map((r) => new Array<Rollout | undefined>(r.samples));
    // Short prompts first: the cache grows with the longest sequence and is read whole at every step.
    this.#waiting = requests.map((_, i) => i).sort((a, b) =>
      requests[b]!.prompt.length - requests[a]!.prompt.length || b - a
    );
    this.#cache = device.kvCache(config.layers, this.#slots, 32, attentionShape(config));
    this.#sums = device.alloc([this.#slots, config.hiddenSize]);
  }

  async run(): Promise<Rollout[][]> {
    let breath = performance.now();
    while (this.#waiting.length > 0 || this.#active.length > 0) {
      if (performance.now() - breath > 50) {
        await breathe();
        breath = performance.now();
      }
      this.#options.signal?.throwIfAborted();
      await this.#admit();
      if (this.#active.length > 0) await this.#step();
    }
    return this.#results as Rollout[][];
  }

  free(): void {
    this.#decoder.device.cacheFree(this.#cache);
    this.#decoder.device.free(this.#sums);
  }

  /** Prefills waiting prompts into free slots and draws their first tokens. */
  async #admit(): Promise<void> {
    const { device } = this.#decoder;
    const { prefillTokens = 1024 } = this.#options;
    const chosen: number[] = [];
    let free = this.#slots - this.#active.length, tokens = 0;
    // A prefill of several prompts is faster than several prefills: wait for slots while others decode.
    if (this.#active.length > 0 && free < this.#slots / 4) return;
    while (this.#waiting.length > 0) {
      const index = this.#waiting.at(-1)!, request = this.#requests[index]!;
      if (request.samples > free) break;
      if (chosen.length > 0 && tokens + request.prompt.length > prefillTokens) break;
      chosen.push(this.#waiting.pop()!);
      free -= request.samples;
      tokens += request.prompt.length;
    }
    if (chosen.length === 0) return;
    const prompts = chosen.map((index) => this.#requests[index]!.prompt);
    const pooledFrom = chosen.map((index) => this.#requests[index]!.pool?.prompt[0]?.start ?? Infinity);
    const { batch, shared, starts } = packPrompts(prompts, Math.min(...pooledFrom));
    const first = this.#active.length;
    const slotOf: number[] = [];
    for (const index of chosen) {
      slotOf.push(this.#active.length);
      const request = this.#requests[index]!, length = request.prompt.length;
      for (let sample = 0; sample < request.samples; sample++) {
        const pooledCount = (request.pool?.prompt ?? []).reduce(
          (sum, { start, end }) => sum + end - start,
          0,
        );
        this.#active.push({
          request: index,
          sample,
          length,
          tokens: [],
          logProbs: [],
          entropies: [],
          stopped: null,
          pooledCount,
        });
      }
    }
    const rows = chosen.flatMap((_, i) => {
      const slot = slotOf[i]!, own = prompts[i]!.length - shared;
      const common = shared > 0 ? [{ row: 0, count: shared, slot, position: 0 }] : [];
      return [...common, { row: starts[i]!, count: own, slot, position: shared }];
    });
    const hidden = this.#decoder.forward(
      batch,
      (layer, k, v) => device.cacheWrite(this.#cache, layer, k, v, rows),
    );
    chosen.forEach((index, i) => {
      const { samples, prompt, pool } = this.#requests[index]!;
      const slot = slotOf[i]!;
      for (let s = 1; s < samples; s++) device.cacheCopy(this.#cache, slot, slot + s, prompt.length);
      // Row of the stream that holds token 0, were the common beginning not elsewhere.
      const origin = starts[i]! - shared;
      if (pool) this.#poolPrompt(hidden, origin, pool.prompt, slot, samples);
    });
    const last = this.#active.slice(first).map(({ request, length }) =>
      starts[chosen.indexOf(request)]! - shared + length - 1
    );
    await this.#draw(hidden, last, this.#active.slice(first)).finally(() => device.free(hidden));
    this.#remove();
  }

  /** Adds up the pooled hidden states of a prompt, whose token 0 is row `origin`, for all its samples. */
  #poolPrompt(
    hidden: Tensor,
    origin: number,
    ranges: readonly TokenRange[],
    slot: number,
    samples: number,
  ): void {
    const { device } = this.#decoder;
    const target = device.rows(this.#sums, slot, slot + 1);
    device.fill(target, 0);
    for (const { start, end } of ranges) {
      const index = device.upload(new Int32Array(end - start), [end - start]);
      device.scatterAddRows(device.rows(hidden, origin + start, origin + end), index, target);
      device.free(index);
    }
    for (let s = 1; s < samples; s++) device.copy(target, device.rows(this.#sums, slot + s, slot + s + 1));
  }

  /** One token for every active sequence. */
  async #step(): Promise<void> {
    const { device, config } = this.#decoder;
    const active = this.#active;
    const ids = Int32Array.from(active, (s) => s.tokens.at(-1)!);
    const positions = Int32Array.from(active, (s) => s.length);
    const lengths = positions.map((p) => p + 1);
    const rows = active.map((s, slot) => ({ row: slot, count: 1, slot, position: s.length }));
    const shape = attentionShape(config);
    const hidden = this.#decoder.run(ids, positions, (layer, q, k, v, y) => {
      device.cacheWrite(this.#cache, layer, k, v, rows);
      device.attentionDecode(q, this.#cache, layer, lengths, shape, y);
    });
    const pooling = active.flatMap((s, slot) => this.#poolsLast(s) ? [slot] : []);
    if (pooling.length > 0) {
      const index = device.upload(Int32Array.from(pooling), [pooling.length]);
      const part = device.alloc([pooling.length, config.hiddenSize]);
      device.gatherRows(hidden, index, part);
      device.scatterAddRows(part, index, this.#sums);
      device.free(index, part);
      for (const slot of pooling) active[slot]!.pooledCount++;
    }
    for (const sequence of active) sequence.length++;
    const going = active.flatMap((s, slot) => s.stopped === null ? [slot] : []);
    await this.#draw(hidden, going, going.map((slot) => active[slot]!)).finally(() => device.free(hidden));
    await this.#finish(active.filter((_, slot) => !going.includes(slot)));
    this.#remove();
  }

  /** Draws the next token of each sequence from the given row of the hidden states, those of equal temperature at once. */
  async #draw(hidden: Tensor, rows: readonly number[], sequences: readonly Sequence[]): Promise<void> {
    const temperatures = sequences.map((s) => this.#temperature(s));
    for (const temperature of new Set(temperatures)) {
      const of = <T>(list: readonly T[]) => list.filter((_, i) => temperatures[i] === temperature);
      await this.#drawAt(temperature, hidden, of(rows), of(sequences));
    }
  }

  #temperature({ request }: Sequence): number {
    return this.#requests[request]!.temperature ?? this.#options.sampling.temperature;
  }

  async #drawAt(
    temperature: number,
    hidden: Tensor,
    rows: readonly number[],
    sequences: readonly Sequence[],
  ): Promise<void> {
    const { device, weights, config } = this.#decoder;
    const part = device.alloc([rows.length, config.hiddenSize]);
    const index = device.upload(Int32Array.from(rows), [rows.length]);
    device.gatherRows(hidden, index, part);
    const uniforms = Float32Array.from(
      sequences,
      (s) => temperature === 0 ? 0 : this.#requests[s.request]!.uniform(s.sample, s.tokens.length),
    );
    const drawn = await device.lmHeadSample(part, weights.head, uniforms, {
      ...this.#options.sampling,
      temperature,
    });
    device.free(part, index);
    const ended: Sequence[] = [];
    sequences.forEach((sequence, i) => {
      const { maxNewTokens, stop } = this.#requests[sequence.request]!;
      const token = drawn.ids[i]!;
      if (!Number.isFinite(drawn.logProb[i]!)) {
        throw new NumericError(
          `Log-probability of a generated token is ${drawn.logProb[i]}`,
          "The weights hold NaN or overflow: go back to the last good checkpoint and lower the learning rate",
        );
      }
      sequence.tokens.push(token);
      sequence.logProbs.push(drawn.logProb[i]!);
      sequence.entropies.push(drawn.entropy[i]!);
      if (this.#eos.has(token)) sequence.stopped = "eos";
      else if (stop?.(sequence.tokens)) sequence.stopped = "stop";
      else if (sequence.tokens.length >= maxNewTokens) sequence.stopped = "length";
      // The last token still has to be run through the model if its hidden state is to be pooled.
      if (sequence.stopped !== null && !this.#poolsLast(sequence)) ended.push(sequence);
    });
    this.#options.onTokens?.(sequences.length);
    await this.#finish(ended);
  }

  /** Whether the hidden state of a sequence's latest token is pooled. */
  #poolsLast({ request, stopped }: Sequence): boolean {
    const { pool } = this.#requests[request]!;
    return pool !== undefined && (stopped === "eos" ? pool.eos : pool.rationale);
  }

  /** Turns ended sequences into results. */
  async #finish(ended: readonly Sequence[]): Promise<void> {
    const { device } = this.#decoder;
    for (const sequence of ended) {
      const slot = this.#active.indexOf(sequence), results = this.#results[sequence.request]!;
      const { pool } = this.#requests[sequence.request]!;
      results[sequence.sample] = {
        tokens: Int32Array.from(sequence.tokens),
        logProbs: Float32Array.from(sequence.logProbs),
        entropies: Float32Array.from(sequence.entropies),
        stopped: sequence.stopped!,
        pooled: pool
          ? {
            sum: await device.read(
              device.reshape(device.rows(this.#sums, slot, slot + 1), [this.#decoder.config.hiddenSize]),
            ),
            count: sequence.pooledCount,
          }
          : null,
      };
      if (!results.includes(undefined)) this.#options.onDone?.(sequence.request, results as Rollout[]);
    }
  }

  /** Moves the last sequences into the slots of those that have a result. */
  #remove(): void {
    const { device } = this.#decoder;
    for (let slot = 0; slot < this.#active.length;) {
      const sequence = this.#active[slot]!;
      if (this.#results[sequence.request]![sequence.sample] === undefined) {
        slot++;
        continue;
      }
      const last = this.#active.length - 1;
      if (slot !== last) {
        device.cacheCopy(this.#cache, last, slot, this.#active[last]!.length);
        device.copy(device.rows(this.#sums, last, last + 1), device.rows(this.#sums, slot, slot + 1));
        this.#active[slot] = this.#active[last]!;
      }
      this.#active.pop();
    }
  }
}
