/**
 * Averages against the cells of their rows.
 *
 * @module
 */
import { type AuditRow, type AuditTable, AVERAGE, coarseRow, rowName, wholeRow } from "./document.ts";
import { explainAverages, type ExplainedRow, type WeightSearch } from "./explain_average.ts";
import type { CheckResult, Finding } from "./finding.ts";
import { type Printed, valueOf, weightedRatio } from "./printed.ts";
import { declaredAverage, declaredWeighting, type Fit, fit, knownName } from "./weighting.ts";
import { ordersMatter } from "./column_order.ts";

/** Checks the averages of one table: rules average, partial, columns, digits, mixed and rounding. */
export function checkAverages(table: AuditTable): CheckResult {
  const { rows, search } = explainAverages(table);
  const partial = table.rows.filter((row) => row.average !== null && row.scores.includes(null));
  const coarse = table.rows.filter((row) => coarseRow(row) !== undefined);
  const printed = table.rows.filter(({ average }) => average !== null).length;
  return {
    checked: {
      average: rows.length,
      partial: printed,
      columns: ordersMatter(table, declaredWeighting(table)) ? rows.length : 0,
      digits: table.rows.length,
      mixed: rows.length > 1 ? 1 : 0,
      rounding: rows.length > 1 ? 1 : 0,
    },
    findings: [
      ...searchFinding(table, search),
      ...rows.flatMap((row) => averageFinding(table, row)),
      ...partial.map((row) => partialFinding(table, row)),
      ...coarse.map((row) => digitsFinding(table, row)),
      ...mixedFinding(table, rows),
      ...roundingFinding(table, rows),
    ],
  };
}

/** What the search says about a table whose averages are wrong in the same way. The averages themselves are the contradictions. */
function searchFinding(table: AuditTable, { rows, tried, fitting }: WeightSearch): Finding[] {
  if (fitting === null || fitting.length === 0) return [];
  const [first] = fitting;
  const name = knownName(table, first!);
  const total = first!.weights.reduce((sum, weight) => sum + weight, 0);
  const alone = fitting.length === 1
    ? `no other of the ${tried} weightings that differ in one column`
    : `so do ${fitting.length - 1} others of the ${tried} weightings that differ in one column`;
  const is = name === first!.name ? "" : ` (${first!.name})`;
  return [{
    rule: "average",
    severity: "note",
    table: table.name,
    row: null,
    column: AVERAGE,
    printed: null,
    derived: null,
    difference: null,
    text:
      `the ${rows} averages that are wrong are given by ${name}${is}, divided by ${total}, and by ${alone}`,
  }];
}

function averageFinding(table: AuditTable, explained: ExplainedRow): Finding[] {
  const { row, cells, average, origin } = explained;
  if (origin.kind === "declared" || origin.kind === "coarse") return [];
  const declared = declaredWeighting(table);
  const derived = declaredAverage(table, row)!;
  const base = {
    table: table.name,
    row: rowName(row),
    column: AVERAGE,
    printed: average.text,
    derived,
    difference: average.value - derived,
  };
  switch (origin.kind) {
    case "weighting": {
      const value = valueOf(weightedRatio(cells, origin.weighting.weights)).toFixed(average.decimals + 1);
      const text = `said to be ${declared.name}; ${origin.weighting.name} gives ${value}, ${
        describeFit(origin.fit)
      }`;
      return [{ ...base, rule: "average", severity: "major", text }];
    }
    case "columns": {
      const weights = origin.order.map((name) => weightOf(table, name));
      const value = valueOf(weightedRatio(cells, weights)).toFixed(average.decimals + 1);
      const text = `values in the order ${origin.order.join(", ")} give ${value}: ${origin.why}`;
      return [{ ...base, rule: "columns", severity: "major", text }];
    }
    case "unknown":
      return [{
        ...base,
        rule: "average",
        severity: "medium",
        text: `said to be ${declared.name}; no weighting in use gives it`,
      }];
  }
}

