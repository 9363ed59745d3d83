/**
 * How the printed averages of a table came about: by the declared weighting, by another one, from cells that stand under
 * other headings, or in no way that is known.
 *
 * @module
 */
import { shiftedColumns } from "./column_order.ts";
import { type AuditRow, type AuditTable, coarseRow, wholeRow } from "./document.ts";
import type { Printed } from "./printed.ts";
import {
  declaredWeighting,
  type Fit,
  fit,
  namedWeightings,
  oneWeightChanged,
  type Weighting,
} from "./weighting.ts";

/** Rows that a weighting of a search must give before it is taken for more than chance. */
const ENOUGH_ROWS = 3;

/** A row that has an average and all cells. */
export interface AveragedRow {
  readonly row: AuditRow;
  readonly cells: readonly Printed[];
  readonly average: Printed;
}

/** What gives a printed average. */
export type Origin =
  /** The declared weighting. */
  | { readonly kind: "declared"; readonly weighting: Weighting; readonly fit: Fit }
  /** The declared weighting, with cells and average at the digits that they were rounded to. */
  | { readonly kind: "coarse"; readonly weighting: Weighting; readonly digits: number }
  /** Another weighting. */
  | { readonly kind: "weighting"; readonly weighting: Weighting; readonly fit: Fit }
  /** The declared weighting, with the cells under other headings. */
  | {
    readonly kind: "columns";
    readonly weighting: Weighting;
    readonly order: readonly string[];
    readonly why: string;
  }
  | { readonly kind: "unknown" };

/** A row with an average, and where that comes from. */
export interface ExplainedRow extends AveragedRow {
  readonly origin: Origin;
}

/** Weightings that differ from the declared one in one column and give all the averages that it does not. */
export interface WeightSearch {
  /** Rows whose average the declared weighting does not give. */
  readonly rows: number;
  /** Weightings that were tried. */
  readonly tried: number;
  /** Those that give all of these rows; null where the rows are too few to tell. */
  readonly fitting: readonly Weighting[] | null;
}

/** Rows with an average and all cells. */
export function averagedRows(table: AuditTable): AveragedRow[] {
  return table.rows.flatMap((row) => {
    const cells = wholeRow(row);
    return row.average === null || cells === undefined ? [] : [{ row, cells, average: row.average }];
  });
}

/** Finds the origin of every average of a table. */
export function explainAverages(table: AuditTable): { rows: ExplainedRow[]; search: WeightSearch } {
  const rows = averagedRows(table);
  const declared = declaredWeighting(table);
  const direct = rows.map(({ row, cells, average }): Origin | undefined => {
    const found = fit(cells, average, declared);
    if (found !== undefined) return { kind: "declared", weighting: declared, fit: found };
    const coarse = coarseRow(row);
    if (coarse?.average && fit(wholeRow(coarse)!, coarse.average, declared) !== undefined) {
      return { kind: "coarse", weighting: declared, digits: coarse.average.decimals };
    }
    return undefined;
  });
  const open = rows.filter((_, i) => direct[i] === undefined);
  const candidates = [...namedWeightings(table).slice(1), ...common(table, open)];
  const shifts = shiftedColumns(
    table,
    open.filter(({ cells, average }) => !candidates.some((weighting) => fit(cells, average, weighting))),
  );
  const explained = rows.map((averaged, i): ExplainedRow => {
    const { row, cells, average } = averaged;
    if (direct[i] !== undefined) return { ...averaged, origin: direct[i] };
    for (const weighting of candidates) {
      const found = fit(cells, average, weighting);
      if (found !== undefined) return { ...averaged, origin: { kind: "weighting", weighting, fit: found } };
    }
    const shift = shifts.get(row);
    if (shift === undefined) return { ...averaged, origin: { kind: "unknown" } };
    return { ...averaged, origin: { kind: "columns", weighting: declared, ...shift } };
  });
  const wrong = explained.filter(({ origin }) => origin.kind === "weighting" || origin.kind === "unknown");
  return { rows: explained, search: searchOneWeight(table, wrong) };
}

/** The weightings of the search that give the most of these rows, if those are enough. */
function common(table: AuditTable, rows: readonly AveragedRow[]): Weighting[] {
  if (rows.length < ENOUGH_ROWS) return [];
  const counted = oneWeightChanged(table).map((weighting) => ({
    weighting,
    count: rows.filter(({ cells, average }) => fit(cells, average, weighting)).length,
  }));
  const most = Math.max(...counted.map(({ count }) => count));
  if (most < ENOUGH_ROWS || most < rows.length / 2) return [];
  return counted.filter(({ count }) => count === most).map(({ weighting }) => weighting);
}

function searchOneWeight(table: AuditTable, rows: readonly AveragedRow[]): WeightSearch {
  const tried = oneWeightChanged(table);
  if (rows.length < ENOUGH_ROWS) return { rows: rows.length, tried: tried.length, fitting: null };
  const fitting = tried.filter((weighting) =>
    rows.every(({ cells, average }) => fit(cells, average, weighting) !== undefined)
  );
  return { rows: rows.length, tried: tried.length, fitting };
}
