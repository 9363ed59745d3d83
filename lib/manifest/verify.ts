/**
 * Whether what goes into a run still is what its lock says.
 *
 * @module
 */
import { CheckFailedError } from "#errors";
import type { Lock } from "./lock.ts";

/**
 * Compares a lock with what is there now.
 *
 * @param expected the lock that was stored
 * @param actual the lock that would be written now
 * @returns one sentence for each difference; empty if there is none
 */
export function verifyLock(expected: Lock, actual: Lock): string[] {
  const differences = verifyInputs(expected.inputs, actual.inputs);
  for (const section of ["prompt", "tool", "engine"] as const) {
    const [old, now] = [entries(expected[section]), entries(actual[section])];
    for (const [key, value] of old) {
      const found = now.get(key);
      if (found !== value) differences.push(`${section}.${key} is ${found}, the lock has ${value}`);
    }
  }
  if (expected.order !== actual.order) {
    differences.push(
      `training examples are drawn in another order: ${short(actual.order)}, the lock has ${
        short(expected.order)
      }`,
    );
  }
  return differences;
}

/**
 * Frozen mode: anything that is not as the lock says stops the run.
 *
 * @throws {CheckFailedError} listing every difference
 */
export function requireLock(expected: Lock, actual: Lock): void {
  const differences = verifyLock(expected, actual);
  if (differences.length === 0) return;
  throw new CheckFailedError(
    `the lock does not hold: ${differences.join("; ")}`,
    "restore what changed, or run without --frozen to make a new lock",
  );
}

function verifyInputs(expected: Lock["inputs"], actual: Lock["inputs"]): string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  const differences: string[] = [];
  for (const name of names) {
    const [old, now] = [expected[name], actual[name]];
    if (old === undefined) differences.push(`input "${name}" is not in the lock`);
    else if (now === undefined) differences.push(`input "${name}" is in the lock but is not used any more`);
    else if (old.sha256 !== now.sha256 || old.bytes !== now.bytes) {
      differences.push(
        `input "${name}" has other content: ${now.bytes} bytes with SHA-256 ${short(now.sha256)}, ` +
          `the lock has ${old.bytes} bytes with ${short(old.sha256)}`,
      );
    } else if (old.rows !== now.rows) {
      differences.push(`input "${name}" is read as ${now.rows} rows, the lock has ${old.rows}`);
    }
  }
  return differences;
}

function entries(section: object): Map<string, string> {
  return new Map(Object.entries(section).map(([key, value]) => [key, JSON.stringify(value)]));
}

function short(digest: string): string {
  return `${digest.slice(0, 12)}…`;
}
