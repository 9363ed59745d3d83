/**
 * Writes `grace.schema.json` beside this file: `deno run --allow-read --allow-write lib/manifest/emit_schema.ts`.
 *
 * @module
 */
import { schemaJson } from "./schema.ts";

/** Where the published schema lies. */
export const SCHEMA_FILE: URL = new URL("./grace.schema.json", import.meta.url);

/** Text of the published schema. */
export function schemaText(): string {
  return JSON.stringify(schemaJson(), null, 2) + "\n";
}

if (import.meta.main) Deno.writeTextFileSync(SCHEMA_FILE, schemaText());
