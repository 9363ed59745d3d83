/**
 * What a training did: its curves, what it cut, and samples of what it wrote.
 *
 * @module
 */
import type { JournalRecord } from "../../lib/journal/append.ts";
import { lines, type Markup, markup } from "./markup.ts";
import { figure } from "./page.ts";
import { sampleTables } from "./rationale_samples.ts";
import type { ReportedTraining } from "./run_page.ts";
import { details, htmlTable } from "./table.ts";

/** What of a step's record is added up over the steps, where it has it. */
const SUMS: readonly (readonly [key: string, name: string])[] = [
  ["truncatedPrompts", "texts that were cut to fit the prompt"],
  ["flatGroups", "groups without any advantage, from which nothing was learned"],
  ["mergedGroups", "groups that were merged into others"],
  ["maskedDuplicates", "duplicates left out of the contrast"],
];

/** What of it is told of the first and the last step. */
const SHARES: readonly (readonly [key: string, name: string])[] = [
  ["truncatedShare", "share of rationales cut off"],
  ["informativeShare", "share of informative rationales"],
  ["meanCosine", "mean cosine of different texts"],
  ["entropy", "entropy of a token, nats"],
];

/** The part of the page about one training. */
export function trainingSection({ name, steps, chart, samples }: ReportedTraining): Markup {
  const tables = samples === null ? [] : sampleTables(samples);
  return lines([
    markup`<h3>${name}</h3>`,
    chart && figure(chart, `Training of ${name}; a bold line is the mean over ten steps.`),
    htmlTable({
      title: `Training of ${name}: ${steps.length} steps`,
      head: ["what", "all steps", "first step", "last step"],
      rows: rowsOf(steps),
      textColumns: 1,
    }),
    tables.length === 0 ? null : details(
      markup`Rationales of the first and the last step <small>with what each was worth</small>`,
      lines([markup`<p>${TERMS}</p>`, ...tables]),
    ),
  ]);
}

/** What the columns beside a rationale hold. */
const TERMS =
  "Terms of the reward before their weights: similarity to the query (positive), to the other rationales of the " +
  "text (consistency) and, negated, to the mined negatives and to other texts (cross-group). Reward: as it was used, with " +
  "scale and length penalty. Advantage: what the estimator (advantage.estimator) makes of the rewards.";

function rowsOf(steps: readonly JournalRecord[]): string[][] {
  const numbers = (key: string) =>
    steps.map((step) => step[key]).filter((value) => typeof value === "number");
  const rows: string[][] = [];
  for (const [key, name] of SUMS) {
    const values = numbers(key);
    if (values.length > 0) rows.push([name, String(values.reduce((sum, value) => sum + value, 0)), "", ""]);
  }
  for (const [key, name] of SHARES) {
    const values = numbers(key);
    if (values.length > 0) rows.push([name, "", values[0]!.toFixed(3), values.at(-1)!.toFixed(3)]);
  }
  return rows;
}
