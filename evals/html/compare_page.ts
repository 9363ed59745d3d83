/**
 * A comparison of several folders as one page that needs nothing but itself.
 *
 * @module
 */
import type { Difference } from "../../lib/manifest/diff.ts";
import type { Comparison } from "../compare.ts";
import { lines, type Markup, markup } from "./markup.ts";
import { renderPage } from "./page.ts";
import { resultsSection } from "./results_section.ts";
import { htmlTable } from "./table.ts";
import { type ArmScores, taskSections, warningTable } from "./task_sections.ts";

/** In what the settings of a folder differ from those of another one. */
export interface SettingsBeside {
  readonly left: string;
  readonly right: string;
  readonly differences: readonly Difference[];
}

/** Renders the page; the result ends with a line feed. */
export function renderComparePage(
  comparison: Comparison,
  arms: readonly ArmScores[],
  settings: readonly SettingsBeside[],
): string {
  return renderPage({
    title: `Comparison with ${comparison.base}`,
    lead: markup`<p>${comparison.arms.join(", ")}.</p>`,
    sections: [
      { id: "results", title: "Results", body: resultsSection(comparison, null) },
      ...settings.length === 0
        ? []
        : [{ id: "settings", title: "Settings", body: lines(settings.map(settingTable)) }],
      { id: "tasks", title: "Tasks", body: lines([warningTable(arms), ...taskSections(arms)]) },
    ],
  });
}

function settingTable({ left, right, differences }: SettingsBeside): Markup {
  if (differences.length === 0) {
    return markup`<p>The settings of <code>${left}</code> and <code>${right}</code> are the same.</p>`;
  }
  const side = (one: Difference["left"]) => one === null ? "not there" : JSON.stringify(one.value);
  return htmlTable({
    title: `Settings of ${left} and of ${right}`,
    head: ["setting", left, right, "about"],
    rows: differences.map(({ path, left, right, ids }) => [
      markup`<code>${path}</code>`,
      side(left),
      side(right),
      ids.join(", "),
    ]),
    textColumns: 4,
  });
}
