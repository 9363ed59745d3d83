/**
 * A check as plain text or Markdown, and as one table for other programs.
 *
 * @module
 */
import type { ReportTable } from "../report_table.ts";
import { layOutMarkdown, layOutText, percentText, points, signed, type Table } from "../table_layout.ts";
import type { CheckedTask, CheckReport } from "./check.ts";
import { type Verdict, VERDICT_TEXT } from "./verdict.ts";

/** How a check ended, in one sentence. */
export function headline({ tasks, mean, exact, sameEmbeddings, passed }: CheckReport): string {
  const count = (of: (task: CheckedTask) => boolean, what: string) => {
    const names = tasks.filter(of).map(({ task }) => task);
    return names.length === 0
      ? []
      : [`${names.length} of ${tasks.length} tasks ${what} (${names.join(", ")})`];
  };
  const is = (verdict: Verdict) => (task: CheckedTask) => task.verdict === verdict;
  if (!passed) {
    const faults = [
      ...count(is("regressed"), "regressed"),
      ...mean?.failed ? [`the ${mean.task} regressed`] : [],
      ...count(is("refused"), "not compared"),
      ...exact
        ? count(({ verdict, change }) => change !== null && verdict !== "equal", "with other bits")
        : [],
      ...sameEmbeddings === false ? ["the embeddings have other bits"] : [],
    ];
    return `Check FAILED: ${faults.join("; ")}.`;
  }
  const verdicts = (["equal", "improved", "noise", "tolerated", "dropped"] as const)
    .map((verdict) => [tasks.filter(is(verdict)).length, VERDICT_TEXT[verdict]] as const);
  const told = verdicts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`);
  return `Check passed: ${tasks.length} ${tasks.length === 1 ? "task" : "tasks"}: ${told.join("; ")}.`;
}

/** What a caller says around the table. */
export interface CheckSurroundings {
  /** In the place of the {@linkcode headline}. */
  readonly heading?: string;
  /** Behind all other notes. */
  readonly notes?: readonly string[];
}

/** The table with what has to be said about it; the result ends with a line feed. */
export function renderCheck(
  report: CheckReport,
  format: "text" | "markdown",
  { heading = headline(report), notes = [] }: CheckSurroundings = {},
): string {
  const layOut = format === "text" ? layOutText : layOutMarkdown;
  const first = format === "text" ? heading : `**${heading}**`;
  return `${first}\n\n${layOut([tableOf(report)], [...notesOf(report), ...notes])}`;
}

/** One row for each task, and one for their mean. Fractions, but for the tolerance, which is in points. */
export function checkTable({ tasks, mean }: CheckReport): ReportTable {
  const row = (kind: string, checked: CheckedTask) => {
    const { task, metric, items, baseline, now, change, interval, level, maxDropPoints, verdict, failed } =
      checked;
    const [low, high] = interval ?? [null, null];
    return [
      kind,
      task,
      metric,
      items,
      baseline,
      now,
      change,
      low,
      high,
      level,
      maxDropPoints,
      verdict,
      failed,
    ];
  };
  return {
    columns: [
      ["kind", "text"],
      ["task", "text"],
      ["metric", "text"],
      ["items", "number"],
      ["baseline", "number"],
      ["now", "number"],
      ["change", "number"],
      ["low", "number"],
      ["high", "number"],
      ["level", "number"],
      ["max_drop_points", "number"],
      ["verdict", "text"],
      ["failed", "boolean"],
    ],
    rows: [...tasks.map((task) => row("task", task)), ...mean ? [row("mean", mean)] : []],
  };
}

/** Whether noise would have been asked, had there been enough items. */
function isUntested({ change, verdict, interval }: CheckedTask, confidence: number): boolean {
  return confidence > 0 && change !== null && verdict !== "equal" && interval === null;
}

function tableOf({ tasks, mean, confidence }: CheckReport): Table {
  const score = (value: number | null) => value === null || !Number.isFinite(value) ? "" : points(value);
  const interval = (checked: CheckedTask) => {
    if (checked.interval !== null) return `[${checked.interval.map(signed).join(", ")}]`;
    return checked !== mean && isUntested(checked, confidence) ? "too few items" : "";
  };
  const row = (checked: CheckedTask) => [
    checked.task,
    checked === mean && checked.interval === null && checked.verdict !== "equal"
      ? ""
      : VERDICT_TEXT[checked.verdict],
    checked.metric,
    checked === mean ? "" : String(checked.items),
    score(checked.baseline),
    score(checked.now),
    checked.change === null ? "" : signed(checked.change),
    interval(checked),
  ];
  return {
    title: "Scores (x 100), and their change in points",
    head: ["task", "verdict", "metric", "items", "baseline", "now", "change", "interval"],
    rows: [...tasks, ...mean ? [mean] : []].map(row),
    textColumns: 3,
  };
}

function notesOf(report: CheckReport): string[] {
  const { tasks, mean, confidence, resamples, family, fewest, unchecked } = report;
  const asked = [...tasks, ...mean ? [mean] : []].filter(({ interval }) => interval !== null);
  const few = tasks.filter((task) => isUntested(task, confidence));
  const told = tasks.flatMap(({ task, remarks }) => remarks.map((remark) => `- ${task}: ${remark}.`));
  const blind = asked.filter(({ change, interval, maxDropPoints }) =>
    100 * (change! - interval![0]) > maxDropPoints
  );
  return [
    ...tasks.flatMap(({ task, reasons }) => reasons.map((reason) => `Not compared: ${task}: ${reason}.`)),
    toleranceNote(report),
    ...asked.length === 0 ? [] : [
      `Intervals: paired bootstrap over items, ${resamples} resamples${
        family === 1 ? ", with " : `; all ${family} together hold with `
      }` +
      `${percentText(confidence)} confidence${
        family === 1 ? "" : " (Holm)"
      }. They cover the choice of items, not the randomness of ` +
      "training or sampling.",
    ],
    ...few.length === 0 ? [] : [
      `Too few items to ask for noise (${fewest} at least), so that the tolerance alone decides: ${
        few.map(({ task }) => task).join(", ")
      }.`,
    ],
    ...blind.length === 0 ? [] : [
      `Drops that would show are larger than what is tolerated: ${
        blind.map(({ task, change, interval }) => `${task} from about ${points(change! - interval![0])}`)
          .join(", ")
      }. More items make them smaller.`,
    ],
    ...unchecked.length === 0 ? [] : [`Not in the baseline, not checked: ${unchecked.join(", ")}.`],
    ...told.length === 0 ? [] : [["Worth knowing:", ...told].join("\n")],
    ...exactNotes(report),
  ];
}

function toleranceNote({ tasks, mean, confidence }: CheckReport): string {
  const usual = mean?.maxDropPoints ?? tasks[0]!.maxDropPoints;
  const others = tasks.filter(({ maxDropPoints }) => maxDropPoints !== usual);
  const own = others.length === 0
    ? ""
    : ` (${others.map(({ task, maxDropPoints }) => `${task} ${maxDropPoints}`).join(", ")})`;
  return `Tolerated: a drop of ${usual} ${usual === 1 ? "point" : "points"} a task${own}${
    confidence > 0 ? ", and any that is not told from noise" : "; noise is not asked"
  }.`;
}

function exactNotes({ differences, sameEmbeddings, exact }: CheckReport): string[] {
  if (!exact) return [];
  const show = (value: number | null) => value === null ? "none" : String(value);
  return [
    ...differences.map(({ task, items, first }) =>
      first.length === 0
        ? `${task}: the metric is made of the same numbers; other stored details of its items differ.`
        : `${task}: ${items} items differ, the first: ${
          first.map((one) => `item ${one.item}, ${one.field} ${show(one.baseline)} -> ${show(one.now)}`).join(
            "; ",
          )
        }.`
    ),
    sameEmbeddings === null
      ? "The embeddings were not compared: they are not of the same texts, or the baseline has none."
      : `The embeddings are ${sameEmbeddings ? "equal to the last bit" : "not the same bits"}.`,
  ];
}
