/**
 * One table as CSV (RFC 4180): a heading row, a row for each method, and lines that begin with `#` and say what the columns
 * are. Claims and several tables need JSON.
 *
 * @module
 */
import { UsageError } from "#errors";
import { suggest } from "../../../lib/manifest/suggest.ts";
import { checkDocument } from "./check_document.ts";
import { type AuditDocument, AVERAGE, TABLES_SCHEMA } from "./document.ts";
import type { JsonPath } from "./json_lines.ts";
import { Printed } from "./printed.ts";

/** Lines on the columns, one value below each. */
const COLUMN_LINES = ["tasks", "type", "items", "runs", "chance"] as const;

/** Lines on the table, with one value. */
const TABLE_LINES = ["baseline", "unit", "average", "decimals"] as const;

const CURE = "docs/audit.md describes the files, with an example";

interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Reads a table. Its name is that of the file.
 *
 * @throws {UsageError} naming file, line and column
 */
export function parseTablesCsv(text: string, source: string): AuditDocument {
  const records = csvRecords(text, source);
  const [head, ...rest] = records;
  const fail = (line: number, message: string): never => {
    throw new UsageError(`"${source}" line ${line}: ${message}`, CURE);
  };
  if (head === undefined) return fail(1, "the file is empty");
  if (!head.cells.includes("method")) return fail(head.line, 'there is no column "method"');
  const seen = new Set<string>();
  for (const name of head.cells) {
    if (name === "") fail(head.line, "a column has no name");
    if (seen.has(name)) fail(head.line, `there is a column "${name}" already`);
    seen.add(name);
  }
  for (const { line, cells } of rest) {
    if (cells.length !== head.cells.length && !isTableLine(cells)) {
      fail(line, `${cells.length} cells below ${head.cells.length} headings`);
    }
  }
  const scores = head.cells.filter((name) => !["model", "method", AVERAGE, "delta"].includes(name));
  const about = rest.filter(({ cells }) => cells[0]!.startsWith("#"));
  const rows = rest.filter(({ cells }) => !cells[0]!.startsWith("#"));
  const cell = ({ cells }: CsvRecord, name: string) => cells[head.cells.indexOf(name)];
  const number = (record: CsvRecord, name: string) => {
    const text = cell(record, name)?.trim();
    if (text === undefined || text === "") return undefined;
    return Printed.parse(text) ?? fail(record.line, `"${name}": "${text}" is not a number as it is printed`);
  };
  const columns = scores.map((name): Record<string, unknown> => ({ name }));
  const table: Record<string, unknown> = {};
  const told = new Set<string>();
  for (const record of about) {
    const key = record.cells[0]!.slice(1).trim();
    if (told.has(key)) fail(record.line, `there is a line "#${key}" already`);
    told.add(key);
    if ((TABLE_LINES as readonly string[]).includes(key)) {
      const value = record.cells[1]?.trim() ?? "";
      table[key] = key === "decimals" ? Printed.parse(value) ?? value : value;
    } else if ((COLUMN_LINES as readonly string[]).includes(key)) {
      scores.forEach((name, i) => {
        const text = cell(record, name)!.trim();
        if (text !== "") columns[i]![key] = key === "type" ? text : columnValue(text, key) ?? text;
      });
    } else {
      const near = suggest(key, [...COLUMN_LINES, ...TABLE_LINES]);
      fail(record.line, `unknown line "#${key}"${near === undefined ? "" : `, did you mean "#${near}"?`}`);
    }
  }
  const value = {
    schema: TABLES_SCHEMA,
    source,
    tables: [{
      name: source.split(/[/\\]/).at(-1)!.replace(/\.csv$/i, ""),
      ...table,
      columns,
      rows: rows.map((record) => ({
        ...(cell(record, "model")?.trim() ? { model: cell(record, "model")!.trim() } : {}),
        method: cell(record, "method")!,
        scores: Object.fromEntries(scores.map((name) => [name, number(record, name) ?? null])),
        average: number(record, AVERAGE) ?? null,
        delta: number(record, "delta") ?? null,
      })),
    }],
  };
  return checkDocument(value, source, (path) => place(path, { head, rows, about, scores }));
}

/** A line such as `#baseline,Base`, which need not have a cell below each heading. */
function isTableLine(cells: readonly string[]): boolean {
  return cells.length >= 2 && (TABLE_LINES as readonly string[]).includes(cells[0]!.replace(/^#\s*/, ""));
}

/** Several sizes are separated by "|". */
function columnValue(text: string, key: string): Printed | Printed[] | undefined {
  const values = text.split("|").map((part) => Printed.parse(part.trim()));
  if (values.includes(undefined) || (values.length > 1 && key !== "items")) return undefined;
  return values.length === 1 ? values[0] : values as Printed[];
}

/** Where a value of the document stands in the file. */
function place(
  path: JsonPath,
  { head, rows, about, scores }: { head: CsvRecord; rows: CsvRecord[]; about: CsvRecord[]; scores: string[] },
): string {
  const [, , kind, index, key, name] = path;
  if (kind === "rows" && typeof index === "number") {
    const field = key === "scores" ? name : key;
    return `line ${rows[index]!.line}${field === undefined ? "" : `, "${field}"`}`;
  }
  if (kind === "columns" && typeof index === "number") {
    const line = about.find(({ cells }) => cells[0]!.slice(1).trim() === key)?.line ?? head.line;
    return `line ${line}, "${scores[index]}"`;
  }
  const line = about.find(({ cells }) => cells[0]!.slice(1).trim() === kind)?.line ?? head.line;
  return `line ${line}`;
}

/** Records with the line they begin in; blank lines are left out. */
function csvRecords(text: string, source: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1, start = 1, cells: string[] = [];
  const field = /"((?:[^"]|"")*)"|([^,"\r\n]*)/y;
  const body = text.replace(/^\uFEFF/, "");
  for (let at = 0; at <= body.length;) {
    field.lastIndex = at;
    const [whole, quoted, bare] = field.exec(body)!;
    cells.push(quoted === undefined ? bare!.trim() : quoted.replaceAll('""', '"').trim());
    line += whole.split("\n").length - 1;
    at += whole.length;
    const end = /\r?\n|,|$/y;
    end.lastIndex = at;
    const stop = end.exec(body)?.[0];
    if (stop === undefined) {
      throw new UsageError(`"${source}" line ${line}: a quotation mark is out of place`, CURE);
    }
    at += stop.length;
    if (stop === ",") continue;
    if (cells.length > 1 || cells[0] !== "") records.push({ line: start, cells });
    cells = [];
    if (stop === "") break;
    start = ++line;
  }
  return records;
}
