/**
 * Small tables for tests, written as they are printed.
 *
 * @module
 */
import type { AuditColumn, AuditDocument, AuditRow, AuditTable, Claim } from "./document.ts";
import { Printed } from "./printed.ts";

/** A number as printed; "-" where there is none. */
export function cell(text: string): Printed | null {
  return text === "-" ? null : Printed.parse(text)!;
}

/** A column of one task. */
export function column(name: string, more: Partial<AuditColumn> = {}): AuditColumn {
  return { name, tasks: 1, type: undefined, items: [], runs: 1, chance: undefined, ...more };
}

/** A row: "model | method | score score ... | average | delta"; what follows the scores may be left out. */
export function row(text: string, more: Partial<AuditRow> = {}): AuditRow {
  const [model, method, scores, average = "-", delta = "-"] = text.split("|").map((part) => part.trim());
  return {
    model: model!,
    method: method!,
    scores: scores!.split(/\s+/).map(cell),
    average: cell(average),
    delta: cell(delta),
    copyOf: undefined,
    ...more,
  };
}

/** A table "T" in percent. */
export function table(
  columns: readonly AuditColumn[],
  rows: readonly (string | AuditRow)[],
  more: Partial<AuditTable> = {},
): AuditTable {
  return {
    name: "T",
    about: "",
    fullScore: 100,
    weighting: "tasks",
    baseline: undefined,
    columns,
    rows: rows.map((one) => typeof one === "string" ? row(one) : one),
    ...more,
  };
}

/** A document of these tables and claims. */
export function documentOf(tables: readonly AuditTable[], claims: readonly Claim[] = []): AuditDocument {
  return { source: "a test", tables, claims };
}
