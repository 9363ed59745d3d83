/**
 * A sentence encoder that was exported as ONNX, from texts to vectors.
 *
 * The result for a text does not depend on the texts beside it, to the last bit: only texts of the same number of tokens
 * run together, so that none is padded, and matrix products give a row the same bits among any others
 * (docs/numerics.md). Whether a graph keeps that is tried when it is opened; one that does not, such as one with dynamic
 * quantisation, which scales a whole batch by its largest value, runs each text by itself.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { NumericError, UsageError } from "#errors";
import { safeThreads } from "../../kernels/cpu/safe_threads.ts";
import { ortVersion } from "../../kernels/cpu/ort_api.ts";
import { Fields } from "../backbone/json.ts";
import type { BackboneFile } from "../backbone/open.ts";
import { l2Normalize } from "../objective/vector.ts";
import { openDense } from "./dense.ts";
import { type EncoderFolder, type FolderPrompts, readEncoderFolder } from "./folder.ts";
import { EncoderGraph } from "./graph.ts";
import { poolTokens } from "./pooling.ts";
import { TextTokenizer, type TextTokens } from "./text_tokens.ts";

/** Tokens that run together: fewer leave a core idle, more leave its cache. */
const TOKENS_PER_RUN = 512;

/** A text with its vector. */
export interface EncodedText {
  /** [dimension] */
  readonly embedding: Float32Array;
  /** Tokens of the text and its prompt, special ones included. */
  readonly tokens: number;
  /** Whether the text was cut to the limit of tokens. */
  readonly truncated: boolean;
}

/** Options of {@linkcode OnnxEncoder.encode}. */
export interface OnnxEncodeOptions {
  /** Stands before every text. */
  readonly prompt?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once for every text as soon as it is done, in any order. */
  readonly onDone?: ((index: number, text: EncodedText) => void) | undefined;
  readonly onTokens?: ((count: number) => void) | undefined;
}

/** An encoder, loaded. */
export class OnnxEncoder implements Disposable {
  readonly #folder: EncoderFolder;
  readonly #graph: EncoderGraph;
  readonly #tokenizer: TextTokenizer;
  readonly #steps: readonly ((vector: Float32Array) => Float32Array)[];
  /** Length of a vector. */
  readonly dimension: number;
  /** Whether a text has the same bits among others: then texts run together. */
  readonly together: boolean;

