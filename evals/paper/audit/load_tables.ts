/**
 * Where the tables of an audit come from: a file, or the paper.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { checkDocument } from "./check_document.ts";
import type { AuditDocument } from "./document.ts";
import { parseNumberedJson } from "./json_lines.ts";
import { parseTablesCsv } from "./tables_csv.ts";

/** The paper's tables, which are part of this program. */
const PAPER_TABLES = new URL("../paper_tables.json", import.meta.url);

/** Tables of the paper (arXiv 2510.04506v1), with the sentences about them. */
export function paperTables(): AuditDocument {
  return parseTablesJson(Deno.readTextFileSync(PAPER_TABLES), "paper_tables.json");
}

/**
 * Reads a file of tables: `.json`, or `.csv` with one table.
 *
 * @throws {MissingError} if it cannot be read
 * @throws {UsageError} if it is not what docs/audit.md describes, naming line and field
 */
export function loadTables(path: string): AuditDocument {
  const parse = /\.csv$/i.test(path) ? parseTablesCsv : /\.json$/i.test(path) ? parseTablesJson : undefined;
  if (parse === undefined) {
    throw new UsageError(`"${path}" is neither .json nor .csv`, "docs/audit.md describes both");
  }
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (cause) {
    throw new MissingError(`cannot read "${path}": ${(cause as Error).message}`, "check the path", { cause });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`"${path}" is not UTF-8`, "save it as UTF-8", { cause });
  }
  return parse(text, path);
}

/**
 * Checks the text of a JSON file.
 *
 * @param source name of the file in messages
 * @throws {UsageError} naming line and field
 */
export function parseTablesJson(text: string, source: string): AuditDocument {
  const { value, lineOf } = parseNumberedJson(text, source);
  return checkDocument(
    value,
    source,
    (path) => `line ${lineOf(path)}${path.length === 0 ? "" : `, "${path.join(".")}"`}`,
  );
}
