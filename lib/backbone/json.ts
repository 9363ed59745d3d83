/**
 * Typed access to JSON that a stranger wrote: each getter says which key of which file is wrong, with its value.
 *
 * @module
 */
import { UsageError } from "#errors";

/** A parsed JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/**
 * Parses UTF-8 text that must hold one JSON object.
 *
 * @throws {UsageError} naming `origin` when the bytes are not UTF-8, not JSON, or not an object
 */
export function parseJsonObject(bytes: Uint8Array, origin: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : "the bytes are not UTF-8";
    throw new UsageError(`${origin} is not valid JSON: ${reason}`, "download the file again", { cause });
  }
  if (!isObject(value)) {
    throw new UsageError(`${origin} holds ${describe(value)}, not a JSON object`, "download the file again");
  }
  return value;
}

/** True for a JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A short printable form of any JSON value, for error messages. */
export function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** Reads the keys of one object; an absent or null key takes the fallback, and without one it is an error. */
export class Fields {
  /**
   * Wraps an object.
   *
   * @param origin file (and path inside it) for messages
   */
  constructor(readonly object: JsonObject, readonly origin: string) {}

  /** True when the key is there and not null. */
  has(key: string): boolean {
    return this.object[key] !== undefined && this.object[key] !== null;
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    return this.#get(
      key,
      fallback,
      "a number",
      (v): v is number => typeof v === "number" && Number.isFinite(v),
    );
  }

  /** A string. */
  string(key: string, fallback?: string): string {
    return this.#get(key, fallback, "a string", (v): v is string => typeof v === "string");
  }

  /** true or false. */
  boolean(key: string, fallback?: boolean): boolean {
    return this.#get(key, fallback, "true or false", (v): v is boolean => typeof v === "boolean");
  }

  /** A nested object, as {@linkcode Fields} of its own. */
  fields(key: string): Fields {
    return new Fields(this.#get(key, undefined, "an object", isObject), `${this.origin}: ${key}`);
  }

  /** Fails with the key and its value. */
  refuse(key: string, cure: string): never {
    throw new UsageError(`${this.origin}: ${key} is ${describe(this.object[key])}`, cure);
  }

  #get<T>(key: string, fallback: T | undefined, wanted: string, test: (value: unknown) => value is T): T {
    const value = this.object[key];
    if (value === undefined || value === null) {
      if (fallback !== undefined) return fallback;
      throw new UsageError(
        `${this.origin} has no "${key}"`,
        `add "${key}" (${wanted}) or download the model again`,
      );
    }
    if (!test(value)) this.refuse(key, `use ${wanted}`);
    return value;
  }
}
