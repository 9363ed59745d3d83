/**
 * A comparison, or the scores of one model, as plain text, Markdown, CSV and JSON. Scores are printed times 100, differences in points.
 *
 * @module
 */
import { categoryMeans, overallMeans } from "./category_means.ts";
import type { Difference } from "./bootstrap.ts";
import { type Cell, type Comparison, type MeanRow, shareOf, shownMetrics } from "./compare.ts";
import { comparisonTable, tableCsv } from "./report_table.ts";
import type { ScoreRecord } from "./score_record.ts";
import { layOutMarkdown, layOutText, percentText, points, signed, type Table } from "./table_layout.ts";

/** Form of a report. */
export type ReportFormat = "text" | "markdown" | "csv" | "json";

/** Renders a comparison; the result ends with a line feed. */
export function renderComparison(comparison: Comparison, format: ReportFormat): string {
  switch (format) {
    case "text":
      return renderText(comparison);
    case "markdown":
      return renderMarkdown(comparison);
    case "csv":
      return tableCsv(comparisonTable(comparison));
    case "json":
      return JSON.stringify(comparison, null, 2) + "\n";
  }
}

/** Renders the scores of one model, without a comparison; the result ends with a line feed. */
export function renderScores(scores: readonly ScoreRecord[], format: "text" | "markdown"): string {
  const warnings = scores.flatMap(({ task, warnings }) =>
    warnings.map((text) => `Warning: ${task}, ${text}.`)
  );
  return (format === "text" ? layOutText : layOutMarkdown)(scoreTables(scores), warnings);
}

/** The tables of one model's scores. */
export function scoreTables(scores: readonly ScoreRecord[]): Table[] {
  return [
    {
      title: "Scores (x 100)",
      head: ["task", "metric", "items", "score", "stderr", "correct"],
      rows: scores.flatMap((record) =>
        shownMetrics(record).map((metric, i) => {
          const share = shareOf(record, metric);
          return [
            record.task,
            metric,
            String(record.items.rows),
            points(record.metrics[metric]!),
            i > 0 || record.stderr === null ? "" : points(record.stderr),
            share === null ? "" : `${share.correct}/${share.trials}`,
          ];
        })
      ),
      textColumns: 2,
    },
    {
      title: "Category means (x 100)",
      head: ["category", "mean", "stderr"],
      rows: [...categoryMeans(scores), ...overallMeans(scores)].map(({ label, value, stderr }) => [
        label,
        points(value),
        stderr === null ? "" : points(stderr),
      ]),
      textColumns: 1,
    },
  ];
}

function renderText(comparison: Comparison): string {
  return layOutText(comparisonTables(comparison), [
    ...comparisonNotes(comparison),
    ...warningLines(comparison),
  ]);
}

function renderMarkdown(comparison: Comparison): string {
  return layOutMarkdown(comparisonTables(comparison), [
    ...comparisonNotes(comparison),
    ...warningLines(comparison),
  ]);
}

/** More arms than these stand below each other, not beside each other. */
const mostColumns = 4;

/** The tables of a comparison, the averages first. */
export function comparisonTables(comparison: Comparison): Table[] {
  const { averages, arms } = comparison;
  const across = arms.length <= mostColumns;
  return [
    ...(averages.length > 0 ? [overview(comparison)] : []),
    ...(across ? tablesWithArmsAcross(comparison) : tablesWithArmsDown(comparison)),
  ];
}

const changeTitle = ({ base, bootstrap }: Comparison) =>
  `Change against "${base}" in points, with ${percentText(bootstrap.confidence)} intervals`;

function tablesWithArmsAcross(comparison: Comparison): Table[] {
  const { arms, base, tasks } = comparison;
  const others = arms.flatMap((name, i) => name === base ? [] : [i]);
  const changes = [
    ...tasks.filter((row) => row.main).map((row) => ({
      name: row.task,
      differences: row.cells.map((cell) => cell.difference),
    })),
    ...comparison.averages.map((row) => ({ name: row.label, differences: row.differences })),
  ];
  const means = meansBesideTasks(comparison);
  return [
    {
      title: "Scores (x 100)",
      head: ["task", "metric", "items", ...arms],
      rows: tasks.map((row) => [
        row.task,
        row.metric,
        String(row.items),
        ...row.cells.map((cell) => scoreText(cell, row.items)),
      ]),
      textColumns: 2,
    },
    {
      title: changeTitle(comparison),
      head: ["task", ...others.map((i) => arms[i]!)],
      rows: changes.map((
        { name, differences },
      ) => [name, ...others.map((i) => differenceText(differences[i]!))]),
      textColumns: 1,
    },
    ...(means.length === 0 ? [] : [{
      title: "Category means (x 100)",
      head: ["category", ...arms],
      rows: means.map((row) => [row.label, ...row.values.map((_, i) => meanText(row, i))]),
      textColumns: 1,
    }]),
  ];
}