/** Weight of a column in the declared average. */
function weightOf(table: AuditTable, name: string): number {
  return declaredWeighting(table).weights[table.columns.findIndex((column) => column.name === name)]!;
}

function describeFit(fit: Fit): string {
  switch (fit) {
    case "within":
      return "within what the cells were rounded by";
    case "both":
      return "rounded or truncated";
    default:
      return fit;
  }
}

/** A mean over the cells that happen to be there is no average of the table. */
function partialFinding(table: AuditTable, row: AuditRow): Finding {
  const { weights } = declaredWeighting(table);
  const there = row.scores.flatMap((cell, i) => cell === null || weights[i] === 0 ? [] : [i]);
  const missing = table.columns.filter((_, i) => row.scores[i] === null).map(({ name }) => name);
  const value = there.length === 0 ? null : valueOf(
    weightedRatio(there.map((i) => row.scores[i] as Printed), there.map((i) => weights[i]!)),
  );
  return {
    rule: "partial",
    severity: "medium",
    table: table.name,
    row: rowName(row),
    column: AVERAGE,
    printed: row.average!.text,
    derived: value,
    difference: value === null ? null : row.average!.value - value,
    text: `an average without ${missing.join(", ")}; derived: that of the other cells`,
  };
}

/** A row whose cells all end in 0. It contradicts itself if its average follows only at the fewer digits. */
function digitsFinding(table: AuditTable, row: AuditRow): Finding {
  const coarse = coarseRow(row)!;
  const derived = declaredAverage(table, row) ?? null;
  const declared = declaredWeighting(table), coarseCells = wholeRow(coarse);
  const wrong = row.average !== null && coarse.average !== null && coarseCells !== undefined &&
    fit(wholeRow(row)!, row.average, declared) === undefined &&
    fit(coarseCells, coarse.average, declared) !== undefined;
  const digits = coarse.scores.find((cell) => cell !== null)!.decimals;
  return {
    rule: "digits",
    severity: wrong ? "minor" : "note",
    table: table.name,
    row: rowName(row),
    column: AVERAGE,
    printed: row.average?.text ?? null,
    derived: row.average === null ? null : derived,
    difference: row.average === null || derived === null ? null : row.average.value - derived,
    text: `every cell ends in 0: rounded to ${digits} ${
      digits === 1 ? "decimal" : "decimals"
    } before it was printed`,
  };
}

/** Averages that were made with unlike weights cannot be compared. */
function mixedFinding(table: AuditTable, rows: readonly ExplainedRow[]): Finding[] {
  const groups = Map.groupBy(
    rows.flatMap(({ row, origin }) =>
      origin.kind === "unknown" ? [] : [{ row, name: origin.weighting.name }]
    ),
    ({ name }) => name,
  );
  if (groups.size < 2) return [];
  const shown = [...groups].map(([name, members]) =>
    `${name}: ${
      members.length > 4 ? `${members.length} rows` : members.map(({ row }) => rowName(row)).join(", ")
    }`
  );
  return [{
    rule: "mixed",
    severity: "major",
    table: table.name,
    row: null,
    column: AVERAGE,
    printed: null,
    derived: null,
    difference: null,
    text: `averages that cannot be compared with each other; ${shown.join("; ")}`,
  }];
}

/** Truncation is no error, but it is not rounding, and a table should do one of them. */
function roundingFinding(table: AuditTable, rows: readonly ExplainedRow[]): Finding[] {
  const count = (wanted: string) =>
    rows.filter(({ origin }) => "fit" in origin && origin.fit === wanted).length;
  const truncated = count("truncated"), rounded = count("rounded");
  if (truncated === 0) return [];
  return [{
    rule: "rounding",
    severity: "note",
    table: table.name,
    row: null,
    column: AVERAGE,
    printed: null,
    derived: null,
    difference: null,
    text: `truncated: ${truncated}, rounded: ${rounded}, as either would: ${count("both")}`,
  }];
}
