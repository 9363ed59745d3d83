/**
 * The results of a sweep over two settings as maps: one for each arm that depends on them, and each leading number.
 *
 * @module
 */
import { valueText } from "../../lib/manifest/grid.ts";
import type { Grid } from "../../lib/manifest/grid.ts";
import { drawHeatMap, type HeatPanel } from "../plot/heat_map.ts";
import { points } from "../table_layout.ts";
import type { SweepReport } from "./report.ts";

/** Most tasks that have a map where there is no average. */
const MOST_TASKS = 6;

/** The maps in one SVG; null unless just two settings are swept, and something depends on them. */
export function sweepMaps(
  { cells, results }: Pick<SweepReport, "cells" | "results">,
  { settings }: Grid,
): string | null {
  const [rows, columns, more] = Object.entries(settings);
  if (rows === undefined || columns === undefined || more !== undefined) return null;
  const cellAt = (row: number, column: number) => cells[row * columns[1].length + column]!.name;
  const arms = [...new Set(results.filter(({ cell }) => cell !== null).map(({ arm }) => arm))];
  const panels = arms.flatMap((arm) => {
    const own = results.filter((result) => result.arm === arm), { metrics } = own[0]!;
    const averages = metrics.filter(({ kind }) => kind === "average");
    const shown = averages.length > 0 ? averages : metrics.slice(0, MOST_TASKS);
    return shown.map(({ name, metric }): HeatPanel => {
      const at = (row: number, column: number) =>
        own.find(({ cell }) => cell === cellAt(row, column))?.metrics.find((one) => one.name === name);
      const map = <T>(value: (row: number, column: number) => T) =>
        rows[1].map((_, row) => columns[1].map((_, column) => value(row, column)));
      return {
        title: `${arm}: ${name}${metric === "mean" ? "" : `, ${metric}`}, x 100`,
        values: map((row, column) => {
          const found = at(row, column);
          return found === undefined ? null : Number(points(found.mean));
        }),
        notes: map((row, column) => {
          const deviation = at(row, column)?.deviation ?? null;
          return deviation === null ? null : `±${points(deviation)}`;
        }),
      };
    });
  });
  if (panels.length === 0) return null;
  const axis = ([name, values]: typeof rows) => ({ name, values: values.map(valueText) });
  return drawHeatMap({
    title: `${rows[0]} and ${columns[0]}`,
    rows: axis(rows),
    columns: axis(columns),
    panels,
  });
}
