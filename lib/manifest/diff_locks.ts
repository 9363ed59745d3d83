/**
 * What differs between two locks: inputs by file, and prompt, order, program and engine by field.
 *
 * @module
 */
import type { Lock } from "./lock.ts";

/** Something on which two locks differ. */
export interface LockDifference {
  /** What it is about: a file that went in, or a section of the lock. */
  readonly part: "input" | "prompt" | "order" | "tool" | "engine";
  /** Name of the file, or of the field. */
  readonly name: string;
  /** Content of the file (SHA-256, bytes, rows) or value of the field; null for a file that did not go in. */
  readonly left: unknown;
  /** The same of the second lock. */
  readonly right: unknown;
}

/** All differences of two locks: first files, then the sections in the order of {@linkcode LockDifference.part}. */
export function diffLocks(left: Lock, right: Lock): LockDifference[] {
  const compare = (part: LockDifference["part"], a: object, b: object): LockDifference[] =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
      .map((name) => ({ part, name, left: own(a, name), right: own(b, name) }))
      .filter((one) => JSON.stringify(one.left) !== JSON.stringify(one.right));
  return [
    ...compare("input", contents(left), contents(right)),
    ...compare("prompt", left.prompt, right.prompt),
    ...compare("order", { "of examples": left.order }, { "of examples": right.order }),
    ...compare("tool", left.tool, right.tool),
    ...compare("engine", left.engine, right.engine),
  ];
}

/** Files with their fields in one order, whatever it is in the lock. */
function contents({ inputs }: Lock): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { sha256, bytes, rows = null }]) => [name, { sha256, bytes, rows }]),
  );
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : null;
}

/** One line for a difference: `input data/x.jsonl: 12 bytes, a1b2c3… -> 13 bytes, d4e5f6…`. */
export function describeLockDifference({ part, name, left, right }: LockDifference): string {
  const side = (value: unknown) => {
    if (value === null) return "not there";
    if (part !== "input") {
      return typeof value === "string" && DIGEST.test(value) ? short(value) : JSON.stringify(value);
    }
    const { sha256, bytes, rows } = value as { sha256: string; bytes: number; rows: number | null };
    return `${bytes} bytes${rows === null ? "" : `, ${rows} rows`}, SHA-256 ${short(sha256)}`;
  };
  return `${part} ${name}: ${side(left)} -> ${side(right)}`;
}

const DIGEST = /^[0-9a-f]{64}$/;

function short(digest: string): string {
  return `${digest.slice(0, 12)}…`;
}
