/**
 * The paper's numbers beside a comparison of ours: the same categories and arms, of the same backbone where the paper has
 * it, else of the backbone whose size is nearest. A slice of a task is no replica of the paper's, and the table says so.
 *
 * @module
 */
import { type Category, MTEB_CATEGORIES, type MtebCategory } from "../category.ts";
import type { Comparison } from "../compare.ts";
import type { Table } from "../table_layout.ts";
import {
  PAPER_BACKBONES,
  PAPER_BENCHMARKS,
  type PaperBenchmark,
  paperGeneral,
  type PaperMethod,
  paperRow,
} from "./tables.ts";

/** The smallest backbone of the paper: the nearest one for anything smaller. */
const SMALLEST = "Qwen2.5-1.5B-Instruct";

/** The table in several forms. */
export interface PaperComparison {
  readonly text: string;
  readonly markdown: string;
  /** For other forms; null if the paper has nothing to compare with. */
  readonly table: Table | null;
  /** What a reader must know besides. */
  readonly notes: readonly string[];
}

function isMteb(category: Category | null): category is MtebCategory {
  return category !== null && category in MTEB_CATEGORIES;
}

/** A column: an arm of ours and the method of the paper that stands beside it. */
interface Column {
  readonly label: string;
  readonly method: PaperMethod;
}

/** What the paper has for each arm, by the data that were trained on. Without labels, its contrastive baseline is SimCSE. */
const COLUMNS: Readonly<Record<"supervised" | "unsupervised", Readonly<Record<string, Column>>>> = {
  supervised: {
    base: { label: "base", method: "base" },
    reasoning: { label: "reasoning", method: "reasoning" },
    cl: { label: "cl", method: "cl" },
    grace: { label: "grace", method: "grace" },
  },
  unsupervised: {
    base: { label: "base", method: "base" },
    reasoning: { label: "reasoning", method: "reasoning" },
    cl: { label: "cl (SimCSE)", method: "simcse" },
    grace: { label: "grace (unsupervised)", method: "grace-unsupervised" },
  },
};

const GENERAL_NOTE =
  "General benchmarks: Table 5. Its harness, prompts, shots and split are unknown, and no row of it " +
  "is for untrained reasoning or SimCSE (-): compare signs within a column of numbers, never its levels with ours.";

/**
 * Rows of the paper's Tables 1 and 2 for the categories and arms of a comparison (category means), and of its Table 5 for
 * general ability; percent.
 *
 * @param backbone name of our backbone; case and what follows a dot or quantisation suffix do not matter
 * @param kind data that the arms were trained on: the paper has other rows for training without labels
 */
export function paperComparison(
  comparison: Comparison,
  backbone: string,
  kind: "supervised" | "unsupervised",
): PaperComparison {
  const same = PAPER_BACKBONES.find((name) => backbone.toLowerCase().startsWith(name.toLowerCase()));
  const source = same ?? SMALLEST;
  const columns = comparison.arms.flatMap((arm) => COLUMNS[kind][arm] ?? []);
  const categories = comparison.categories.filter((row) => isMteb(row.category));
  const general = PAPER_BENCHMARKS.filter((name) =>
    comparison.tasks.some(({ task }) => benchmarkOf(task) === name)
  );
  if (columns.length === 0 || categories.length + general.length === 0) {
    return { text: "", markdown: "", table: null, notes: [] };
  }
  const title =
    `Paper, ${source}${
      same ? "" : " (the paper has no row for this backbone)"
    }: category means of full tasks` +
    (categories.every((row) => row.complete)
      ? ""
      : "; ours are partial, so only signs and orders can be compared");
  const row = (label: string, value: (method: PaperMethod) => number | null) => [
    label,
    ...columns.map(({ method }) => describe(method, value(method), value("base")!)),
  ];
  const rows = [
    ["category", ...columns.map(({ label }) => label)],
    ...categories.map(({ category }) =>
      row(category!, (method) => paperRow(source, method).categories[category as MtebCategory])
    ),
    ...general.map((name) => row(`general: ${name}`, (method) => paperGeneral(source, method, name))),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const padded = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
  );
  const lines = padded.map((row) => row.join("  ").trimEnd());
  const own = general.length > 0 ? [GENERAL_NOTE] : [], notes = own.flatMap((note) => ["", note]);
  const rule = "-".repeat(Math.max(...lines.map((line) => line.length)));
  const markdownRule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  const markdown = [padded[0]!, markdownRule, ...padded.slice(1)].map((row) => `| ${row.join(" | ")} |`);
  return {
    text: [title, rule, lines[0], rule, ...lines.slice(1), ...notes].join("\n") + "\n",
    markdown: [`**${title}**`, "", ...markdown, ...notes].join("\n") + "\n",
    table: { title, head: rows[0]!, rows: rows.slice(1), textColumns: 1 },
    notes: own,
  };
}

/** Which general benchmark a task is, by its name: "gsm8k-2shot[mini:40]" is gsm8k; null for any other task. */
function benchmarkOf(task: string): PaperBenchmark | null {
  return PAPER_BENCHMARKS.find((name) => new RegExp(`^${name}(?![a-z0-9])`).test(task)) ?? null;
}

/** A number with its change against the untrained model; "-" where the paper has none. */
function describe(method: PaperMethod, value: number | null, base: number): string {
  if (value === null) return "-";
  const change = value - base;
  return value.toFixed(2) + (method === "base" ? "" : ` (${change < 0 ? "" : "+"}${change.toFixed(2)})`);
}
