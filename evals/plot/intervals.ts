/**
 * Changes with their intervals, one line for each arm and one chart for each metric, around a line at 0: whether a change is one
 * is seen at a glance.
 *
 * @module
 */
import type { Comparison } from "../compare.ts";
import { axisTicks, COLOURS, escapeText, formatTick, round, svg } from "./svg.ts";

/** A change; its ends are null where there are too few items. */
export interface Interval {
  readonly name: string;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** One chart. */
export interface IntervalPanel {
  readonly title: string;
  readonly intervals: readonly Interval[];
}

/** Charts below a title. */
export interface IntervalChart {
  readonly title: string;
  readonly panels: readonly IntervalPanel[];
}

/** Most charts of tasks: more of them say less, and a table is there too. */
const MOST_TASKS = 12;

/**
 * Changes of a comparison in points: of its averages, or of its tasks where there is no average.
 *
 * @returns null if nothing is compared
 */
export function changes(comparison: Comparison): IntervalChart | null {
  const { arms, base, averages, tasks } = comparison;
  const rows = averages.length > 0
    ? averages.map(({ label, differences }) => ({ title: label, differences }))
    : tasks.filter(({ main }) => main).slice(0, MOST_TASKS).map(({ task, metric, cells }) => ({
      title: `${task}, ${metric}`,
      differences: cells.map(({ difference }) => difference),
    }));
  const panels = rows.map(({ title, differences }) => ({
    title,
    intervals: differences.flatMap((difference, i) => {
      if (difference === null) return [];
      const [low, high] = difference.interval?.map((end) => 100 * end) ?? [null, null];
      return [{ name: arms[i]!, value: 100 * difference.value, low: low!, high: high! }];
    }),
  })).filter(({ intervals }) => intervals.length > 0);
  return panels.length === 0 ? null : { title: `Change against "${base}", points`, panels };
}

const columns = 2, headline = 34;
const panel = { width: 450, left: 140, right: 20, top: 30, row: 20, bottom: 30 } as const;
const inner = panel.width - panel.left - panel.right;

/** Draws the charts, two in a row. */
export function drawIntervals({ title, panels }: IntervalChart): string {
  const rows = Math.max(...panels.map(({ intervals }) => intervals.length));
  const height = panel.top + panel.row * rows + panel.bottom;
  const body = panels.map((one, i) => {
    const x = (i % columns) * panel.width, y = headline + Math.floor(i / columns) * height;
    return `<g transform="translate(${x} ${y})">\n${drawPanel(one)}\n</g>`;
  });
  const width = panel.width * Math.min(columns, panels.length);
  return svg(title, width, headline + Math.ceil(panels.length / columns) * height, body);
}

function drawPanel({ title, intervals }: IntervalPanel): string {
  const ends = intervals.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const ticks = axisTicks(Math.min(0, ...ends), Math.max(0, ...ends));
  const [from, to] = [ticks[0]!, ticks.at(-1)!], bottom = panel.top + panel.row * intervals.length;
  const px = (value: number) => round(panel.left + inner * (value - from) / (to - from));
  return [
    `<text x="8" y="18" font-weight="600">${escapeText(title)}</text>`,
    ...ticks.map((tick) =>
      `<path d="M${px(tick)} ${panel.top}V${bottom}" stroke="${COLOURS.text}" stroke-opacity="${
        Math.abs(tick) < 1e-9 ? 0.9 : 0.2
      }"/><text x="${px(tick)}" y="${bottom + 15}" text-anchor="middle">${formatTick(tick, ticks)}</text>`
    ),
    ...intervals.map((interval, i) => drawInterval(interval, panel.top + panel.row * (i + 0.5), px)),
  ].join("\n");
}

/** A change that may be none has the colour of text. */
function drawInterval(
  { name, value, low, high }: Interval,
  y: number,
  px: (value: number) => number,
): string {
  const isChange = low !== null && high !== null && (low > 0 || high < 0);
  const colour = isChange ? COLOURS.lines[value > 0 ? 0 : 1] : COLOURS.text;
  const bar = low === null || high === null
    ? ""
    : `<path d="M${px(low)} ${y}H${px(high)}" stroke="${colour}" stroke-width="2"/>`;
  return `<text x="${panel.left - 8}" y="${y + 4}" text-anchor="end">${escapeText(name)}</text>${bar}` +
    `<circle cx="${px(value)}" cy="${y}" r="3.5" fill="${colour}"/>`;
}