  private constructor(folder: EncoderFolder, graph: EncoderGraph, tokenizer: TextTokenizer) {
    this.#folder = folder;
    this.#graph = graph;
    this.#tokenizer = tokenizer;
    const { modules } = folder;
    const steps = graph.pooled ? [] : modules!.steps;
    this.#steps = steps.map((step) =>
      step.kind === "normalize" ? (x) => l2Normalize(x) : openDense(folder.folder, step)
    );
    const last = steps.findLast((step) => step.kind === "dense");
    this.dimension = last?.outFeatures ?? graph.width * (graph.pooled ? 1 : modules!.pooling.modes.length);
    this.together = keepsBits(graph, tokenizer.vocabSize, folder.maxTokens);
  }

  /**
   * Opens a folder with an ONNX export, or one of its graphs.
   *
   * @param threads at most so many; default: the cores there are
   * @throws MissingError naming a file that is not there
   * @throws UsageError if files do not belong together, or say what cannot be done here
   */
  static async open(path: string, threads: number = availableParallelism()): Promise<OnnxEncoder> {
    const folder = readEncoderFolder(path);
    const config = new Fields(folder.config, `${folder.folder}/config.json`);
    const tokenizer = await TextTokenizer.create({
      ...folder,
      origin: `${folder.folder}/tokenizer.json`,
    });
    const rows = config.number("vocab_size");
    if (tokenizer.vocabSize > rows) {
      throw new UsageError(
        `${folder.folder}/tokenizer.json has ids up to ${
          tokenizer.vocabSize - 1
        }, the model has ${rows} tokens`,
        "use the tokenizer that belongs to the model",
      );
    }
    const hidden = config.has("hidden_size") ? config.number("hidden_size") : undefined;
    // The inner dimension is that of the feed-forward layer, which has the longest sums.
    const graph = new EncoderGraph(folder.graph, safeThreads(hidden ?? 0, Infinity, threads), hidden);
    try {
      checkModules(folder, graph);
      return new OnnxEncoder(folder, graph, tokenizer);
    } catch (error) {
      graph.dispose();
      throw error;
    }
  }

  /** Name for folders and tables. */
  get name(): string {
    return this.#folder.name;
  }

  /** Every file that was read, with its digest. */
  get files(): readonly BackboneFile[] {
    return this.#folder.files;
  }

  /** The model's prompts. */
  get prompts(): FolderPrompts {
    return this.#folder.prompts;
  }

  /** What the vectors depend on beside the files. */
  get settings(): Readonly<Record<string, string | number | boolean>> {
    const { maxTokens, lowercase } = this.#folder;
    return { onnxruntime: ortVersion, maxTokens, lowercase, together: this.together };
  }

  /**
   * Embeds texts; results in their order.
   *
   * @throws NumericError naming a text whose vector is not finite
   */
  async encode(texts: readonly string[], options: OnnxEncodeOptions = {}): Promise<EncodedText[]> {
    const { prompt = "", signal, onDone, onTokens } = options;
    const skipped = this.#skippedBy(prompt);
    const tokens = texts.map((text) => this.#tokenizer.encode(prompt + text));
    const results = new Array<EncodedText>(texts.length);
    for (const run of this.#runs(tokens)) {
      signal?.throwIfAborted();
      const out = this.#graph.run(run.map((index) => tokens[index]!));
      run.forEach((index, place) => {
        const size = out.length / run.length;
        const embedding = this.#finish(out.subarray(place * size, (place + 1) * size), skipped);
        if (!embedding.every(Number.isFinite)) throw notFinite(texts[index]!, this.#folder.graph);
        const { ids, truncated } = tokens[index]!;
        results[index] = { embedding, tokens: ids.length, truncated };
        onDone?.(index, results[index]);
      });
      onTokens?.(run.length * tokens[run[0]!]!.ids.length);
      // A run is synchronous: signals and progress are looked at in between.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return results;
  }

  /** Frees the graph. */
  [Symbol.dispose](): void {
    this.#graph.dispose();
  }

  /** Indices of texts that run together: of equal length, the shortest first. */
  *#runs(tokens: readonly TextTokens[]): Generator<number[]> {
    const byLength = Map.groupBy(tokens.keys(), (index) => tokens[index]!.ids.length);
    for (const length of [...byLength.keys()].sort((a, b) => a - b)) {
      const indices = byLength.get(length)!;
      const most = this.together ? Math.max(1, Math.floor(TOKENS_PER_RUN / length)) : 1;
      for (let start = 0; start < indices.length; start += most) yield indices.slice(start, start + most);
    }
  }

  #finish(out: Float32Array<ArrayBuffer>, skipped: number): Float32Array {
    const { modules } = this.#folder;
    const pooled = this.#graph.pooled
      ? out.slice()
      : poolTokens(out, this.#graph.width, modules!.pooling, skipped);
    // What is not finite is told of with its text.
    if (!pooled.every(Number.isFinite)) return pooled;
    return this.#steps.reduce<Float32Array>((vector, step) => step(vector), pooled);
  }

  #skippedBy(prompt: string): number {
    const { modules } = this.#folder;
    const included = this.#graph.pooled || modules!.pooling.includePrompt;
    return included || prompt === "" ? 0 : this.#tokenizer.promptLength(prompt);
  }
}

function checkModules({ folder, modules }: EncoderFolder, graph: EncoderGraph): void {
  if (graph.pooled) {
    if (modules?.pooling.includePrompt === false) {
      throw new UsageError(
        `the graph of "${folder}" pools by itself, but 1_Pooling says that prompts are not to be pooled`,
        "export the model with last_hidden_state as its output",
      );
    }
    return;
  }
  if (modules === null) {
    throw new UsageError(
      `"${folder}" has no modules.json: how the vectors of its tokens become one is not known`,
      "download modules.json and 1_Pooling/config.json of the model; for one that has none, write them as " +
        "sentence-transformers does for a model of your own",
    );
  }
  if (modules.wordDimension !== graph.width) {
    throw new UsageError(
      `1_Pooling/config.json is for vectors of ${modules.wordDimension}, the graph of "${folder}" gives ${graph.width}`,
      "download the model again: its files do not belong together",
    );
  }
}

/** Tries whether a text has the same bits alone, beside a few others, and in a full run. */
function keepsBits(graph: EncoderGraph, vocabSize: number, maxTokens: number): boolean {
  const length = Math.min(12, maxTokens);
  const texts = Array.from({ length: Math.floor(TOKENS_PER_RUN / length) }, (_, text): TextTokens => ({
    // Any ids will do; 7919 is a prime, which spreads them over the vocabulary.
    ids: Array.from({ length }, (_, place) => (7919 * (text * length + place)) % vocabSize),
    types: new Array(length).fill(0),
    truncated: false,
  }));
  const alone = graph.run([texts[1]!]);
  return [3, texts.length].every((count) => {
    const among = graph.run(texts.slice(0, count));
    return alone.every((value, i) => Object.is(value, among[alone.length + i]));
  });
}

function notFinite(text: string, graph: string): NumericError {
  return new NumericError(
    `the embedding of "${text.slice(0, 60)}" is not finite`,
    `the graph "${graph}" fails on this text: export it again, in float32`,
  );
}
