/**
 * Tables to be audited: cells with the digits that are printed, what each column is the mean of, and what is claimed
 * about them. The paper's own tables are a document of this kind (`evals/paper/paper_tables.json`).
 *
 * @module
 */
import type { Printed } from "./printed.ts";

/** Value of the field `schema` of a JSON file. */
export const TABLES_SCHEMA = "grace-repro/tables/1";

/** Name of the cell behind the columns; no column may have it. */
export const AVERAGE = "average";

/** Tables, and claims about them. */
export interface AuditDocument {
  /** Where the numbers are from. */
  readonly source: string;
  readonly tables: readonly AuditTable[];
  readonly claims: readonly Claim[];
}

/** One table. */
export interface AuditTable {
  readonly name: string;
  readonly about: string;
  /** What a cell of full score is: 100 for percent, 1 for fractions. */
  readonly fullScore: 100 | 1;
  /** What the averages say that they are: the mean over tasks, or that over types. */
  readonly weighting: "tasks" | "types";
  /** Method that deltas are against, within the same model; undefined where the table has no deltas. */
  readonly baseline: string | undefined;
  readonly columns: readonly AuditColumn[];
  readonly rows: readonly AuditRow[];
}

/** A column of scores. */
export interface AuditColumn {
  readonly name: string;
  /** Tasks of which a cell is the mean; 1 for a single task. */
  readonly tasks: number;
  /** Kind of task: the mean over types takes the mean of each first. Undefined: a type of its own. */
  readonly type: string | undefined;
  /** Sizes that the test set may have, where a cell is a share of right answers; empty where it is something else. */
  readonly items: readonly number[];
  /** Runs over the test set of which a cell is the mean. */
  readonly runs: number;
  /** Score of guessing, in the unit of the table. */
  readonly chance: number | undefined;
}

/** A row. */
export interface AuditRow {
  /** Empty where the table names methods only. */
  readonly model: string;
  readonly method: string;
  /** One a column; null where nothing is printed. */
  readonly scores: readonly (Printed | null)[];
  readonly average: Printed | null;
  readonly delta: Printed | null;
  /** The row that this one repeats. */
  readonly copyOf: RowReference | undefined;
}

/** Names a row. */
export interface RowReference {
  readonly table: string;
  /** Empty where the table names methods only. */
  readonly model: string;
  readonly method: string;
}

/** Names a cell; its column may be {@linkcode AVERAGE}. */
export interface CellReference extends RowReference {
  readonly column: string;
}

interface ClaimBase {
  /** Where it stands. */
  readonly where: string;
  /** What it says. */
  readonly text: string;
}

/** "On average over the models, `to` gains `printed` over `from`." */
export interface MeanGainClaim extends ClaimBase {
  readonly kind: "meanGain";
  readonly printed: Printed;
  readonly unit: "percent" | "points";
  readonly table: string;
  readonly from: string;
  readonly to: string;
}

/** "Each of the steps improves every column, for every model." */
export interface ImprovesClaim extends ClaimBase {
  readonly kind: "improves";
  readonly table: string;
  /** Methods, from the worst. */
  readonly steps: readonly string[];
}

/** "This number is above that one." */
export interface GreaterClaim extends ClaimBase {
  readonly kind: "greater";
  readonly higher: CellReference;
  readonly lower: CellReference;
}

/** A sentence that the tables must bear out. */
export type Claim = MeanGainClaim | ImprovesClaim | GreaterClaim;

/** A row's name: "model, method". */
export function rowName({ model, method }: { readonly model: string; readonly method: string }): string {
  return model === "" ? method : `${model}, ${method}`;
}

/** The row of a table; undefined if there is none. */
export function findRow(table: AuditTable, model: string, method: string): AuditRow | undefined {
  return table.rows.find((row) => row.model === model && row.method === method);
}

/** Table and row of a reference that was checked when the document was read. */
export function resolveRow(
  document: AuditDocument,
  reference: RowReference,
): { readonly table: AuditTable; readonly row: AuditRow } {
  const table = document.tables.find(({ name }) => name === reference.table)!;
  return { table, row: findRow(table, reference.model, reference.method)! };
}

/** The cells of a row, if none is missing. */
export function wholeRow(row: AuditRow): readonly Printed[] | undefined {
  return row.scores.every((cell) => cell !== null) ? row.scores : undefined;
}

/**
 * The digits of a row that mean something. Where four cells or more (0 aside) end in 0, all numbers of the row have been
 * rounded to fewer digits and then printed with more: by chance, one row in 10,000 looks like that.
 */
export function coarseRow(row: AuditRow): AuditRow | undefined {
  let current = row;
  while (true) {
    const cells = current.scores.filter((cell) => cell !== null && cell.units !== 0n);
    if (cells.length < 4 || !cells.every((cell) => cell!.decimals >= 2 && cell!.units % 10n === 0n)) {
      return current === row ? undefined : current;
    }
    const drop = (cell: Printed | null) => cell?.withoutLastZero() ?? cell;
    current = {
      ...current,
      scores: current.scores.map(drop),
      average: drop(current.average),
      delta: drop(current.delta),
    };
  }
}
