/**
 * A baseline: the scores of a model that is trusted, item by item, in one file that is made to be committed.
 *
 * What was measured has a digest, so that only `tolerance` can be edited by hand. Keys are sorted, and what differs between
 * two baselines of one model on one machine is nothing.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "#errors";
import { canonicalHash } from "../../lib/manifest/canonical.ts";
import { repeatedKey } from "../../lib/manifest/repeated_key.ts";
import { suggest } from "../../lib/manifest/suggest.ts";
import type { PackedValues } from "./packed_values.ts";

/** Schema of the file. */
export const BASELINE_SCHEMA = "grace-baseline/1";

/** Tolerance of a baseline that says nothing else; docs/check.md has the reasons. */
export const DEFAULT_TOLERANCE: Tolerance = { maxDropPoints: 1, confidence: 0.95, tasks: {} };

/** Largest confidence: intervals further out would need more resamples than are drawn. */
export const MOST_CONFIDENCE = 0.99;

const sha256 = () => z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const points = () => z.number().min(0, "expected points of at least 0").max(100);
const open = () => z.record(z.string(), z.json());

const packed = z.strictObject({
  form: z.enum(["levels", "float32", "float64"]),
  levels: z.string().exactOptional(),
  lines: z.array(z.string()),
});

const toleranceSchema = z.strictObject({
  maxDropPoints: points(),
  confidence: z.number().min(0).max(MOST_CONFIDENCE),
  tasks: z.record(z.string(), points()),
});

const taskSchema = z.strictObject({
  metric: z.string(),
  score: z.number(),
  aggregate: z.enum(["mean", "spearman", "max_ap"]),
  items: z.int().min(1),
  itemsSha256: sha256(),
  rows: sha256(),
  scorer: z.string(),
  options: open(),
  files: z.record(z.string(), sha256()),
  counts: z.record(z.string(), z.number()),
  values: z.record(z.string(), packed),
});

const baselineSchema = z.strictObject({
  schema: z.literal(BASELINE_SCHEMA),
  tolerance: toleranceSchema,
  suite: z.string(),
  model: z.strictObject({ name: z.string(), files: z.record(z.string(), z.string()) }),
  settings: open(),
  program: z.string().nullable(),
  engine: open(),
  embeddings: sha256().nullable(),
  tasks: z.record(z.string(), taskSchema),
});

/** What is tolerated: the only part of a baseline that people write. */
export interface Tolerance {
  /** Points (fractions times 100) that a task may lose. */
  readonly maxDropPoints: number;
  /** Confidence of all intervals together, from 0 (the drop alone decides) to {@linkcode MOST_CONFIDENCE}. */
  readonly confidence: number;
  /** Points that single tasks may lose. */
  readonly tasks: Readonly<Record<string, number>>;
}

/** One task's score in a baseline. Fractions. */
export interface BaselineTask extends Omit<z.infer<typeof taskSchema>, "values"> {
  /** By field of an item: "value", "similarity", or "similarities.<measure>". */
  readonly values: Readonly<Record<string, PackedValues>>;
}

/** The scores of a model that is trusted, and what they are scores of. */
export interface Baseline extends Omit<z.infer<typeof baselineSchema>, "tolerance" | "tasks"> {
  readonly tolerance: Tolerance;
  /** By name, as scores are shown. */
  readonly tasks: Readonly<Record<string, BaselineTask>>;
}

/** Text of the file: sorted keys, two spaces, a line feed at the end. */
export function baselineText(baseline: Baseline): string {
  const checked = baselineSchema.parse(baseline);
  return JSON.stringify({ ...ordered(checked), measured: digestOf(checked) }, null, 2) + "\n";
}

/**
 * Reads the text of a baseline.
 *
 * @param source the file's name, for messages
 * @throws UsageError if it is damaged, of another version, or edited anywhere but in `tolerance`
 */
export function parseBaseline(text: string, source: string): Baseline {
  const value = parseJson(text, source);
  requireSchema(value, source);
  const { measured, ...rest } = value;
  const result = baselineSchema.safeParse(rest, { reportInput: true });
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message, input }) => {
      const found = JSON.stringify(input) ?? "nothing";
      return `"${path.join(".")}": ${message} (found ${
        found.length > 60 ? `${found.slice(0, 60)}…` : found
      })`;
    });
    const edited = result.error.issues.every(({ path }) => path[0] === "tolerance");
    throw edited
      ? new UsageError(
        `"${source}": ${problems.join("; ")}`,
        "correct its tolerance: points from 0 to 100, by task too, and a confidence from 0 (the drop alone decides) " +
          `to ${MOST_CONFIDENCE}`,
      )
      : new UsageError(
        `"${source}" is not a baseline: ${problems.join("; ")}`,
        "restore the file from your repository; by hand, only its tolerance may be edited",
      );
  }
  if (measured !== digestOf(result.data)) {
    throw new UsageError(
      `"${source}" was changed after it was measured`,
      "restore it from your repository, or measure again into another file; by hand, only its tolerance may be edited",
    );
  }
  requireKnownTasks(result.data, source);
  return result.data;
}

/**
 * Points that a task may lose.
 *
 * @param given what the command line says, which beats the file
 */
export function maxDropOf({ maxDropPoints, tasks }: Tolerance, task: string, given?: number): number {
  return given ?? (Object.hasOwn(tasks, task) ? tasks[task]! : maxDropPoints);
}

function parseJson(text: string, source: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(
      `"${source}" is not a baseline: ${(cause as Error).message}`,
      /^[<=>]{7}/m.test(text)
        ? "resolve the conflict of its two versions, or measure again"
        : "restore the file from your repository, or measure again into another file",
      { cause },
    );
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new UsageError(`"${source}": the key "${repeated}" is there twice`, "keep the one that is meant");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`"${source}" is not a baseline`, "make one: grace-repro check --update <file> ...");
  }
  return value as Record<string, unknown>;
}

function requireSchema({ schema }: Record<string, unknown>, source: string): void {
  if (schema === BASELINE_SCHEMA) return;
  const ours = typeof schema === "string" && schema.startsWith("grace-baseline/");
  throw new UsageError(
    ours
      ? `"${source}" has the form ${schema}, this version reads ${BASELINE_SCHEMA}`
      : `"${source}" is not a baseline: its schema is ${JSON.stringify(schema) ?? "not told"}`,
    ours
      ? "measure the trusted model again with this version into another file, or use the version that made it"
      : "make one: grace-repro check --update <file> ...",
  );
}

/** A tolerance for a task that there is not would tolerate nothing. */
function requireKnownTasks({ tolerance, tasks }: Baseline, source: string): void {
  const known = Object.keys(tasks), unknown = Object.keys(tolerance.tasks).find((task) => !(task in tasks));
  if (unknown === undefined) return;
  const near = suggest(unknown, known);
  throw new UsageError(
    `"${source}": the tolerance names the task "${unknown}", which the baseline does not have`,
    `${near === undefined ? "" : `did you mean "${near}"? `}tasks: ${known.join(", ")}`,
  );
}

/** SHA-256 over everything but the tolerance. */
function digestOf({ tolerance: _, ...measured }: z.infer<typeof baselineSchema>): string {
  return canonicalHash(measured);
}

/** The first level in the order in which a reader wants it, what is inside sorted by key. */
function ordered(baseline: z.infer<typeof baselineSchema>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(baselineSchema.shape).map((
      key,
    ) => [key, sorted(baseline[key as keyof typeof baseline])]),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
