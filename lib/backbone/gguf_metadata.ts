/**
 * Typed access to GGUF metadata, with errors that name the file, the key and the value.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { GgufValue } from "./gguf_cursor.ts";
import type { GgufHeader } from "./gguf_header.ts";
import { describe } from "./json.ts";

/** The metadata of one file. */
export class GgufMetadata {
  readonly #path: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  /** Wraps the metadata of a checked header. */
  constructor(header: GgufHeader) {
    this.#path = header.path;
    this.#values = header.metadata;
  }

  /** True when the key is there. */
  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A number; without a fallback its absence is an error. */
  number(key: string, fallback?: number): number {
    return this.#get(key, fallback, "a number", (v): v is number => typeof v === "number");
  }

  /** A string; without a fallback its absence is an error. */
  string(key: string, fallback?: string): string {
    return this.#get(key, fallback, "a string", (v): v is string => typeof v === "string");
  }

  /** A list of strings. */
  strings(key: string): string[] {
    return this.#get(key, undefined, "a list of strings", isListOf("string"));
  }

  /** A list of numbers. */
  numbers(key: string): number[] {
    return this.#get(key, undefined, "a list of numbers", isListOf("number"));
  }

  /** Fails with the key and its value. */
  refuse(key: string, cure: string): never {
    throw new UsageError(`${this.#path}: ${key} is ${describe(this.#values.get(key))}`, cure);
  }

  #get<T>(key: string, fallback: T | undefined, wanted: string, test: (v: unknown) => v is T): T {
    const value = this.#values.get(key);
    if (value === undefined) {
      if (fallback !== undefined) return fallback;
      throw new UsageError(
        `${this.#path} has no metadata "${key}" (${wanted})`,
        "convert the model again with a current llama.cpp",
      );
    }
    if (!test(value)) {
      this.refuse(key, `it must be ${wanted}; convert the model again with a current llama.cpp`);
    }
    return value;
  }
}

function isListOf<K extends "string" | "number">(kind: K) {
  return (value: unknown): value is (K extends "string" ? string : number)[] =>
    Array.isArray(value) && value.every((item) => typeof item === kind);
}
