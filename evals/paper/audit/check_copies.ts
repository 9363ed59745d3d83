/**
 * Rows that repeat others, column by column.
 *
 * @module
 */
import {
  type AuditDocument,
  type AuditRow,
  type AuditTable,
  AVERAGE,
  resolveRow,
  rowName,
} from "./document.ts";
import type { CheckResult, Finding } from "./finding.ts";
import type { Printed } from "./printed.ts";

/** Checks every row that names the row it repeats. */
export function checkCopies(document: AuditDocument): CheckResult {
  const findings: Finding[] = [];
  let checked = 0;
  for (const table of document.tables) {
    for (const row of table.rows) {
      if (row.copyOf === undefined) continue;
      const { compared, found } = compareRows(document, table, row);
      checked += compared;
      findings.push(...found);
    }
  }
  return { checked: { copy: checked }, findings };
}

/** Compares the cells of columns that both rows have. */
function compareRows(
  document: AuditDocument,
  table: AuditTable,
  row: AuditRow,
): { compared: number; found: Finding[] } {
  const original = resolveRow(document, row.copyOf!);
  const cellsOf = (some: AuditTable, { scores, average }: AuditRow): Map<string, Printed> =>
    new Map(
      [...some.columns.map(({ name }, i) => [name, scores[i]] as const), [AVERAGE, average] as const]
        .filter((entry): entry is readonly [string, Printed] => entry[1] !== null),
    );
  const there = cellsOf(original.table, original.row);
  const both = [...cellsOf(table, row)].filter(([column]) => there.has(column));
  const found = both.flatMap(([column, cell]): Finding[] => {
    const expected = there.get(column)!;
    if (expected.value === cell.value) return [];
    const heading = [...there].find(([, { value }]) => value === cell.value)?.[0];
    return [{
      rule: "copy",
      severity: "major",
      table: table.name,
      row: rowName(row),
      column,
      printed: cell.text,
      derived: expected.value,
      difference: cell.value - expected.value,
      text: `${original.table.name}, ${rowName(original.row)}${
        heading === undefined ? " has another number" : `: ${cell.text} stands there under ${heading}`
      }`,
    }];
  });
  return { compared: both.length, found };
}
