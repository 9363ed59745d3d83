/**
 * Sequences of different lengths that decode together, one token each a step, and leave when they are done; the samples of
 * one prompt share its prefill.
 *
 * @module
 */
import type { KvCache } from "../../kernels/attention_types.ts";
import type { SamplingSpec } from "../../kernels/lm_head_types.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import { NumericError } from "#errors";
import type { Decoder } from "../backbone/decoder.ts";
import { type Attend, attentionShape } from "../backbone/decoder_layer.ts";
import type { TokenRange } from "../objective/pooling.ts";
import { relativesTogether } from "./relatives.ts";
import type { GenerateOptions, Rollout, RolloutRequest } from "./request.ts";
import { PromptPacking } from "./shared_prefix.ts";
import { type Sequence, startedSequence } from "./sequence.ts";
import { SlotGroups } from "./slot_groups.ts";
import { firstCapacity, slotsFor } from "./slots.ts";

/**
 * Lets signals and timers through; decoding itself never waits for anything. It takes 2 ms, which is why it is not done at every
 * token. (`setImmediate` takes none, but does not wait for signals either: they come seconds later.)
 */
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Milliseconds of decoding between two breaths: what an interrupt waits for. */
const breathEvery = 500;

/** Requests with a cache of their own; freed by who made it. */
export class DecodingBatch {
  readonly #decoder: Decoder;
  readonly #requests: readonly RolloutRequest[];
  readonly #options: GenerateOptions;
  readonly #slots: number;
  readonly #results: (Rollout | undefined)[][];
  readonly #waiting: number[];
  readonly #groups: SlotGroups<Sequence>;
  readonly #eos: ReadonlySet<number>;
  readonly #sums: Tensor;
  /** Of each request's prompt, the rows among the activations that are kept. */
  readonly #promptRows: Int32Array[] = [];
  #cache: KvCache;

  /** Requests that can be served, see `checkRequest`. */
  constructor(decoder: Decoder, requests: readonly RolloutRequest[], options: GenerateOptions) {
    this.#decoder = decoder;
    this.#requests = requests;
    this.#options = options;
    this.#eos = new Set(options.eosIds);
    const { device, config } = decoder;
    this.#slots = slotsFor(requests, config, device.decoding, options.slots);
    this.#results = requests.map((r) => new Array<Rollout | undefined>(r.samples));
    // Short prompts first: the cache grows with the longest sequence and is read whole at every step.
    this.#waiting = relativesTogether(requests.map(({ prompt }) => prompt)).reverse();
    const admitted = this.#waiting.map((index) => requests[index]!).reverse();
    const capacity = firstCapacity(admitted, this.#slots);
    this.#cache = device.kvCache(config.layers, this.#slots, capacity, attentionShape(config));
    this.#sums = device.alloc([this.#slots, config.hiddenSize]);
    // Of one temperature, drawn together; an engine that is looked at after every token draws them from wherever they are.
    const kindOf = (sequence: Sequence) => device.decoding.ahead > 1 ? this.#temperature(sequence) : 0;
    this.#groups = new SlotGroups(kindOf, (from, to) => this.#moveSlot(from, to));
  }

  /** Sequences by slot. */
  get #active(): readonly Sequence[] {
    return this.#groups.sequences;
  }

