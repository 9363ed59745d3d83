/**
 * Values under the wrong headings: which orders of columns would give a printed average.
 *
 * With seven columns there are 5,040 orders, and a few of them give any average by chance. An order is believed only if
 * several rows share it, or if it is one that people write columns in: the alphabetical one.
 *
 * @module
 */
import type { AuditRow, AuditTable } from "./document.ts";
import type { AveragedRow } from "./explain_average.ts";
import type { Printed } from "./printed.ts";
import { declaredWeighting, fit, type Weighting } from "./weighting.ts";

/** Largest number of columns whose orders are all tried (40,320). */
export const MOST_COLUMNS = 8;

/** An order of columns that explains an average. */
export interface ColumnShift {
  /** Headings of the printed cells, from left to right. */
  readonly order: readonly string[];
  /** What speaks for it. */
  readonly why: string;
}

/** Whether another order could change an average, and the orders are few enough to try. */
export function ordersMatter({ columns }: AuditTable, { weights }: Weighting): boolean {
  return columns.length <= MOST_COLUMNS && new Set(weights).size > 1;
}

/** The order of columns that explains the average of each row, where one does; the rows are those that nothing else explains. */
export function shiftedColumns(table: AuditTable, rows: readonly AveragedRow[]): Map<AuditRow, ColumnShift> {
  const found = new Map<AuditRow, ColumnShift>();
  const declared = declaredWeighting(table);
  if (rows.length === 0 || !ordersMatter(table, declared)) return found;
  const orders = permutations(table.columns.map((_, i) => i));
  const names = table.columns.map(({ name }) => name);
  const alphabetical = names.map((_, i) => i).sort((a, b) => names[a]! < names[b]! ? -1 : 1);
  const fitting = new Map(rows.map(({ row, cells, average }) => [
    row,
    new Set(orders.filter((order) => fitsInOrder(cells, average, declared, order)).map(String)),
  ]));
  const shared = sharedOrders([...fitting.values()]);
  for (const [row, own] of fitting) {
    const known = own.has(String(alphabetical));
    const common = shared.filter((order) => own.has(order));
    // Several shared orders are as much as none, unless one of them is known.
    const order = known ? String(alphabetical) : common.length === 1 ? common[0]! : undefined;
    if (order === undefined) continue;
    const sharing = [...fitting.values()].filter((other) => other.has(order)).length;
    found.set(row, {
      order: order.split(",").map((column) => names[Number(column)]!),
      why: [
        `${own.size} of ${orders.length} orders give it`,
        ...(sharing > 1
          ? [`${common.length === 1 ? "only this one" : "this one"} gives ${sharing} rows`]
          : []),
        ...(known ? ["it is the alphabetical one"] : []),
      ].join(", "),
    });
  }
  return found;
}

/** Orders that more than one row has. */
function sharedOrders(sets: readonly ReadonlySet<string>[]): string[] {
  const counts = new Map<string, number>();
  for (const set of sets) for (const order of set) counts.set(order, (counts.get(order) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return most < 2 ? [] : [...counts].filter(([, count]) => count === most).map(([order]) => order);
}

/** Whether the i-th cell, read as one of column `order[i]`, gives the average. */
function fitsInOrder(
  cells: readonly Printed[],
  average: Printed,
  { name, weights }: Weighting,
  order: readonly number[],
): boolean {
  return fit(cells, average, { name, weights: order.map((column) => weights[column]!) }) !== undefined;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
