/**
 * All that evaluation sees of a model: something that embeds texts and something that continues them.
 *
 * @module
 */

/** What a model made of one text. */
export interface Encoded {
  /** [dimension], not normalised. */
  readonly embedding: Float32Array;
  /** What the model wrote about the text before it was embedded, one for each sample; none where it writes nothing. */
  readonly rationales: readonly string[];
  /** Tokens of all of them. */
  readonly rationaleTokens: number;
  /** How many of them were cut at their limit. */
  readonly truncatedRationales: number;
  /** Tokens of the prompt, or of the text where there is none; absent where the embedding was made elsewhere. */
  readonly promptTokens?: number;
  /** Whether the text was cut to the prompt limit. */
  readonly truncatedPrompt: boolean;
}

/** Cancellation and progress of a batch call. */
export interface BatchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Options of {@linkcode Encoder.encode}. */
export interface EncodeOptions extends BatchOptions {
  /** Stands before every text of the call: one of {@linkcode Encoder.prompts}, or nothing. */
  readonly prompt?: string | undefined;
  /** Called once for every text as soon as it is done, in any order. */
  readonly onEncoded?: ((index: number, encoded: Encoded) => void) | undefined;
}

/** Prompts of a model, as `config_sentence_transformers.json` has them. */
export interface EncoderPrompts {
  /** By the name of a task, of a type of tasks, or of a role: "query", "passage". */
  readonly named: Readonly<Record<string, string>>;
  /** For texts that none of these is for; "" for none. */
  readonly standard: string;
}

/** Embeds texts. The result for a text must not depend on the other texts of the call. */
export interface Encoder {
  /** Identity of everything that the embeddings depend on (weights, prompt, sampling, pooling), hex. */
  readonly digest: string;
  readonly dimension: number;
  /** What the model was trained to find before texts; absent where all texts are given to it in the same way. */
  readonly prompts?: EncoderPrompts;
  /** One result per text, in order. */
  encode(texts: readonly string[], options?: EncodeOptions): Promise<readonly Encoded[]>;
}

/** How one of several continuations is drawn: the same fields give the same continuation, whatever is asked beside it. */
export interface AnswerSampling {
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** Number of the continuation among those of its prompt, from 0. */
  readonly sample: number;
}

/** One continuation that is asked for. */
export interface GenerationRequest {
  readonly prompt: string;
  /** Generation ends before the first occurrence of any of these. */
  readonly stops: readonly string[];
  readonly maxNewTokens: number;
  /** Absent for the greedy continuation. */
  readonly sampling?: AnswerSampling;
}

/** A continuation; `text` does not hold the stop string. */
export interface Generation {
  readonly text: string;
  readonly tokens: number;
  /** Why it ended: a stop string, the model's own end, or the token limit. */
  readonly stopped: "stop" | "eos" | "length";
}

/** A continuation whose probability is asked for. */
export interface LikelihoodRequest {
  readonly context: string;
  readonly continuation: string;
}

/** Natural logarithm of P(continuation | context), summed over the continuation's tokens. */
export interface Likelihood {
  readonly logProb: number;
  readonly tokens: number;
}

/** Options of a {@linkcode Generator}'s calls. */
export interface AnswerOptions<T> extends BatchOptions {
  /** Called at most once for a request as soon as it is answered, in any order; what is not reported is kept when all are. */
  readonly onAnswered?: ((index: number, answer: T) => void) | undefined;
}

/** Continues texts. The result for a request must not depend on the other requests of the call. */
export interface Generator {
  /** Identity of everything that the continuations depend on, hex. */
  readonly digest: string;
  /** One result per request, in order. */
  generate(
    requests: readonly GenerationRequest[],
    options?: AnswerOptions<Generation>,
  ): Promise<readonly Generation[]>;
  /** One result per request, in order. */
  logLikelihood(
    requests: readonly LikelihoodRequest[],
    options?: AnswerOptions<Likelihood>,
  ): Promise<readonly Likelihood[]>;
}
