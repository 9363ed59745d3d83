/**
 * Makes a baseline from stored scores, and says in what one differs from another besides its scores.
 *
 * @module
 */
import { UsageError } from "#errors";
import { canonicalJson } from "../../lib/manifest/canonical.ts";
import type { LoadedScore } from "../score_record.ts";
import { type Baseline, BASELINE_SCHEMA, DEFAULT_TOLERANCE, type Tolerance } from "./baseline.ts";
import { baselineTask } from "./baseline_task.ts";

/** What an evaluation is of, besides its scores. */
export type Measured = Pick<Baseline, "model" | "settings" | "program" | "engine" | "embeddings">;

/**
 * The baseline of stored scores.
 *
 * @throws UsageError if they are of several suites
 */
export function makeBaseline(
  scores: readonly LoadedScore[],
  measured: Measured,
  tolerance: Tolerance = DEFAULT_TOLERANCE,
): Baseline {
  const [suite, other] = new Set(scores.map(({ record }) => record.suite));
  if (suite === undefined || other !== undefined) {
    throw new UsageError(
      other === undefined ? "no scores" : `scores of the suites "${suite}" and "${other}" lie together`,
      "name the folder of one evaluation",
    );
  }
  return {
    schema: BASELINE_SCHEMA,
    tolerance,
    suite,
    ...measured,
    tasks: Object.fromEntries(scores.map((score) => [score.record.task, baselineTask(score)])),
  };
}

/** What differs between two measurements besides their scores, as sentences: "engine.threads: 2 -> 4". */
export function measuredDifferences(before: Measured, now: Measured): string[] {
  const files = [...new Set([...Object.keys(before.model.files), ...Object.keys(now.model.files)])].sort()
    .filter((name) => before.model.files[name] !== now.model.files[name]);
  return [
    ...difference("model", before.model.name, now.model.name),
    ...files.length === 0 ? [] : [`files of the model: ${files.join(", ")}`],
    // Those of an encoder say themselves what is a setting and what a prompt.
    ...valueDifferences(before.settings, now.settings, now.settings["kind"] === "encoder" ? "" : "settings."),
    ...valueDifferences(before.engine, now.engine, "engine."),
    ...difference("program", before.program, now.program),
  ];
}

/** The values in which two objects of objects differ, as sentences. */
export function valueDifferences(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
  prefix = "",
): string[] {
  const [a, b] = [leaves(before, prefix), leaves(now, prefix)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((path) =>
    difference(path, a.get(path), b.get(path))
  );
}

function difference(name: string, before: unknown, now: unknown): string[] {
  const text = (value: unknown) => value === undefined ? "none" : canonicalJson(value);
  return text(before) === text(now) ? [] : [`${name}: ${text(before)} -> ${text(now)}`];
}

function leaves(value: Readonly<Record<string, unknown>>, prefix: string): Map<string, unknown> {
  return new Map(
    Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? [...leaves(inner as Record<string, unknown>, `${prefix}${key}.`)]
        : [[prefix + key, inner]]
    ),
  );
}
