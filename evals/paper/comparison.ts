/**
 * The paper's numbers beside a comparison of ours: the same categories and arms, of the same backbone where the paper has
 * it, else of the backbone whose size is nearest. A slice of a task is no replica of the paper's, and the table says so.
 *
 * @module
 */
import { type Category, MTEB_CATEGORIES, type MtebCategory } from "../category.ts";
import type { Comparison } from "../compare.ts";
import { PAPER_BACKBONES, PAPER_METHODS, type PaperMethod, paperRow } from "./tables.ts";

/** The smallest backbone of the paper: the nearest one for anything smaller. */
const SMALLEST = "Qwen2.5-1.5B-Instruct";

/** The table in two forms. */
export interface PaperComparison {
  readonly text: string;
  readonly markdown: string;
}

function isMteb(category: Category | null): category is MtebCategory {
  return category !== null && category in MTEB_CATEGORIES;
}

/**
 * Rows of the paper's Tables 1 and 2 for the categories and arms of a comparison; category means in percent.
 *
 * @param backbone name of our backbone; case and what follows a dot or quantisation suffix do not matter
 */
export function paperComparison(comparison: Comparison, backbone: string): PaperComparison {
  const same = PAPER_BACKBONES.find((name) => backbone.toLowerCase().startsWith(name.toLowerCase()));
  const source = same ?? SMALLEST;
  const arms = comparison.arms.filter((arm): arm is PaperMethod => arm in PAPER_METHODS);
  const categories = comparison.categories.filter((row) => isMteb(row.category));
  const title =
    `Paper, ${source}${
      same ? "" : " (the paper has no row for this backbone)"
    }: category means of full tasks` +
    (categories.every((row) => row.complete)
      ? ""
      : "; ours are partial, so only signs and orders can be compared");
  const rows = [
    ["category", ...arms],
    ...categories.map((row) => [
      row.category!,
      ...arms.map((arm) => {
        const value = paperRow(source, arm).categories[row.category as MtebCategory];
        const change = value - paperRow(source, "base").categories[row.category as MtebCategory];
        return arm === "base"
          ? value.toFixed(2)
          : `${value.toFixed(2)} (${change < 0 ? "" : "+"}${change.toFixed(2)})`;
      }),
    ]),
  ];
  if (arms.length === 0 || categories.length === 0) return { text: "", markdown: "" };
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const padded = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
  );
  const lines = padded.map((row) => row.join("  ").trimEnd());
  const rule = "-".repeat(Math.max(...lines.map((line) => line.length)));
  const markdownRule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  const markdown = [padded[0]!, markdownRule, ...padded.slice(1)].map((row) => `| ${row.join(" | ")} |`);
  return {
    text: [title, rule, lines[0], rule, ...lines.slice(1)].join("\n") + "\n",
    markdown: [`**${title}**`, "", ...markdown].join("\n") + "\n",
  };
}
