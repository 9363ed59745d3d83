/**
 * Whether the names in a document lead to tables, rows and columns that are there.
 *
 * @module
 */
import { suggest } from "../../../lib/manifest/suggest.ts";
import type { Problem, RawDocument } from "./check_document.ts";
import { AVERAGE, rowName } from "./document.ts";
import type { JsonPath } from "./json_lines.ts";

type RawTable = RawDocument["tables"][number];
type RawRow = RawTable["rows"][number];
type RawClaim = NonNullable<RawDocument["claims"]>[number];

/** Names that a column cannot have, because other cells of a row have them. */
const RESERVED: readonly string[] = [AVERAGE, "delta", "model", "method"];

/** Every name that leads nowhere or to two things. */
export function documentProblems(document: RawDocument): Problem[] {
  const tables = new Map(document.tables.map((table) => [table.name, table]));
  const problems: Problem[] = document.tables.flatMap((table, t) => tableProblems(table, t, tables));
  doubles(document.tables.map(({ name }) => name)).forEach(([name, t]) =>
    problems.push({ path: ["tables", t, "name"], message: `there is a table "${name}" already` })
  );
  return [
    ...problems,
    ...(document.claims ?? []).flatMap((claim, c) => claimProblems(claim, ["claims", c], tables)),
  ];
}

function tableProblems(table: RawTable, t: number, tables: ReadonlyMap<string, RawTable>): Problem[] {
  const path: JsonPath = ["tables", t], problems: Problem[] = [];
  const columns = table.columns.map(({ name }) => name);
  for (const [name, c] of doubles(columns)) {
    problems.push({ path: [...path, "columns", c, "name"], message: `there is a column "${name}" already` });
  }
  columns.forEach((name, c) => {
    if (!RESERVED.includes(name)) return;
    problems.push({ path: [...path, "columns", c, "name"], message: `a column cannot be called "${name}"` });
  });
  for (const [name, r] of doubles(table.rows.map(label))) {
    problems.push({ path: [...path, "rows", r], message: `there is a row "${name}" already` });
  }
  table.rows.forEach((row, r) => problems.push(...rowProblems(table, row, [...path, "rows", r], tables)));
  return problems;
}

function rowProblems(
  table: RawTable,
  row: RawRow,
  path: JsonPath,
  tables: ReadonlyMap<string, RawTable>,
): Problem[] {
  const problems: Problem[] = [];
  const columns = table.columns.map(({ name }) => name);
  for (const name of Object.keys(row.scores)) {
    if (columns.includes(name)) continue;
    problems.push({ path: [...path, "scores", name], message: unknown("column", name, columns) });
  }
  const missing = columns.filter((name) => !Object.hasOwn(row.scores, name));
  if (missing.length > 0) {
    problems.push({
      path: [...path, "scores"],
      message: `no score for "${missing.join('", "')}"; write null where none is printed`,
    });
  }
  if (row.delta) {
    const { baseline } = table;
    if (baseline === undefined) {
      problems.push({ path: [...path, "delta"], message: 'a delta, but the table names no "baseline"' });
    } else if (!table.rows.some((other) => other.model === row.model && other.method === baseline)) {
      problems.push({
        path: [...path, "delta"],
        message: `there is no row "${label({ model: row.model, method: baseline })}" to compare with`,
      });
    }
  }
  if (row.copyOf !== undefined) {
    const found = referenceProblems(row.copyOf, [...path, "copyOf"], tables);
    const names = tables.get(row.copyOf.table)?.columns.map(({ name }) => name) ?? [];
    if (found.length === 0 && !columns.some((name) => names.includes(name))) {
      found.push({ path: [...path, "copyOf"], message: "the two tables have no column in common" });
    }
    problems.push(...found);
  }
  return problems;
}

function claimProblems(claim: RawClaim, path: JsonPath, tables: ReadonlyMap<string, RawTable>): Problem[] {
  if (claim.kind === "greater") {
    return (["higher", "lower"] as const).flatMap((side) => {
      const reference = claim[side], at = [...path, side];
      const found = referenceProblems(reference, at, tables);
      if (found.length > 0) return found;
      const table = tables.get(reference.table)!;
      const columns = [...table.columns.map(({ name }) => name), AVERAGE];
      if (!columns.includes(reference.column)) {
        return [{ path: [...at, "column"], message: unknown("column", reference.column, columns) }];
      }
      const row = table.rows.find((row) => row.model === reference.model && row.method === reference.method)!;
      const cell = reference.column === AVERAGE ? row.average : row.scores[reference.column];
      return cell ? [] : [{ path: at, message: "that cell is empty" }];
    });
  }
  const table = tables.get(claim.table);
  if (table === undefined) {
    return [{ path: [...path, "table"], message: unknown("table", claim.table, [...tables.keys()]) }];
  }
  const methods = new Set(table.rows.map(({ method }) => method));
  const named: [JsonPath, string][] = claim.kind === "meanGain"
    ? [[["from"], claim.from], [["to"], claim.to]]
    : claim.steps.map((method, i) => [["steps", i], method]);
  const problems = named.filter(([, method]) => !methods.has(method)).map(([at, method]) => ({
    path: [...path, ...at],
    message: unknown("method", method, [...methods]),
  }));
  if (problems.length > 0 || claim.kind === "improves") return problems;
  const has = (method: string, model: string | undefined) =>
    table.rows.some((row) => row.method === method && row.model === model && row.average);
  if (table.rows.some(({ model }) => has(claim.from, model) && has(claim.to, model))) return [];
  return [{ path, message: `no model has averages of both "${claim.from}" and "${claim.to}"` }];
}

function referenceProblems(
  reference: { table: string; model?: string | undefined; method: string },
  path: JsonPath,
  tables: ReadonlyMap<string, RawTable>,
): Problem[] {
  const table = tables.get(reference.table);
  if (table === undefined) {
    return [{ path: [...path, "table"], message: unknown("table", reference.table, [...tables.keys()]) }];
  }
  if (table.rows.some(({ model, method }) => model === reference.model && method === reference.method)) {
    return [];
  }
  return [{
    path,
    message: `table "${reference.table}" has no row "${label(reference)}"`,
  }];
}

function label({ model, method }: { model?: string | undefined; method: string }): string {
  return rowName({ model: model ?? "", method });
}

function unknown(kind: string, name: string, known: readonly string[]): string {
  const near = suggest(name, known);
  return `unknown ${kind} "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`;
}

/** Names that occur before, with their positions. */
function doubles(names: readonly string[]): [name: string, position: number][] {
  return names.flatMap((name, i) => names.indexOf(name) < i ? [[name, i] as [string, number]] : []);
}
