/**
 * A part of the page for each task: all metrics of all arms, what was counted, cut or left empty, what was scored, and some wrong
 * answers.
 *
 * @module
 */
import type { Failure } from "../failures.ts";
import type { ScoreRecord } from "../score_record.ts";
import { points } from "../table_layout.ts";
import { type Content, foreign, lines, type Markup, markup } from "./markup.ts";
import { details, htmlList, htmlTable } from "./table.ts";

/** What an arm scored. */
export interface ArmScores {
  readonly name: string;
  readonly scores: readonly ScoreRecord[];
  /** Wrong answers; none of an arm that answers as another one before it does. */
  readonly failures: readonly Failure[];
}

/** Counts that say that something was lost: of these, anything but 0 is marked. */
const LOST = /^(truncated_|empty_|unparsed|stopped_by_length|no_answer|failed)/;

/** The parts, in the order of the first arm's tasks; all arms have the same. */
export function taskSections(arms: readonly ArmScores[]): Markup[] {
  return arms[0]!.scores.map((record, i) => {
    const records = arms.map(({ scores }) => scores[i]!), names = arms.map(({ name }) => name);
    const counts = countRows(records);
    const lost = counts.filter(([name, ...values]) => LOST.test(name) && values.some((value) => value !== 0));
    return details(
      markup`${record.task} <small>${record.category}, ${record.main}, ${record.items.rows} items${
        lost.length === 0
          ? ""
          : markup`; <span class="warn">${lost.map(([name]) => label(name)).join(", ")}</span>`
      }</small>`,
      lines([
        scoredList(record),
        metricTable(records, names),
        countTable(counts, names),
        warningList(records, names),
        failureTable(arms, record.task),
      ]),
    );
  });
}

function countTable(counts: readonly CountRow[], names: readonly string[]): Markup {
  const cell = (name: string, value: number | string) =>
    LOST.test(name) && value !== 0 ? markup`<span class="warn">${value}</span>` : value;
  return htmlTable({
    title: "Counts",
    head: ["count", ...names],
    rows: counts.map(([name, ...values]) => [label(name), ...values.map((value) => cell(name, value))]),
    textColumns: 1,
  });
}

const label = (count: string) => count.replaceAll("_", " ");

function scoredList({ scorer, content, options, files, category }: ScoreRecord): Markup {
  return htmlList([
    ["Category", category],
    ["Scorer", markup`<code>${scorer}</code>`],
    ["Scored rows", markup`SHA-256 <code>${content}</code>`],
    [
      "Files",
      files.map(({ path, rows }, i) => markup`${i > 0 ? ", " : ""}<code>${path}</code> (${rows} rows)`),
    ],
    ["Options", markup`<code>${JSON.stringify(options)}</code>`],
  ]);
}

function metricTable(records: readonly ScoreRecord[], names: readonly string[]): Markup {
  const metrics = [...new Set(records.flatMap(({ metrics }) => Object.keys(metrics)))];
  const value = (record: ScoreRecord, metric: string) => {
    const found = record.metrics[metric];
    return found === undefined ? "" : points(found);
  };
  const main = records[0]!.main;
  return htmlTable({
    title: "Metrics (x 100); the main one first",
    head: ["metric", ...names],
    rows: [main, ...metrics.filter((metric) => metric !== main)].map((metric) => [
      metric === main ? markup`<strong>${metric}</strong>` : metric,
      ...records.map((record) => value(record, metric)),
    ]),
    textColumns: 1,
  });
}

type CountRow = readonly [name: string, ...values: (number | string)[]];

function countRows(records: readonly ScoreRecord[]): CountRow[] {
  const names = [...new Set(records.flatMap(({ counts }) => Object.keys(counts)))];
  return names.map((name) => [name, ...records.map(({ counts }) => counts[name] ?? "")]);
}

function warningList(records: readonly ScoreRecord[], names: readonly string[]): Content {
  const warnings = records.flatMap(({ warnings }, i) => warnings.map((text) => `${names[i]}: ${text}`));
  if (warnings.length === 0) return null;
  return markup`<ul class="warnings">
${lines(warnings.map((text) => markup`<li>${text}</li>`))}</ul>`;
}

/** What the scorers warn of; null if they do not. */
export function warningTable(arms: readonly ArmScores[]): Content {
  const rows = arms.flatMap(({ name, scores }) =>
    scores.flatMap(({ task, warnings }) => warnings.map((text) => [name, task, text]))
  );
  if (rows.length === 0) return null;
  return details(
    `Warnings of scorers: ${rows.length}`,
    htmlTable({ title: "Warnings of scorers", head: ["arm", "task", "warning"], rows, textColumns: 3 }),
  );
}

/** Longest answer that is shown; what a failure holds is shorter already. */
const SHOWN = 200;

function failureTable(arms: readonly ArmScores[], task: string): Content {
  const rows = arms.flatMap(({ name, failures }) =>
    failures.filter((failure) => failure.task === task).map(({ item, wrote, read, right }) => [
      name,
      item,
      wrote === null ? "not here" : foreign(wrote, SHOWN),
      read === null ? "nothing" : foreign(read, SHOWN),
      right === null ? "" : foreign(right, SHOWN),
    ])
  );
  if (rows.length === 0) return null;
  return htmlTable({
    title:
      "Wrong answers, the first of each set of weights: the end of what was written, and what was read in it",
    head: ["arm", "item", "wrote", "read", "right"],
    rows,
    textColumns: 5,
  });
}
