/**
 * Canonical JSON (RFC 8785): one text for one value, whatever the order of its keys, so that a hash of the
 * text is an identity of the value.
 *
 * @module
 */
import canonicalize from "canonicalize";
import { NumericError, UsageError } from "#errors";
import { sha256Hex } from "./hash.ts";

/**
 * The canonical JSON text of a value: sorted keys, no spaces, shortest round-trip numbers (RFC 8785).
 *
 * @throws {NumericError} if a number is NaN or infinite: JSON has no text for it
 * @throws {UsageError} if something is not a JSON value at all, such as `undefined`, a function or a typed array
 */
export function canonicalJson(value: unknown): string {
  requireJson(value, "");
  return canonicalize(value)!;
}

/** SHA-256 of {@linkcode canonicalJson}, 64 hexadecimal digits. */
export function canonicalHash(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}

/**
 * Fails unless a value survives `JSON.parse(JSON.stringify(value))` unchanged (apart from the sign of zero).
 * `JSON.stringify` alone writes NaN as `null`, drops `undefined` and turns typed arrays into objects, silently.
 *
 * @param path where the value sits, for the message; "" for a root
 */
export function requireJson(value: unknown, path: string): void {
  const at = path === "" ? "the value" : `"${path}"`;
  if (value === null || typeof value === "boolean" || typeof value === "string") return;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new NumericError(
      `${at} is ${value}, which JSON cannot hold`,
      "find where the number stops being finite",
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) requireJson(value[i], `${path}[${i}]`);
    return;
  }
  if (typeof value === "object" && isPlain(value)) {
    for (const [key, entry] of Object.entries(value)) {
      requireJson(entry, path === "" ? key : `${path}.${key}`);
    }
    return;
  }
  const kind = typeof value === "object" ? value.constructor?.name : typeof value;
  throw new UsageError(
    `${at} is of type ${kind}, which JSON cannot hold`,
    "convert it to a plain value first",
  );
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
