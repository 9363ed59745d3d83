/**
 * A grid in a file: `{"set": {"reward.lambda1": [0, 0.3]}, "seeds": [1, 2]}`.
 *
 * @module
 */
import { z } from "zod";
import { MissingError, UsageError } from "#errors";
import { readTextIfThere } from "../files.ts";
import type { Leaf } from "./leaves.ts";
import { repeatedKey } from "./repeated_key.ts";

/** What such a file holds. */
export interface GridFile {
  readonly set: Readonly<Record<string, readonly Leaf[]>>;
  readonly seeds?: readonly number[] | undefined;
}

const schema = z.strictObject({
  set: z.record(z.string(), z.array(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))),
  seeds: z.array(z.int().min(0)).optional(),
});

/**
 * Reads a grid.
 *
 * @throws {MissingError} if there is no file; {UsageError} if it is no grid
 */
export function loadGrid(path: string): GridFile {
  const text = readTextIfThere(path)?.replace(/^\ufeff/, "");
  if (text === undefined) throw new MissingError(`there is no file "${path}"`, "check --file");
  const cure = 'write {"set": {"reward.lambda1": [0, 0.3]}, "seeds": [1, 2]}';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`"${path}" is not JSON: ${(cause as Error).message}`, cure, { cause });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new UsageError(`"${path}": the key "${repeated}" is there twice`, cure);
  const { data, error } = schema.safeParse(value);
  if (data) return data;
  const problems = error!.issues.map(({ path, message }) =>
    `${path.length > 0 ? `"${path.join(".")}": ` : ""}${message}`
  );
  throw new UsageError(`"${path}" is no grid: ${problems.join("; ")}`, cure);
}
