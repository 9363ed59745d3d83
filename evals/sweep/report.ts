/**
 * The results of a sweep as tables: for people, and as one table of many rows for programs. Scores are shown times 100, changes in
 * points.
 *
 * @module
 */
import type { BootstrapOptions } from "../bootstrap.ts";
import type { ReportTable } from "../report_table.ts";
import { layOutMarkdown, layOutText, percentText, points, signed, type Table } from "../table_layout.ts";
import type { CellResult, MetricResult } from "./results.ts";

/** What a report of a sweep says. */
export interface SweepReport {
  /** Settings that were swept, in order. */
  readonly settings: readonly string[];
  /** Name of each cell with the texts of its values, in the order of `settings`. */
  readonly cells: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly base: string;
  readonly bootstrap: BootstrapOptions;
  readonly results: readonly CellResult[];
  /** Runs that there ought to be. */
  readonly runs: number;
  /** What became of those that are not in the results. */
  readonly missing: readonly { readonly cell: string; readonly seed: number; readonly why: string }[];
}

/** Renders the report; it ends with a line feed. */
export function renderSweep(report: SweepReport, format: "text" | "markdown"): string {
  const { results, missing, runs } = report;
  const layOut = format === "text" ? layOutText : layOutMarkdown;
  const lacking = missing.map(({ cell, seed, why }) =>
    `Missing: ${cell === "" ? "" : `${cell}, `}seed ${seed}: ${why}`
  );
  if (results.length === 0) return layOut([], [`None of ${runs} runs is finished.`, ...lacking]);
  return layOut([scoreTable(report), ...changeTable(report)], [...notes(report), ...lacking]);
}

function scoreTable(report: SweepReport): Table {
  const { results } = report, metrics = results[0]!.metrics;
  const several = results.some(({ seeds }) => seeds.length > 1);
  return {
    title: `Scores (x 100)${several ? ", mean over seeds ± their standard deviation" : ""}`,
    head: ["arm", ...report.settings, "seeds", ...metrics.map(({ name }) => shortName(name))],
    rows: results.map((result) => [
      ...rowHead(report, result),
      String(result.seeds.length),
      ...result.metrics.map(({ mean, deviation }) =>
        points(mean) + (deviation === null ? "" : ` ±${points(deviation)}`)
      ),
    ]),
    textColumns: 1 + report.settings.length,
  };
}

/** One table, or none where nothing is compared. */
function changeTable(report: SweepReport): Table[] {
  const { results, base, bootstrap } = report;
  const changed = results.filter(({ metrics }) => metrics.some(({ change }) => change !== null));
  if (changed.length === 0) return [];
  return [{
    title: `Change against "${base}" in points, with ${
      percentText(bootstrap.confidence)
    } intervals over items`,
    head: ["arm", ...report.settings, ...changed[0]!.metrics.map(({ name }) => shortName(name))],
    rows: changed.map((result) => [
      ...rowHead(report, result),
      ...result.metrics.map(({ change }) => changeText(change)),
    ]),
    textColumns: 1 + report.settings.length,
  }];
}

/** How many embedded tasks an average covers is seen in the columns that follow. */
function shortName(name: string): string {
  return name.replace(/ \(\d+ embedded tasks?\)$/, "");
}

function rowHead({ cells, settings }: SweepReport, { arm, cell }: CellResult): string[] {
  const values = cells.find(({ name }) => name === cell)?.values ?? settings.map(() => "any");
  return [arm, ...values];
}

function changeText(change: MetricResult["change"]): string {
  if (change === null) return "";
  const [low, high] = change.interval ?? [];
  return `${signed(change.value)} ${
    low === undefined ? "[too few items]" : `[${signed(low)}, ${signed(high!)}]`
  }`;
}

function notes({ bootstrap, results, cells }: SweepReport): string[] {
  const most = Math.max(...results.map(({ seeds }) => seeds.length));
  return [
    `Intervals: paired bootstrap over items, ${bootstrap.resamples} resamples, seed ${bootstrap.seed}, of the mean over the ` +
    `seeds that both cells have. They cover the choice of items, not the randomness of training or sampling.`,
    ...most < 2 && cells.length > 1
      ? [
        "One seed a cell: what another seed would change is not known, and may be more than what cells differ by.",
      ]
      : [],
    ...cells.length > 2
      ? [
        `The best of ${cells.length} cells is best by chance, too: choose on one suite, and report the choice on another.`,
      ]
      : [],
  ];
}

/** One row for each arm, cell and metric. Fractions, not percent. */
export function sweepTable({ settings, cells, results }: SweepReport): ReportTable {
  return {
    columns: [
      ["arm", "text"],
      ["cell", "text"],
      ...settings.map((path) => [path, "text"] as const),
      ["kind", "text"],
      ["name", "text"],
      ["metric", "text"],
      ["seeds", "number"],
      ["mean", "number"],
      ["deviation", "number"],
      ["difference", "number"],
      ["low", "number"],
      ["high", "number"],
    ],
    rows: results.flatMap(({ arm, cell, seeds, metrics }) =>
      metrics.map(({ name, kind, metric, mean, deviation, change }) => [
        arm,
        cell,
        ...cells.find((one) => one.name === cell)?.values ?? settings.map(() => null),
        kind,
        name,
        metric,
        seeds.length,
        mean,
        deviation,
        change?.value ?? null,
        change?.interval?.[0] ?? null,
        change?.interval?.[1] ?? null,
      ])
    ),
  };
}