function tablesWithArmsDown(comparison: Comparison): Table[] {
  const { arms, base, tasks } = comparison;
  const main = tasks.filter((row) => row.main);
  const means = meansBesideTasks(comparison);
  return [
    {
      title: "Scores (x 100)",
      head: ["task", ...tasks.map((row) => row.task)],
      rows: [
        ["metric", ...tasks.map((row) => row.metric)],
        ["items", ...tasks.map((row) => String(row.items))],
        ...arms.map((arm, i) => [arm, ...tasks.map((row) => scoreText(row.cells[i]!, row.items))]),
      ],
      textColumns: 1,
    },
    {
      title: changeTitle(comparison),
      head: ["arm", ...main.map((row) => row.task)],
      rows: arms.flatMap((arm, i) =>
        arm === base ? [] : [[arm, ...main.map((row) => differenceText(row.cells[i]!.difference))]]
      ),
      textColumns: 1,
    },
    ...(means.length === 0 ? [] : [{
      title: "Category means (x 100)",
      head: ["arm", ...means.map((row) => row.label)],
      rows: arms.map((arm, i) => [arm, ...means.map((row) => meanText(row, i))]),
      textColumns: 1,
    }]),
  ];
}

/** The means that say more than the tables before them: an embedded category is one task, its averages come first. */
function meansBesideTasks({ embedded, categories, averages }: Comparison): readonly MeanRow[] {
  return embedded ? [] : [...categories, ...averages];
}

/** A line for each arm: what a reader looks for first, and what fits where the columns of all arms do not. */
function overview({ arms, base, averages, bootstrap }: Comparison): Table {
  // How many embedded tasks an average covers is told by the table of scores, which has no others.
  const short = (label: string) => label.replace(/ \(\d+ embedded tasks?\)$/, "");
  return {
    title: `Averages (x 100), and their change against "${base}" with ${
      percentText(bootstrap.confidence)
    } intervals`,
    head: ["arm", ...averages.flatMap(({ label }) => [short(label), "change"])],
    rows: arms.map((arm, i) => [
      arm,
      ...averages.flatMap((row) => {
        const stderr = row.stderrs[i];
        const value = points(row.values[i]!) + (stderr == null ? "" : ` ±${points(stderr)}`);
        return [value, differenceText(row.differences[i]!)];
      }),
    ]),
    textColumns: 1,
  };
}

/** What the tables leave unsaid: what the intervals cover, and what the averages are of. */
export function comparisonNotes(comparison: Comparison): string[] {
  const { resamples, seed } = comparison.bootstrap;
  const lines = [
    `Intervals: paired bootstrap over items, ${resamples} resamples, seed ${seed}. They cover the choice of items, ` +
    `not the randomness of training or sampling.`,
  ];
  if (comparison.embedded) {
    lines.push(
      "The averages are over tasks embedded in this program, one for each category: they are not MTEB's.",
    );
  } else if (comparison.averages.length === 0) {
    lines.push("No average over the benchmark is given, because not all of its 56 tasks were evaluated.");
  }
  return lines;
}

function warningLines({ warnings }: Comparison): string[] {
  return [...Map.groupBy(warnings, ({ arm }) => arm)].map(([arm, list]) =>
    `Warning: ${arm}: ${list.map(({ task, text }) => `${task}: ${text}`).join("; ")}.`
  );
}

/**
 * With correct answers where each item is one trial (they imply the standard error), else with the standard error: the
 * trials of a classification are those of all its experiments.
 */
function scoreText({ value, stderr, share }: Cell, items: number): string {
  if (share?.trials === items) return `${points(value)} (${share.correct}/${share.trials})`;
  return points(value) + (stderr === null ? "" : ` ±${points(stderr)}`);
}

function differenceText(difference: Difference | null): string {
  if (difference === null) return "";
  const [low, high] = difference.interval ?? [];
  const interval = low === undefined ? "[too few items]" : `[${signed(low)}, ${signed(high!)}]`;
  return `${signed(difference.value)} ${interval}`;
}

function meanText(row: MeanRow, arm: number): string {
  const stderr = row.stderrs[arm], difference = row.differences[arm];
  return points(row.values[arm]!) + (stderr == null ? "" : ` ±${points(stderr)}`) +
    (difference == null ? "" : ` (${signed(difference.value)})`);
}
