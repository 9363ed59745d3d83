/**
 * The numbers of a comparison: tables with intervals, then those of the paper, apart.
 *
 * @module
 */
import type { Comparison } from "../compare.ts";
import { changes, drawIntervals } from "../plot/intervals.ts";
import type { PaperComparison } from "../paper/comparison.ts";
import { comparisonNotes, comparisonTables } from "../report.ts";
import { lines, type Markup, markup } from "./markup.ts";
import { figure } from "./page.ts";
import { htmlTable } from "./table.ts";

/**
 * Charts and tables of a comparison, and what has to be said of them.
 *
 * @param tradeoff chart of embedding against general ability, where both were evaluated
 */
export function resultsSection(comparison: Comparison, tradeoff: string | null): Markup {
  const chart = changes(comparison);
  return lines([
    chart && figure(
      drawIntervals(chart),
      "Blue and orange: the interval leaves out 0. Grey: it does not, or there are too few items for one.",
    ),
    tradeoff &&
    figure(tradeoff, "What each arm gains in embedding against what it costs in general ability."),
    ...comparisonTables(comparison).map(htmlTable),
    ...comparisonNotes(comparison).map(paragraph),
  ]);
}

/**
 * The paper's row, so that nobody takes it for ours.
 *
 * @param none what is said where the paper has no such numbers
 */
export function paperSection(
  { table, notes }: Pick<PaperComparison, "table" | "notes">,
  none: string,
): Markup {
  return markup`<div class="paper">
<h3>From the paper, not from this run</h3>
${table === null ? paragraph(none) : htmlTable(table)}
${lines(notes.map(paragraph))}</div>`;
}

function paragraph(text: string): Markup {
  return markup`<p>${text}</p>`;
}
