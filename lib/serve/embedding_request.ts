/**
 * The body of `POST /v1/embeddings` (https://platform.openai.com/docs/api-reference/embeddings/create), read and checked: what is
 * not understood is refused, never ignored, but for `user`, which means nothing to the result.
 *
 * @module
 */
import { suggest } from "../manifest/suggest.ts";
import { ApiError, badRequest } from "./api_error.ts";

/** What a server has to offer. */
export interface ServedModel {
  /** Name under which it is asked for. */
  readonly id: string;
  /** Numbers in an embedding. */
  readonly dimension: number;
  /** Whether it writes a rationale before it embeds. */
  readonly rationales: boolean;
}

/** A request that can be served. */
export interface EmbeddingRequest {
  readonly texts: readonly string[];
  readonly encoding: "float" | "base64";
  /** Whether what was written is wanted too (an extension). */
  readonly rationales: boolean;
}

/** Fields that are understood; `rationales` is not OpenAI's. */
const FIELDS = ["model", "input", "encoding_format", "dimensions", "user", "rationales"] as const;

/**
 * Reads the body of a request.
 *
 * @param mostTexts that one request may have
 * @throws ApiError naming what is wrong
 */
export function parseEmbeddingRequest(
  body: string,
  model: ServedModel,
  mostTexts: number,
): EmbeddingRequest {
  const fields = readFields(body);
  requireModel(fields["model"], model);
  // Some clients send null for what is not given.
  const encoding = fields["encoding_format"] ?? "float", dimensions = fields["dimensions"] ?? model.dimension;
  const rationales = fields["rationales"] ?? false;
  if (encoding !== "float" && encoding !== "base64") {
    throw badRequest(`encoding_format is ${quote(encoding)}: give "float" or "base64"`, "encoding_format");
  }
  if (dimensions !== model.dimension) {
    throw badRequest(
      `dimensions is ${quote(dimensions)}, the embeddings of "${model.id}" have ${model.dimension}: ` +
        "leave it out, or cut the vectors yourself",
      "dimensions",
    );
  }
  if (typeof rationales !== "boolean") {
    throw badRequest(`rationales is ${quote(rationales)}: give true or false`, "rationales");
  }
  if (rationales && !model.rationales) {
    throw badRequest(`"${model.id}" is served without rationales: none are written`, "rationales");
  }
  return { texts: readTexts(fields["input"], mostTexts), encoding, rationales };
}

function readFields(body: string): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    throw badRequest("the body is not JSON");
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw badRequest('the body is no JSON object: send {"model": ..., "input": ...}');
  }
  for (const name of Object.keys(fields)) {
    if (FIELDS.some((field) => field === name)) continue;
    const near = suggest(name, FIELDS);
    const hint = near === undefined ? `allowed are ${FIELDS.join(", ")}` : `did you mean "${near}"?`;
    throw badRequest(`unknown field ${quote(name)}: ${hint}`, name.slice(0, 60), "unknown_parameter");
  }
  return fields as Record<string, unknown>;
}

function requireModel(model: unknown, { id }: ServedModel): void {
  if (typeof model !== "string") throw badRequest(`no model is named: this server has "${id}"`, "model");
  if (model === id) return;
  throw new ApiError(404, `there is no model ${quote(model)}: this server has "${id}"`, {
    param: "model",
    code: "model_not_found",
  });
}

function readTexts(input: unknown, most: number): string[] {
  if (input === undefined) throw badRequest("no input is given: a text, or a list of texts", "input");
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  if (texts.length === 0) throw badRequest("input is empty: give at least one text", "input");
  if (texts.every((text) => typeof text === "number" || Array.isArray(text))) {
    throw badRequest(
      "input is made of tokens: give texts, as the tokens of another model mean nothing to this one",
      "input",
      "tokens_not_supported",
    );
  }
  if (texts.length > most) {
    throw badRequest(`input has ${texts.length} texts, at most ${most} are taken at once`, "input");
  }
  return texts.map((text, i) => {
    if (typeof text !== "string") throw badRequest(`text ${i + 1} of input is ${quote(text)}`, "input");
    if (text.trim() === "") {
      throw badRequest(`text ${i + 1} of input is blank: leave it out, there is nothing to embed`, "input");
    }
    return text;
  });
}

/** A value as it stood in the request, shortened. */
function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
