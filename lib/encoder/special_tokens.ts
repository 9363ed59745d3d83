/**
 * The special tokens around a text: the post-processor of `tokenizer.json`, reduced to what it does to a single text.
 *
 * @module
 */
import { describe, Fields, isObject, type JsonObject } from "../backbone/json.ts";

/** What stands around the tokens of a text, with the type of each (the input `token_type_ids`). */
export interface TokenFrame {
  readonly before: readonly SpecialToken[];
  readonly after: readonly SpecialToken[];
  /** Type of the text's own tokens. */
  readonly type: number;
}

/** A special token. */
export interface SpecialToken {
  readonly id: number;
  readonly type: number;
}

const NOTHING: TokenFrame = { before: [], after: [], type: 0 };

/**
 * Reads the frame from a parsed `tokenizer.json`.
 *
 * @throws UsageError naming the post-processor that is not known
 */
export function tokenFrame(tokenizer: JsonObject, origin: string): TokenFrame {
  const fields = new Fields(tokenizer, origin);
  return fields.has("post_processor") ? frameOf(fields.fields("post_processor")) : NOTHING;
}

function frameOf(step: Fields): TokenFrame {
  const type = step.string("type");
  switch (type) {
    case "TemplateProcessing":
      return templateFrame(step);
    case "BertProcessing":
    case "RobertaProcessing":
      return {
        before: [{ id: idOf(step, "cls"), type: 0 }],
        after: [{ id: idOf(step, "sep"), type: 0 }],
        type: 0,
      };
    case "ByteLevel":
      // Trims offsets, which nothing here looks at.
      return NOTHING;
    case "Sequence": {
      const steps = step.object["processors"];
      if (!Array.isArray(steps) || !steps.every(isObject)) step.refuse("processors", "it must be a list");
      const frames = steps.map((inner) => frameOf(new Fields(inner, step.origin)));
      const framing = frames.filter((frame) => frame !== NOTHING);
      if (framing.length > 1) step.refuse("processors", "only one of them may add special tokens");
      return framing[0] ?? NOTHING;
    }
    default:
      return step.refuse("type", "use TemplateProcessing, BertProcessing or RobertaProcessing");
  }
}

/** `"cls": ["<s>", 0]` */
function idOf(step: Fields, key: string): number {
  const value = step.object[key];
  const id = Array.isArray(value) ? value[1] : undefined;
  return Number.isInteger(id) ? id : step.refuse(key, "use [token, id]");
}

function templateFrame(step: Fields): TokenFrame {
  const pieces = step.object["single"], tokens = step.object["special_tokens"];
  if (!Array.isArray(pieces)) step.refuse("single", "it must be a list");
  const before: SpecialToken[] = [], after: SpecialToken[] = [];
  let type: number | undefined;
  for (const piece of pieces) {
    const { SpecialToken: special, Sequence: sequence } = isObject(piece) ? piece : {};
    if (isObject(special) && isObject(tokens)) {
      const token = tokens[String(special["id"])];
      const ids = isObject(token) ? token["ids"] : undefined;
      if (Array.isArray(ids) && ids.every(Number.isInteger)) {
        const list = type === undefined ? before : after;
        list.push(...ids.map((id: number) => ({ id, type: Number(special["type_id"] ?? 0) })));
        continue;
      }
    }
    if (isObject(sequence) && type === undefined) {
      type = Number(sequence["type_id"] ?? 0);
      continue;
    }
    step.refuse("single", `${describe(piece)} is not a special token with ids, nor the only text`);
  }
  if (type === undefined) step.refuse("single", "it must have a place for the text");
  return { before, after, type };
}
