/**
 * Which weights an average was made with: the declared ones, others that are in use, or those of a search.
 *
 * @module
 */
import { MTEB_CATEGORIES } from "../../category.ts";
import type { AuditRow, AuditTable } from "./document.ts";
import { type Printed, roundingsOf, valueOf, weightedRatio } from "./printed.ts";

/** Whole weights, one a column. */
export interface Weighting {
  readonly name: string;
  readonly weights: readonly number[];
}

/** How exactly a weighting gives a printed average. `within` means: within the digits that were dropped from the cells. */
export type Fit = "rounded" | "truncated" | "both" | "within";

/** Largest weight that {@linkcode oneWeightChanged} tries. */
const LARGEST_WEIGHT = 20;

/** The weighting that the averages of a table say they have. */
export function declaredWeighting(table: AuditTable): Weighting {
  return table.weighting === "tasks" ? meanOverTasks(table) : meanOverTypes(table);
}

/** The declared weighting and the others that are in use, without doubles. */
export function namedWeightings(table: AuditTable): Weighting[] {
  return distinct([
    declaredWeighting(table),
    meanOverTasks(table),
    meanOverTypes(table),
    ...printed65(table),
  ]);
}

/**
 * Every weighting that differs from the declared one in one column, whose weight is any whole number up to 20. They are
 * many, so that a single average is soon hit by chance; what counts is that one of them hits several rows.
 */
export function oneWeightChanged(table: AuditTable): Weighting[] {
  const { weights } = declaredWeighting(table);
  return table.columns.flatMap(({ name }, column) =>
    Array.from({ length: LARGEST_WEIGHT + 1 }, (_, weight) => ({
      name: `${name} weighs ${weight} instead of ${weights[column]}`,
      weights: weights.with(column, weight),
    })).filter(({ weights }) => weights.some((weight) => weight > 0))
  ).filter(({ weights: changed }) => changed.some((weight, i) => weight !== weights[i]));
}

/** "grace_printed_65 (summarization weighs 10)": a weighting of a search under the name that it has, if it has one. */
export function knownName(table: AuditTable, weighting: Weighting): string {
  return namedWeightings(table).find((named) => sameWeights(named, weighting))?.name ?? weighting.name;
}

/** Whether two weightings give the same averages. */
export function sameWeights(a: Weighting, b: Weighting): boolean {
  return a.weights.every((weight, i) => weight === b.weights[i]);
}

/**
 * How well a weighting gives a printed average; undefined if it does not. With cells c rounded to h either way, the true
 * average lies within h of theirs; what is printed of it is rounded (half a unit either way) or truncated (a unit down).
 */
export function fit(cells: readonly Printed[], average: Printed, weighting: Weighting): Fit | undefined {
  const { weights } = weighting;
  const ratio = weightedRatio(cells, weights);
  const ways = roundingsOf(ratio, average);
  const truncated = ways.includes("truncated"), rounded = ways.some((way) => way !== "truncated");
  if (truncated || rounded) return truncated && rounded ? "both" : truncated ? "truncated" : "rounded";
  const slack = cellSlack(cells, weighting);
  const difference = average.value - valueOf(ratio), epsilon = 1e-9;
  const within = difference <= slack + average.halfUnit + epsilon &&
    difference > -(slack + 2 * average.halfUnit) - epsilon;
  return within ? "within" : undefined;
}

/** How far the weighted mean of rounded cells may lie from that of what they stand for. */
export function cellSlack(cells: readonly Printed[], { weights }: Weighting): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return cells.reduce((sum, cell, i) => sum + weights[i]! * cell.halfUnit, 0) / total;
}

/** The declared average of a row, where it has all cells. */
export function declaredAverage(table: AuditTable, row: AuditRow): number | undefined {
  if (row.scores.some((cell) => cell === null)) return undefined;
  return valueOf(weightedRatio(row.scores as readonly Printed[], declaredWeighting(table).weights));
}

function meanOverTasks({ columns }: AuditTable): Weighting {
  const total = columns.reduce((sum, { tasks }) => sum + tasks, 0);
  return {
    name: isMteb(columns) ? "weighted56" : `mean over ${total} tasks`,
    weights: columns.map(({ tasks }) => tasks),
  };
}

/** Each type weighs the same; within it, each task does. */
function meanOverTypes({ columns }: AuditTable): Weighting {
  const types = Map.groupBy(columns, (column) => column.type ?? column.name);
  const sizes = [...types.values()].map((members) => members.reduce((sum, { tasks }) => sum + tasks, 0));
  const common = sizes.reduce((a, b) => a / gcd(a, b) * b);
  const sizeOf = new Map([...types.keys()].map((type, i) => [type, sizes[i]!]));
  return {
    name: `mean over ${types.size} types`,
    weights: simplest(
      columns.map(({ name, type, tasks }) => tasks * (common / sizeOf.get(type ?? name)!)),
    ),
  };
}

/** The average that the paper prints, for tables of the seven categories of 56 tasks. */
function printed65({ columns }: AuditTable): Weighting[] {
  if (!isMteb(columns)) return [];
  return [{
    name: "grace_printed_65",
    weights: columns.map(({ name, tasks }) => name === "summarization" ? 10 : tasks),
  }];
}

function isMteb(columns: AuditTable["columns"]): boolean {
  const expected: Readonly<Record<string, number>> = MTEB_CATEGORIES;
  return columns.length === Object.keys(expected).length &&
    columns.every(({ name, tasks }) => Object.hasOwn(expected, name) && expected[name] === tasks);
}

/** Weights of equal ratios are equal: 2, 2, 4 is 1, 1, 2. */
function simplest(weights: readonly number[]): number[] {
  const divisor = weights.reduce(gcd);
  return weights.map((weight) => weight / divisor);
}

function distinct(weightings: readonly Weighting[]): Weighting[] {
  return weightings.filter((one, i) => weightings.findIndex((other) => sameWeights(one, other)) === i);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
