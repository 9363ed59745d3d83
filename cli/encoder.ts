/**
 * The encoder that `eval --encoder` names, as the evaluation sees it.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { BackboneFile } from "../lib/backbone/open.ts";
import { OnnxEncoder } from "../lib/encoder/onnx_encoder.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import type { Encoder } from "../evals/encoder.ts";
import type { OnTokens } from "./model.ts";

/** An encoder, loaded. */
export interface OpenedEncoder extends Disposable {
  readonly encoder: Encoder;
  /** Name for folders. */
  readonly name: string;
  /** Every file that was read. */
  readonly files: readonly BackboneFile[];
  /** What the embeddings depend on beside the files. */
  readonly settings: OnnxEncoder["settings"];
}

/**
 * Opens what a specification names: `onnx:` and a folder with an ONNX export, or a graph in it.
 *
 * @throws UsageError for any other specification; as {@linkcode OnnxEncoder.open} for what it names
 */
export async function openEncoder(specification: string, onTokens?: OnTokens): Promise<OpenedEncoder> {
  const path = /^onnx:(.+)$/s.exec(specification)?.[1];
  if (path === undefined) {
    throw new UsageError(
      `unknown encoder "${specification}"`,
      "give onnx:<folder>, a folder with model.onnx (or onnx/model.onnx), tokenizer.json and modules.json",
    );
  }
  const model = await OnnxEncoder.open(path);
  const { name, files, settings, prompts } = model;
  const prompted = Object.keys(prompts.named).length > 0 || prompts.standard !== "";
  const encoder: Encoder = {
    digest: canonicalHash({ files: files.map(({ name, sha256 }) => ({ name, sha256 })), settings }),
    dimension: model.dimension,
    ...prompted && { prompts },
    encode: async (texts, { prompt, signal, onEncoded, onProgress } = {}) => {
      let done = 0;
      const results = await model.encode(texts, {
        prompt,
        signal,
        onTokens,
        onDone: (index, text) => {
          onEncoded?.(index, encodedOf(text));
          onProgress?.(++done, texts.length);
        },
      });
      return results.map(encodedOf);
    },
  };
  return { encoder, name, files, settings, [Symbol.dispose]: () => model[Symbol.dispose]() };
}

/** An encoder writes nothing about a text. */
function encodedOf({ embedding, truncated }: { embedding: Float32Array; truncated: boolean }) {
  return {
    embedding,
    rationales: [],
    rationaleTokens: 0,
    truncatedRationales: 0,
    truncatedPrompt: truncated,
  };
}
