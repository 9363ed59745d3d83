/**
 * An audit as plain text or Markdown. JSON is the report itself.
 *
 * @module
 */
import type { AccuracyCell } from "./check_accuracies.ts";
import type { AuditReport } from "./audit.ts";
import type { Finding } from "./finding.ts";

/** Forms of a report. */
export const AUDIT_FORMATS = ["text", "markdown"] as const;

/** One of {@linkcode AUDIT_FORMATS}. */
export type AuditFormat = typeof AUDIT_FORMATS[number];

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers. */
  readonly right: ReadonlySet<number>;
}

/**
 * Renders a report; the result ends with a line feed.
 *
 * @param all also every average and every accuracy, those that nothing speaks against among them
 */
export function renderAudit(report: AuditReport, format: AuditFormat, all: boolean): string {
  const tables = [
    ...(all ? [tablesTable(report), ...averageTables(report), ...accuracyTable(report.accuracies)] : []),
    ...findingTables(report),
    summaryTable(report),
  ];
  const parts = format === "text" ? tables.map(textOf) : tables.map(markdownOf);
  return [`Audit of ${report.source}`, ...parts, verdict(report)].join("\n\n") + "\n";
}

/** "3 contradictions and 1 note". */
export function verdict({ contradictions, findings }: AuditReport): string {
  const notes = findings.length - contradictions;
  const count = (n: number, what: string) => `${n === 0 ? "no" : n} ${what}${n === 1 ? "" : "s"}`;
  return `Found: ${count(contradictions, "contradiction")}, ${count(notes, "note")}`;
}

/** A table of findings for each rule that has some. */
function findingTables({ rules, findings }: AuditReport): Table[] {
  return rules.flatMap(({ rule, claim }) => {
    const own = findings.filter((finding) => finding.rule === rule);
    if (own.length === 0) return [];
    return [{
      title: `${rule}: ${claim}`,
      head: ["severity", "table", "row", "column", "printed", "derived", "difference", "finding"],
      rows: own.map(findingRow),
      right: new Set([4, 5, 6]),
    }];
  });
}

function findingRow(finding: Finding): string[] {
  const { severity, table, row, column, printed, derived, difference, text } = finding;
  const digits = 1 + (/\.(\d+)/.exec(printed ?? "")?.[1]?.length ?? 1);
  return [
    severity,
    table,
    row ?? "",
    column ?? "",
    printed ?? "",
    derived === null ? "" : derived.toFixed(digits),
    difference === null ? "" : signed(difference, digits),
    text,
  ];
}

function tablesTable({ tables }: AuditReport): Table {
  return {
    title: "Tables",
    head: ["table", "rows", "columns", "what"],
    rows: tables.map(({ name, rows, columns, about }) => [name, String(rows), String(columns), about]),
    right: new Set([1, 2]),
  };
}

/** Every average beside the means that it may be; tables with the same kinds of means stand together. */
function averageTables({ averages }: AuditReport): Table[] {
  const groups = Map.groupBy(averages, ({ means }) => means.map(({ name }) => name).join("|"));
  return [...groups.values()].map((lines) => {
    const names = lines[0]!.means.map(({ name }) => name);
    return {
      title: "Averages beside the means that they may be; the first is the one that they are said to be",
      head: ["table", "row", "printed", ...names, "difference"],
      rows: lines.map(({ table, row, printed, means }) => [
        table,
        row,
        printed,
        ...means.map(({ value }) => value.toFixed(3)),
        signed(Number(printed) - means[0]!.value, 3),
      ]),
      right: new Set(Array.from({ length: names.length + 2 }, (_, i) => i + 2)),
    };
  });
}

/** Every accuracy as a count. */
function accuracyTable(cells: readonly AccuracyCell[]): Table[] {
  if (cells.length === 0) return [];
  return [{
    title: "Accuracies as k of N",
    head: ["table", "row", "column", "printed", "k of N"],
    rows: cells.map((cell) => [cell.table, cell.row, cell.column, cell.printed, counts(cell)]),
    right: new Set([3]),
  }];
}

function counts({ sizes, grim: { attained, between, vacuous } }: AccuracyCell): string {
  if (vacuous) return `any number fits N = ${sizes.join(" or ")}`;
  if (between !== null) return `none: between ${between.below} and ${between.above} of ${between.n}`;
  return attained.map(({ k, n, roundings }) =>
    `${k} of ${n}${roundings.every((rounding) => rounding === "truncated") ? ", truncated" : ""}`
  ).join("; ");
}

function summaryTable({ rules }: AuditReport): Table {
  return {
    title: "Checks",
    head: ["rule", "checked", "contradictions", "notes", "what must hold"],
    rows: rules.map(({ rule, checked, contradictions, notes, claim }) => [
      rule,
      String(checked),
      String(contradictions),
      String(notes),
      claim,
    ]),
    right: new Set([1, 2, 3]),
  };
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

function textOf(table: Table): string {
  const [head, ...rows] = aligned(table).map((cells) => cells.join("  ").trimEnd());
  return [table.title, "-".repeat(table.title.length), head, ...rows].join("\n");
}

function markdownOf(table: Table): string {
  const escape = (cells: readonly string[]) => cells.map((cell) => cell.replaceAll("|", "\\|"));
  const cells = aligned({ ...table, head: escape(table.head), rows: table.rows.map(escape) });
  const rule = cells[0]!.map((cell, i) =>
    table.right.has(i) ? "-".repeat(cell.length - 1) + ":" : "-".repeat(cell.length)
  );
  const [head, ...rows] = [cells[0]!, rule, ...cells.slice(1)].map((row) => `| ${row.join(" | ")} |`);
  return [`**${table.title}**`, "", head, ...rows].join("\n");
}

/** Head and rows with every column as wide as its widest cell. */
function aligned({ head, rows, right }: Table): string[][] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => row[i]!.length)));
  return all.map((row) =>
    row.map((cell, i) => right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
  );
}
