/**
 * Accuracies against the size of their test set (GRIM), and against guessing.
 *
 * @module
 */
import { type AuditColumn, type AuditRow, type AuditTable, coarseRow, rowName } from "./document.ts";
import type { CheckResult, Finding } from "./finding.ts";
import { type Grim, grim } from "./grim.ts";
import type { Printed } from "./printed.ts";

/** An accuracy with its count of right answers. */
export interface AccuracyCell {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly printed: string;
  /** Sizes that the test set may have, times runs. */
  readonly sizes: readonly number[];
  readonly grim: Grim;
  /** The same with the digits that the row was rounded to; null where they are those that are printed. */
  readonly coarse: Grim | null;
}

/** Every accuracy of a table whose column says how many items there are. */
export function accuracyCells(table: AuditTable): AccuracyCell[] {
  return table.rows.flatMap((row) =>
    table.columns.flatMap((column, i) => {
      const cell = row.scores[i]!;
      if (cell === null || column.items.length === 0) return [];
      const sizes = column.items.map((items) => items * column.runs);
      const coarse = coarseRow(row)?.scores[i];
      return [{
        table: table.name,
        row: rowName(row),
        column: column.name,
        printed: cell.text,
        sizes,
        grim: grim(cell, sizes, table.fullScore),
        coarse: coarse && coarse.decimals < cell.decimals ? grim(coarse, sizes, table.fullScore) : null,
      }];
    })
  );
}

/** Checks the accuracies of one table: rules grim and chance. */
export function checkAccuracies(table: AuditTable): CheckResult {
  const cells = accuracyCells(table).filter(({ grim }) => !grim.vacuous);
  const below = table.rows.flatMap((row) => belowChance(table, row));
  const guessed =
    table.columns.flatMap(({ chance }, i) =>
      chance === undefined ? [] : table.rows.filter((row) => row.scores[i] !== null)
    ).length;
  return {
    checked: { grim: cells.length, chance: guessed },
    findings: [...cells.flatMap((cell) => grimFinding(table, cell)), ...below],
  };
}

/** A number that no count gives is a contradiction, unless its row was rounded to fewer digits and a count gives those. */
function grimFinding(table: AuditTable, cell: AccuracyCell): Finding[] {
  const { grim: { attained, between }, coarse } = cell;
  const base = {
    rule: "grim",
    table: cell.table,
    row: cell.row,
    column: cell.column,
    printed: cell.printed,
  } as const;
  if (between !== null) {
    const { n, below, above } = between;
    const share = (k: number) => k / n * table.fullScore;
    const decimals = cell.printed.split(".")[1]?.length ?? 0;
    const nearest =
      Math.abs(share(above) - Number(cell.printed)) < Math.abs(share(below) - Number(cell.printed))
        ? above
        : below;
    const counts = [below, above].filter((k) => k >= 0 && k <= n)
      .map((k) => `${k}/${n} = ${share(k).toFixed(decimals + 1)}`);
    const atFewer = coarse !== null && coarse.attained.length > 0
      ? `; rounded to fewer digits it is ${coarse.attained[0]!.k}/${coarse.attained[0]!.n}`
      : coarse !== null
      ? ", nor at the fewer digits that the row was rounded to"
      : "";
    return [{
      ...base,
      severity: coarse !== null && coarse.attained.length > 0 ? "minor" : "medium",
      derived: share(nearest),
      difference: Number(cell.printed) - share(nearest),
      text: `no k/${cell.sizes.join(" or /")}: ${counts.join(", ")}${atFewer}`,
    }];
  }
  if (attained.some(({ roundings }) => roundings.some((rounding) => rounding !== "truncated"))) return [];
  const { k, n } = attained[0]!;
  const derived = k / n * table.fullScore;
  return [{
    ...base,
    severity: "note",
    derived,
    difference: Number(cell.printed) - derived,
    text: `${k}/${n}, truncated instead of rounded`,
  }];
}

function belowChance(table: AuditTable, row: AuditRow): Finding[] {
  return table.columns.flatMap((column, i) => {
    const cell = row.scores[i]!;
    if (cell === null || column.chance === undefined || !isBelow(cell, column, table.fullScore)) return [];
    return [{
      rule: "chance",
      severity: "note",
      table: table.name,
      row: rowName(row),
      column: column.name,
      printed: cell.text,
      derived: column.chance,
      difference: cell.value - column.chance,
      text: "below guessing: answers that could not be read are counted as wrong ones",
    }];
  });
}

/** Below guessing by more than three standard errors of it, where N is known. */
function isBelow(cell: Printed, { chance, items, runs }: AuditColumn, fullScore: number): boolean {
  const p = chance! / fullScore;
  const n = items.length === 0 ? Infinity : Math.min(...items) * runs;
  return cell.value < chance! - 3 * Math.sqrt(p * (1 - p) / n) * fullScore;
}
