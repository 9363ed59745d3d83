/**
 * Which settings the documented discrepancies (P) and defects (B) are about.
 *
 * @module
 */
import { PROTOCOL_SETTINGS } from "./departures.ts";
import { settingSchema } from "./permitted.ts";

/** Numbers that a setting is about, each once: those of the protocol's tables, then those that its meaning names. */
export function numbersOf(path: string): readonly string[] {
  const told = settingSchema(path)?.description?.match(/\b[PB]\d+\b/g) ?? [];
  return [...new Set([...PROTOCOL_SETTINGS.flatMap((row) => row.path === path ? row.ids : []), ...told])];
}
