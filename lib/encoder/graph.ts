/**
 * An exported transformer as a function from token ids to vectors.
 *
 * @module
 */
import { UsageError } from "#errors";
import { ortTensor } from "../../kernels/cpu/ort.ts";
import { type ModelValue, OrtModel } from "../../kernels/cpu/ort_model.ts";
import type { TextTokens } from "./text_tokens.ts";

/** Inputs that are known, with what each is given for a token. */
const INPUTS: Readonly<Record<string, (text: TextTokens, place: number) => number>> = {
  input_ids: (text, place) => text.ids[place]!,
  attention_mask: () => 1,
  token_type_ids: (text, place) => text.types[place]!,
};

/** Outputs that are known, the one that is taken first. */
const OUTPUTS = [
  /** The vector of a text, behind all modules. */
  { name: "sentence_embedding", rank: 2 },
  { name: "last_hidden_state", rank: 3 },
  { name: "token_embeddings", rank: 3 },
] as const;

/** A graph, loaded and checked. */
export class EncoderGraph {
  readonly #model: OrtModel;
  readonly #output: ModelValue;
  /** Whether the graph gives the vector of a text itself, or one for each of its tokens. */
  readonly pooled: boolean;
  /** Width of its vectors. */
  readonly width: number;

  /**
   * Loads a graph.
   *
   * @param width of its vectors, where the graph does not say
   * @throws UsageError if it has an input or output that is not known, or one of a fixed size
   */
  constructor(path: string, threads: number, width: number | undefined) {
    this.#model = new OrtModel(path, threads);
    try {
      for (const input of this.#model.inputs) checkInput(input, path);
      if (!this.#model.inputs.some(({ name }) => name === "input_ids")) {
        throw new UsageError(`"${path}" has no input "input_ids"`, "export a text encoder");
      }
      this.#output = outputOf(this.#model);
      this.pooled = this.#output.shape.length === 2;
      const own = this.#output.shape.at(-1) ?? width;
      if (own === undefined) {
        throw new UsageError(
          `"${path}" does not say how wide "${this.#output.name}" is, and config.json has no hidden_size`,
          "download config.json again",
        );
      }
      this.width = own;
    } catch (error) {
      this.#model.dispose();
      throw error;
    }
  }

  /**
   * Runs texts that all have the same number of tokens, so that nothing is padded.
   *
   * @returns [texts, width] if {@linkcode pooled}, else [texts, tokens, width]
   * @throws UsageError if the graph fails, such as over an id that its embedding does not have
   */
  run(texts: readonly TextTokens[]): Float32Array<ArrayBuffer> {
    const length = texts[0]!.ids.length;
    const dims = [texts.length, length];
    const feeds = Object.fromEntries(this.#model.inputs.map(({ name, type }) => {
      const value = INPUTS[name]!;
      const values = texts.flatMap((text) => text.ids.map((_, place) => value(text, place)));
      const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
      return [name, ortTensor(data, dims)];
    }));
    const shape = this.pooled ? [texts.length, this.width] : [...dims, this.width];
    const out = new Float32Array(shape.reduce((product, size) => product * size));
    try {
      this.#model.run(feeds, { [this.#output.name]: ortTensor(out, shape) });
    } catch (cause) {
      throw new UsageError(
        `"${this.#model.path}" fails on ${texts.length} texts of ${length} tokens: ${
          (cause as Error).message
        }`,
        "check that graph, config.json and tokenizer.json are of one model",
        { cause },
      );
    }
    return out;
  }

  /** Frees the graph. */
  dispose(): void {
    this.#model.dispose();
  }
}

function checkInput({ name, type, shape }: ModelValue, path: string): void {
  if (!Object.hasOwn(INPUTS, name)) {
    throw new UsageError(
      `"${path}" has an input "${name}", which is not known here`,
      `export the model with the inputs ${Object.keys(INPUTS).join(", ")}`,
    );
  }
  if ((type !== "int64" && type !== "int32") || shape.length !== 2) {
    throw new UsageError(
      `the input "${name}" of "${path}" is ${type} [${shape}]`,
      "export the model with whole numbers as [batch, sequence]",
    );
  }
  if (shape.some((size) => size !== null)) {
    throw new UsageError(
      `the input "${name}" of "${path}" has the fixed size [${shape.map((size) => size ?? "?")}]`,
      "export the model with dynamic axes for batch and sequence",
    );
  }
}

function outputOf({ outputs, path }: OrtModel): ModelValue {
  for (const { name, rank } of OUTPUTS) {
    const output = outputs.find((one) => one.name === name);
    if (!output) continue;
    if (output.type === "float32" && output.shape.length === rank) return output;
    throw new UsageError(
      `the output "${name}" of "${path}" is ${output.type} with ${output.shape.length} dimensions`,
      `export the model in float32 ("${name}" has ${rank} dimensions)`,
    );
  }
  throw new UsageError(
    `"${path}" has the outputs ${outputs.map(({ name }) => name).join(", ") || "none"}`,
    `export the model for feature extraction: with ${OUTPUTS.map(({ name }) => name).join(", or ")}`,
  );
}
