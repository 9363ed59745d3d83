/**
 * Deltas against the cells and the averages of the two rows that they compare.
 *
 * @module
 */
import { type AuditRow, type AuditTable, coarseRow, findRow, rowName, wholeRow } from "./document.ts";
import type { CheckResult, Finding } from "./finding.ts";
import type { Printed } from "./printed.ts";
import { cellSlack, declaredAverage, declaredWeighting } from "./weighting.ts";

/** A difference, and how far rounding may have moved what is printed of it. */
interface Derived {
  readonly value: number;
  readonly tolerance: number;
}

/** Checks the deltas of one table. */
export function checkDeltas(table: AuditTable): CheckResult {
  const rows = table.rows.filter(({ delta }) => delta !== null);
  return {
    checked: { delta: rows.length },
    findings: rows.flatMap((row) => deltaFinding(table, row, row.delta!)),
  };
}

function deltaFinding(table: AuditTable, row: AuditRow, delta: Printed): Finding[] {
  const base = findRow(table, row.model, table.baseline!)!;
  const cells = fromCells(table, row, base, delta), averages = fromAverages(row, base, delta);
  const agrees = (derived: Derived | undefined) =>
    derived === undefined || Math.abs(delta.value - derived.value) <= derived.tolerance + 1e-9;
  if (agrees(cells) && agrees(averages)) return [];
  const derived = agrees(cells) ? averages! : cells!;
  const other = Math.sign(delta.value) !== Math.sign(derived.value) &&
    Math.abs(derived.value) > 4 * delta.halfUnit;
  return [{
    rule: "delta",
    severity: other ? "major" : "medium",
    table: table.name,
    row: rowName(row),
    column: "delta",
    printed: delta.text,
    derived: derived.value,
    difference: delta.value - derived.value,
    text: agrees(cells)
      ? `the printed averages differ by ${averages!.value.toFixed(delta.decimals)}`
      : `from the cells of both rows; ${
        averages === undefined
          ? "an average is missing"
          : agrees(averages)
          ? "it is the difference of the printed averages"
          : `the printed averages differ by ${averages.value.toFixed(delta.decimals)}`
      }${other ? ". The sign is the other one" : ""}`,
  }];
}

/** From the means that the averages should be; undefined where a cell is missing. */
function fromCells(table: AuditTable, row: AuditRow, base: AuditRow, delta: Printed): Derived | undefined {
  const value = declaredAverage(table, row), baseValue = declaredAverage(table, base);
  if (value === undefined || baseValue === undefined) return undefined;
  const weighting = declaredWeighting(table);
  const slack = (some: AuditRow) => cellSlack(wholeRow(coarseRow(some) ?? some)!, weighting);
  return { value: value - baseValue, tolerance: slack(row) + slack(base) + 2 * delta.halfUnit };
}

/** From the averages that are printed; undefined where one is missing. */
function fromAverages(row: AuditRow, base: AuditRow, delta: Printed): Derived | undefined {
  if (row.average === null || base.average === null) return undefined;
  return {
    value: row.average.value - base.average.value,
    tolerance: row.average.halfUnit + base.average.halfUnit + 2 * delta.halfUnit,
  };
}
