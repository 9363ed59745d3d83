/**
 * From a parsed file to an {@linkcode AuditDocument}: every problem names its line and field.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "#errors";
import { suggest } from "../../../lib/manifest/suggest.ts";
import { type AuditDocument, type AuditTable, AVERAGE, TABLES_SCHEMA } from "./document.ts";
import type { JsonPath } from "./json_lines.ts";
import { Printed } from "./printed.ts";
import { documentProblems } from "./references.ts";

/** Problems that are told; the others are counted. */
const MOST_PROBLEMS = 5;

/** Where a value stands, such as `line 7, "tables.0.rows.3.average"`. */
export type Locate = (path: JsonPath) => string;

/** Something wrong with the value at a path. */
export interface Problem {
  readonly path: JsonPath;
  readonly message: string;
}

const number = z.custom<Printed>((value) => value instanceof Printed, "expected a number");
const name = z.string({ error: "expected a text" }).trim().min(1, "must not be empty");
const whole = (least: number) =>
  number.refine(({ decimals, value }) => decimals === 0 && value >= least && value <= 1e9, {
    error: `expected a whole number from ${least} to 1000000000`,
  }).transform(({ value }) => value);

const rowReference = { table: name, model: name.optional(), method: name };
const cellReference = z.strictObject({ ...rowReference, column: name });
const claimBase = { where: name, text: name };

const schema = z.strictObject({
  schema: z.literal(TABLES_SCHEMA, { error: `expected "${TABLES_SCHEMA}"` }),
  source: name,
  tables: z.array(z.strictObject({
    name,
    about: z.string().optional(),
    unit: z.enum(["percent", "fraction"], { error: 'expected "percent" or "fraction"' }).optional(),
    average: z.enum(["tasks", "types"], { error: 'expected "tasks" or "types"' }).optional(),
    decimals: whole(0).pipe(z.number().max(9, "expected at most 9")).optional(),
    baseline: name.optional(),
    columns: z.array(z.strictObject({
      name,
      tasks: whole(1).optional(),
      type: name.optional(),
      items: z.union([whole(1), z.array(whole(1)).min(1, "expected at least one size")], {
        error: "expected a whole number of at least 1, or a list of such",
      }).optional(),
      runs: whole(1).optional(),
      chance: number.optional(),
    })).min(1, "expected at least one column"),
    rows: z.array(z.strictObject({
      model: name.optional(),
      method: name,
      scores: z.record(z.string(), number.nullable()),
      average: number.nullable().optional(),
      delta: number.nullable().optional(),
      copyOf: z.strictObject(rowReference).optional(),
    })).min(1, "expected at least one row"),
  })).min(1, "expected at least one table"),
  claims: z.array(z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("meanGain"),
      ...claimBase,
      printed: number,
      unit: z.enum(["percent", "points"], { error: 'expected "percent" or "points"' }),
      table: name,
      from: name,
      to: name,
    }),
    z.strictObject({
      kind: z.literal("improves"),
      ...claimBase,
      table: name,
      steps: z.array(name).min(2, "expected at least two methods"),
    }),
    z.strictObject({ kind: z.literal("greater"), ...claimBase, higher: cellReference, lower: cellReference }),
  ], { error: 'expected a claim whose "kind" is "meanGain", "improves" or "greater"' })).optional(),
});

/** A file that has the right form; names in it may still lead nowhere. */
export type RawDocument = z.infer<typeof schema>;

/**
 * Checks form and references of a parsed document.
 *
 * @param value as {@linkcode parseNumberedJson} returns it
 * @param source name of the file in messages
 * @throws {UsageError} naming every unknown key, every unusable value and every name that leads nowhere
 */
export function checkDocument(value: unknown, source: string, locate: Locate): AuditDocument {
  const result = schema.safeParse(value);
  const problems = result.success ? documentProblems(result.data) : result.error.issues.flatMap(problemsOf);
  if (problems.length > 0) {
    const told = problems.slice(0, MOST_PROBLEMS).map(({ path, message }) => `${locate(path)}: ${message}`);
    const more = problems.length - told.length;
    throw new UsageError(
      `"${source}" ${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`,
      "docs/audit.md describes the files, with an example",
    );
  }
  return documentOf(result.data!);
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path as JsonPath;
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  return issue.keys.map((key) => {
    const near = suggest(key, knownKeys(path));
    return {
      path: [...path, key],
      message: `unknown key "${key}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
    };
  });
}

/** Keys of the object at a path of the schema. */
function knownKeys(path: JsonPath): string[] {
  let at: unknown = schema;
  for (const step of path) {
    while (at instanceof z.ZodOptional) at = at.unwrap();
    if (typeof step === "number" && at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodObject) at = at.shape[step];
    if (at instanceof z.ZodDiscriminatedUnion) return [];
  }
  while (at instanceof z.ZodOptional) at = at.unwrap();
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Fills in what may be left out. */
function documentOf({ source, tables, claims = [] }: RawDocument): AuditDocument {
  return {
    source,
    tables: tables.map(tableOf),
    claims: claims.map((claim) =>
      claim.kind !== "greater" ? claim : {
        ...claim,
        higher: { ...claim.higher, model: claim.higher.model ?? "" },
        lower: { ...claim.lower, model: claim.lower.model ?? "" },
      }
    ),
  };
}

function tableOf(table: RawDocument["tables"][number]): AuditTable {
  const cell = (printed: Printed | null | undefined) => printed?.withDecimals(table.decimals ?? 0) ?? null;
  return {
    name: table.name,
    about: table.about ?? "",
    fullScore: table.unit === "fraction" ? 1 : 100,
    weighting: table.average ?? "tasks",
    baseline: table.baseline,
    columns: table.columns.map(({ name, tasks, type, items, runs, chance }) => ({
      name,
      tasks: tasks ?? 1,
      type,
      items: items === undefined ? [] : [items].flat(),
      runs: runs ?? 1,
      chance: chance?.value,
    })),
    rows: table.rows.map((row) => ({
      model: row.model ?? "",
      method: row.method,
      scores: table.columns.map(({ name }) => cell(row.scores[name])),
      average: cell(row[AVERAGE]),
      delta: cell(row.delta),
      copyOf: row.copyOf && { ...row.copyOf, model: row.copyOf.model ?? "" },
    })),
  };
}
