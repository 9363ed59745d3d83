/**
 * Scores as one table of many rows, for other programs: the same columns and types whatever was evaluated, as CSV or Arrow.
 *
 * @module
 */
import { categoryMeans, overallMeans, type TaskMean } from "./category_means.ts";
import { type Comparison, shareOf, shownMetrics } from "./compare.ts";
import type { ScoreRecord } from "./score_record.ts";

/** Type of a column. */
export type ColumnType = "text" | "number" | "boolean";

/** A value; null where there is none. */
export type TableValue = string | number | boolean | null;

/** Columns with their types, and rows of as many values. */
export interface ReportTable {
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  readonly rows: readonly (readonly TableValue[])[];
}

/**
 * One row for each metric that tables show, then one for each mean over a category or average, whose name says what it covers
 * and which is `complete` only if that is everything. Fractions, not percent.
 */
export function scoreTable(scores: readonly ScoreRecord[]): ReportTable {
  const taskRows = scores.flatMap((record) =>
    shownMetrics(record).map((metric, i): TableValue[] => {
      const { correct, trials } = shareOf(record, metric) ?? { correct: null, trials: null };
      const { task, category, items, metrics, stderr, baseTask } = record;
      const own = [metric, i === 0, items.rows, metrics[metric]!, i === 0 ? stderr : null, correct, trials];
      return ["task", task, category, ...own, task === baseTask];
    })
  );
  const meanRow = (kind: string) => ({ label, category, weights, value, stderr, complete }: TaskMean) => [
    kind,
    label,
    category,
    "mean",
    true,
    weights.size,
    value,
    stderr,
    null,
    null,
    complete,
  ];
  return {
    columns: [
      ["kind", "text"],
      ["name", "text"],
      ["category", "text"],
      ["metric", "text"],
      ["main", "boolean"],
      ["items", "number"],
      ["value", "number"],
      ["stderr", "number"],
      ["correct", "number"],
      ["trials", "number"],
      ["complete", "boolean"],
    ],
    rows: [
      ...taskRows,
      ...categoryMeans(scores).map(meanRow("category")),
      ...overallMeans(scores).map(meanRow("average")),
    ],
  };
}

/** One row for each arm and metric. Fractions, not percent. */
export function comparisonTable(comparison: Comparison): ReportTable {
  return {
    columns: [
      ["arm", "text"],
      ["task", "text"],
      ["category", "text"],
      ["metric", "text"],
      ["main", "boolean"],
      ["items", "number"],
      ["value", "number"],
      ["stderr", "number"],
      ["correct", "number"],
      ["trials", "number"],
      ["difference", "number"],
      ["low", "number"],
      ["high", "number"],
    ],
    rows: comparison.tasks.flatMap(({ task, category, metric, main, items, cells }) =>
      cells.map(({ value, stderr, share, difference }, i) => [
        comparison.arms[i]!,
        task,
        category,
        metric,
        main,
        items,
        value,
        stderr,
        share?.correct ?? null,
        share?.trials ?? null,
        difference?.value ?? null,
        difference?.interval?.[0] ?? null,
        difference?.interval?.[1] ?? null,
      ])
    ),
  };
}

/** A line for each row below one of names; the result ends with a line feed. */
export function tableCsv({ columns, rows }: ReportTable): string {
  const lines = [columns.map(([name]) => name), ...rows].map((row) => row.map(csvField).join(","));
  return lines.join("\n") + "\n";
}

/** The table as an Arrow file. */
export async function tableArrow({ columns, rows }: ReportTable): Promise<Uint8Array> {
  const [{ table, toArrowIPC }, { bool, float64, utf8 }] = await Promise.all([
    import("arquero"),
    import("@uwdata/flechette"),
  ]);
  // Named, because they would be inferred from the values: of another table, the same column would have another type.
  const types = { text: utf8(), number: float64(), boolean: bool() };
  rows.forEach((row) => row.forEach(requireFinite));
  const values = columns.map(([name], i) => [name, rows.map((row) => row[i]!)] as const);
  return toArrowIPC(table(values), {
    format: "file",
    types: Object.fromEntries(columns.map(([name, type]) => [name, types[type]])),
  })!;
}

function requireFinite(value: TableValue): void {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`a report cannot show ${value}`);
  }
}

function csvField(value: TableValue): string {
  requireFinite(value);
  const text = String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
