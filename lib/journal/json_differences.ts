/**
 * In what two JSON values differ, value by value.
 *
 * @module
 */

/** A value that is not the same in both. */
export interface JsonDifference {
  /** Path in both: `reward.total.mean`, `updates.0.loss`; empty for the whole. */
  readonly path: string;
  /** Undefined where it is not there. */
  readonly left: unknown;
  /** Undefined where it is not there. */
  readonly right: unknown;
}

/** Depth to which values are compared part by part; deeper ones as wholes. No record of ours has as much. */
const DEEPEST = 100;

/** All differences of two JSON values, in the order of the left one's keys; those that only the right one has come last. */
export function* jsonDifferences(
  left: unknown,
  right: unknown,
  path = "",
  depth = 0,
): Generator<JsonDifference> {
  if (
    depth < DEEPEST && isStructure(left) && isStructure(right) && Array.isArray(left) === Array.isArray(right)
  ) {
    const [a, b] = [left as Record<string, unknown>, right as Record<string, unknown>];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const own = (value: Record<string, unknown>) => Object.hasOwn(value, key) ? value[key] : undefined;
      yield* jsonDifferences(own(a), own(b), path === "" ? key : `${path}.${key}`, depth + 1);
    }
    return;
  }
  const same = isStructure(left) || isStructure(right)
    ? JSON.stringify(left) === JSON.stringify(right)
    : Object.is(left, right) || left === 0 && right === 0;
  if (!same) yield { path, left, right };
}

function isStructure(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