  /** Rollouts by request and sample. */
  async run(): Promise<Rollout[][]> {
    let breath = performance.now();
    while (this.#waiting.length > 0 || this.#active.length > 0) {
      if (performance.now() - breath > breathEvery) {
        await breathe();
        breath = performance.now();
      }
      this.#options.signal?.throwIfAborted();
      await this.#admit();
      const ahead = this.#ahead();
      if (ahead > 1) await this.#leap(ahead);
      else if (this.#active.length > 0) await this.#step();
    }
    return this.#results as Rollout[][];
  }

  /** Gives the cache back. */
  free(): void {
    this.#decoder.device.cacheFree(this.#cache);
    this.#decoder.device.free(this.#sums);
  }

  /** Prefills waiting prompts into free slots and draws their first tokens. */
  async #admit(): Promise<void> {
    const { device } = this.#decoder;
    const { prefillTokens = device.decoding.prefillTokens } = this.#options;
    const chosen: number[] = [], packing = new PromptPacking();
    let free = this.#slots - this.#active.length;
    // A prefill of several prompts is faster than several prefills: wait for slots while others decode.
    if (this.#active.length > 0 && free < this.#slots / 4) return;
    while (this.#waiting.length > 0) {
      const index = this.#waiting.at(-1)!, request = this.#requests[index]!;
      const pooledFrom = request.pool?.prompt[0]?.start;
      if (request.samples > free) break;
      if (!packing.empty && packing.rowsWith(request.prompt, pooledFrom) > prefillTokens) break;
      packing.add(request.prompt, pooledFrom);
      chosen.push(this.#waiting.pop()!);
      free -= request.samples;
    }
    if (chosen.length === 0) return;
    const { batch, prompts } = packing.pack();
    const samples = chosen.map((index) => {
      const request = this.#requests[index]!;
      return Array.from({ length: request.samples }, (_, sample) => startedSequence(index, sample, request));
    });
    const started = samples.flat();
    this.#groups.add(started);
    // Those of a request have one temperature, and so slots that follow each other.
    const slotOf = samples.map(([first]) => this.#active.indexOf(first!));
    const rows = chosen.flatMap((index, i) => {
      const { shared, sharedStart, start } = prompts[i]!, slot = slotOf[i]!;
      const common = shared > 0 ? [{ row: sharedStart, count: shared, slot, position: 0 }] : [];
      const own = this.#requests[index]!.prompt.length - shared;
      return [...common, { row: start, count: own, slot, position: shared }];
    });
    const keep = this.#options.keep?.take(batch.ids.length);
    const hidden = this.#decoder.forward(
      batch,
      (layer, k, v) => device.cacheWrite(this.#cache, layer, k, v, rows),
      keep,
    );
    if (keep) {
      chosen.forEach((index, i) => {
        const { shared, sharedStart, origin } = prompts[i]!;
        this.#promptRows[index] = Int32Array.from(
          this.#requests[index]!.prompt,
          (_, token) => keep.first + token + (token < shared ? sharedStart : origin),
        );
      });
    }
    chosen.forEach((index, i) => {
      const { samples, prompt, pool } = this.#requests[index]!;
      const slot = slotOf[i]!;
      for (let s = 1; s < samples; s++) device.cacheCopy(this.#cache, slot, slot + s, prompt.length);
      if (pool) this.#poolPrompt(hidden, prompts[i]!.origin, pool.prompt, slot, samples);
    });
    const last = started.map(({ request, length }) => prompts[chosen.indexOf(request)]!.origin + length - 1);
    await this.#draw(hidden, last, started).finally(() => device.free(hidden));
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

  /** Hidden states [active, hidden] of one more token of every active sequence, `offset` tokens after the last known. */
  #advance(ids: Int32Array | Tensor, offset: number): Tensor {
    const { device, config } = this.#decoder, shape = attentionShape(config);
    const positions = Int32Array.from(this.#active, (s) => s.length + offset);
    const lengths = positions.map((p) => p + 1);
    const rows = this.#active.map((s, slot) => ({ row: slot, count: 1, slot, position: s.length + offset }));
    const keep = this.#options.keep?.take(rows.length);
    if (keep) this.#active.forEach((sequence, slot) => sequence.rows.push(keep.first + slot));
    const attend: Attend = (layer, q, k, v, y) => {
      device.cacheWrite(this.#cache, layer, k, v, rows);
      device.attentionDecode(q, this.#cache, layer, lengths, shape, y);
    };
    return this.#decoder.run(ids, positions, attend, keep);
  }

  /** Adds rows `slots` of the hidden states to the pooled sums of those slots. */
  #pool(hidden: Tensor, slots: readonly number[]): void {
    if (slots.length === 0) return;
    const { device, config } = this.#decoder;
    const index = device.upload(Int32Array.from(slots), [slots.length]);
    const part = device.alloc([slots.length, config.hiddenSize]);
    device.gatherRows(hidden, index, part);
    device.scatterAddRows(part, index, this.#sums);
    device.free(index, part);
    for (const slot of slots) this.#active[slot]!.pooledCount++;
  }

  /** One token for every active sequence. */
  async #step(): Promise<void> {
    const { device } = this.#decoder;
    const active = this.#active;
    const hidden = this.#advance(Int32Array.from(active, (s) => s.tokens.at(-1)!), 0);
    this.#pool(hidden, active.flatMap((s, slot) => this.#poolsLast(s) ? [slot] : []));
    for (const sequence of active) sequence.length++;
    const going = active.flatMap((s, slot) => s.stopped === null ? [slot] : []);
    await this.#draw(hidden, going, going.map((slot) => active[slot]!)).finally(() => device.free(hidden));
    await this.#finish(active.filter((_, slot) => !going.includes(slot)));
    this.#remove();
  }

  /**
   * How many tokens to decode before looking: as many as the engine likes, and no more than some sequence may still write and
   * all have positions for.
   */
  #ahead(): number {
    const { device, config } = this.#decoder, active = this.#active;
    // Rows that lie beyond a sequence's end would take room among those that are kept.
    if (device.decoding.ahead === 1 || active.length === 0 || this.#options.keep) return 1;
    const left = active.map(({ request, tokens, stopped }) =>
      stopped === null ? this.#requests[request]!.maxNewTokens - tokens.length : 1
    );
    const room = active.map(({ length }) => config.maxPositions - length);
    return Math.min(device.decoding.ahead, Math.max(...left), Math.min(...room));
  }

  /**
   * Decodes `count` tokens of every active sequence without looking at any, then goes through them as {@linkcode #step}
   * would have: the tokens, sums and statistics have the same bits, and what lies beyond a sequence's end is dropped.
   */
  async #leap(count: number): Promise<void> {
    const { device, weights } = this.#decoder, active = [...this.#active], n = active.length;
    const runs = this.#groups.runs().map((run) => ({ ...run, spec: this.#samplingAt(run.kind) }));
    const ids = device.alloc([count + 1, n], "i32"), statistics = device.alloc([count, n, 3]);
    const idsOf = (t: number) => device.reshape(device.rows(ids, t, t + 1), [n]);
    const hidden: Tensor[] = [];
    try {
      device.write(idsOf(0), Int32Array.from(active, (s) => s.tokens.at(-1)!));
      for (let t = 0; t < count; t++) {
        hidden.push(this.#advance(idsOf(t), t));
        const target = device.reshape(device.rows(statistics, t, t + 1), [n, 3]);
        for (const { from, to, spec } of runs) {
          const rows = (tensor: Tensor) => device.rows(tensor, from, to);
          const uniforms = Float32Array.from(
            active.slice(from, to),
            (s) =>
              spec.temperature === 0 ? 0 : this.#requests[s.request]!.uniform(s.sample, s.tokens.length + t),
          );
          device.lmHeadSampleInto(
            rows(hidden[t]!),
            weights.head,
            uniforms,
            spec,
            rows(idsOf(t + 1)),
            rows(target),
          );
        }
      }
      const [drawn, told] = await Promise.all([device.read(ids), device.read(statistics)]);
      const ended = new Set<Sequence>();
      for (let t = 0; t < count; t++) {
        this.#options.signal?.throwIfAborted();
        const here = active.flatMap((s, slot) => ended.has(s) ? [] : [slot]);
        this.#pool(hidden[t]!, here.filter((slot) => this.#poolsLast(active[slot]!)));
        let tokens = 0;
        for (const slot of here) {
          const sequence = active[slot]!, at = 3 * (t * n + slot);
          sequence.length++;
          if (sequence.stopped === null) {
            this.#take(sequence, drawn[(t + 1) * n + slot]!, told[at]!, told[at + 2]!);
            tokens++;
            if (sequence.stopped === null || this.#poolsLast(sequence)) continue;
          }
          ended.add(sequence);
        }
        if (tokens > 0) this.#options.onTokens?.(tokens);
      }
      await this.#finish([...ended]);
    } finally {
      device.free(ids, statistics, ...hidden);
    }
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

  #samplingAt(temperature: number): SamplingSpec {
    const { sampling, entropies = true } = this.#options;
    return { ...sampling, temperature, entropy: entropies };
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
    const uniforms = Float32Array.from(
      sequences,
      (s) => temperature === 0 ? 0 : this.#requests[s.request]!.uniform(s.sample, s.tokens.length),
    );
    const part = device.alloc([rows.length, config.hiddenSize]);
    const index = device.upload(Int32Array.from(rows), [rows.length]);
    device.gatherRows(hidden, index, part);
    const spec = this.#samplingAt(temperature);
    const drawn = await device.lmHeadSample(part, weights.head, uniforms, spec)
      .finally(() => device.free(part, index));
    const ended: Sequence[] = [];
    sequences.forEach((sequence, i) => {
      this.#take(sequence, drawn.ids[i]!, drawn.logProb[i]!, drawn.entropy[i]!);
      // The last token still has to be run through the model if its hidden state is to be pooled.
      if (sequence.stopped !== null && !this.#poolsLast(sequence)) ended.push(sequence);
    });
    this.#options.onTokens?.(sequences.length);
    await this.#finish(ended);
  }

  /** Appends a drawn token to its sequence, and notes whether it is the last. */
  #take(sequence: Sequence, token: number, logProb: number, entropy: number): void {
    const { maxNewTokens, stop } = this.#requests[sequence.request]!;
    if (!Number.isFinite(logProb)) {
      throw new NumericError(
        `Log-probability of a generated token is ${logProb}`,
        "The weights hold NaN or overflow: go back to the last good checkpoint and lower the learning rate",
      );
    }
    sequence.tokens.push(token);
    sequence.logProbs.push(logProb);
    sequence.entropies.push(entropy);
    if (this.#eos.has(token)) sequence.stopped = "eos";
    else if (stop?.(sequence.tokens)) sequence.stopped = "stop";
    else if (sequence.tokens.length >= maxNewTokens) sequence.stopped = "length";
  }

  /** Whether the hidden state of a sequence's latest token is pooled. */
  #poolsLast({ request, stopped }: Sequence): boolean {
    const { pool } = this.#requests[request]!;
    return pool !== undefined && (stopped === "eos" ? pool.eos : pool.rationale);
  }

  /** Turns ended sequences into results. */
  async #finish(ended: readonly Sequence[]): Promise<void> {
    const { device, config: { hiddenSize } } = this.#decoder;
    if (ended.length === 0) return;
    const pooled = ended.some(({ request }) => this.#requests[request]!.pool);
    const sums = pooled ? await device.read(this.#sums) : new Float32Array();
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
            sum: sums.slice(slot * hiddenSize, (slot + 1) * hiddenSize),
            count: sequence.pooledCount,
          }
          : null,
        ...(this.#options.keep && {
          rows: { prompt: this.#promptRows[sequence.request]!, own: Int32Array.from(sequence.rows) },
        }),
      };
      if (!results.includes(undefined)) this.#options.onDone?.(sequence.request, results as Rollout[]);
    }
  }

  /** Others take the slots of sequences that have a result. */
  #remove(): void {
    for (let slot = 0; slot < this.#active.length;) {
      const { request, sample } = this.#active[slot]!;
      if (this.#results[request]![sample] === undefined) slot++;
      else this.#groups.remove(slot);
    }
  }

  /** Copies the tokens and the pooled sum of a slot over those of another. */
  #moveSlot(from: number, to: number): void {
    const { device } = this.#decoder, sums = (slot: number) => device.rows(this.#sums, slot, slot + 1);
    device.cacheCopy(this.#cache, from, to, this.#active[from]!.length);
    device.copy(sums(from), sums(to));
  }
}
