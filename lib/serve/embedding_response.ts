/**
 * The answer to `POST /v1/embeddings`, in OpenAI's form.
 *
 * @module
 */
import type { EmbeddedText } from "../rollout/embed.ts";
import type { EmbeddingRequest, ServedModel } from "./embedding_request.ts";

/** An embedding in an answer. The fields from `rationales` on are an extension, there only if they were asked for. */
export interface AnsweredEmbedding {
  readonly object: "embedding";
  readonly index: number;
  /** Numbers, or base64 of the same as little-endian float32. */
  readonly embedding: number[] | string;
  readonly rationales?: readonly string[];
  /** Tokens of all rationales, with those that end them. */
  readonly rationale_tokens?: number;
  /** How many of them reached their limit before their end. */
  readonly truncated_rationales?: number;
  /** Tokens of the prompt: the text with the template around it. */
  readonly prompt_tokens?: number;
  /** Whether the text lost its end to the limit of the prompt. */
  readonly truncated_text?: boolean;
}

/** The whole answer. */
export interface EmbeddingResponse {
  readonly object: "list";
  readonly data: readonly AnsweredEmbedding[];
  readonly model: string;
  /** `total_tokens` counts what was written, too. */
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
}

/** Makes the answer. */
export function embeddingResponse(
  { encoding, rationales }: Pick<EmbeddingRequest, "encoding" | "rationales">,
  results: readonly EmbeddedText[],
  { id }: ServedModel,
): EmbeddingResponse {
  const read = results.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const written = results.reduce((sum, { rationaleTokens }) => sum + rationaleTokens, 0);
  return {
    object: "list",
    data: results.map((result, index) => ({
      object: "embedding",
      index,
      embedding: encoding === "base64" ? base64(result.embedding) : [...result.embedding],
      ...(rationales && {
        rationales: result.rationales,
        rationale_tokens: result.rationaleTokens,
        truncated_rationales: result.truncatedRationales,
        prompt_tokens: result.promptTokens,
        truncated_text: result.truncatedPrompt,
      }),
    })),
    model: id,
    usage: { prompt_tokens: read, total_tokens: read + written },
  };
}

/** Little-endian float32, whatever the order of this machine. */
function base64(vector: Float32Array): string {
  const bytes = new Uint8Array(4 * vector.length), view = new DataView(bytes.buffer);
  vector.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return bytes.toBase64();
}
