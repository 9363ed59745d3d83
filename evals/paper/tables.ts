/**
 * The paper's tables as data (arXiv 2510.04506v1), with the averages that their own numbers give.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { MtebCategory } from "../category.ts";
import { gracePrinted65, meanOfTypes, weighted56 } from "./averages.ts";
import file from "./paper_tables.json" with { type: "json" };

/** A row of the paper's MTEB results. Percent. */
export interface PaperRow {
  readonly backbone: string;
  readonly method: PaperMethod;
  /** Where it is printed. */
  readonly table: string;
  readonly categories: Readonly<Record<MtebCategory, number>>;
  /** "Avg. (56)" as printed, which weighs Summarization ten times. */
  readonly printedAverage: number;
  /** Mean over the 56 tasks. */
  readonly average: number;
  /** Unweighted mean of the seven categories. */
  readonly meanOfTypes: number;
  /** What the printed average was computed with, to full precision. */
  readonly printed65: number;
}

/** Our names of the paper's methods: the table and the name it has there. */
export const PAPER_METHODS = {
  base: ["supervised_mteb", "Base"],
  reasoning: ["supervised_mteb", "w/ reasoning"],
  cl: ["supervised_mteb", "w/ CL training"],
  grace: ["supervised_mteb", "GRACE"],
  simcse: ["unsupervised_mteb", "w/ SimCSE"],
  "grace-unsupervised": ["unsupervised_mteb", "GRACE"],
} as const;

/** A method of the paper's MTEB tables. */
export type PaperMethod = keyof typeof PAPER_METHODS;

/** Backbones of the paper, as it writes them. */
export const PAPER_BACKBONES: readonly string[] = [
  ...new Set(file.tables.supervised_mteb.rows.map((row) => row.model)),
];

/**
 * One row of Tables 1 and 2.
 *
 * @param backbone as in {@linkcode PAPER_BACKBONES}; upper and lower case are the same
 * @throws UsageError if the paper has no such row
 */
export function paperRow(backbone: string, method: PaperMethod): PaperRow {
  const [name, printedMethod] = PAPER_METHODS[method];
  const table = file.tables[name];
  const row = table.rows.find((candidate) =>
    candidate.model.toLowerCase() === backbone.toLowerCase() && candidate.method === printedMethod
  );
  if (row === undefined) {
    throw new UsageError(
      `the paper has no row for "${backbone}"`,
      `its backbones: ${PAPER_BACKBONES.join(", ")}`,
    );
  }
  return {
    backbone: row.model,
    method,
    table: table.label,
    categories: row.scores,
    printedAverage: row.printed_avg,
    average: weighted56(row.scores),
    meanOfTypes: meanOfTypes(row.scores),
    printed65: gracePrinted65(row.scores),
  };
}

/** General benchmarks of Table 5 that this program has, as the paper names their numbers. */
const GENERAL_COLUMNS = { gsm8k: "gsm8k_em", mmlu: "mmlu_em" } as const;

/** A general benchmark of Table 5. */
export type PaperBenchmark = keyof typeof GENERAL_COLUMNS;

/** Our names of Table 5's methods; it has no row of untrained reasoning and none of SimCSE. */
const GENERAL_METHODS: Readonly<Partial<Record<PaperMethod, string>>> = {
  base: "Base",
  cl: "Base w/ CL training",
  grace: "GRACE (Supervised)",
  "grace-unsupervised": "GRACE (Unsupervised)",
};

/**
 * A number of Table 5, percent. The paper names the metric (exact match) but neither harness, prompts, shots nor split.
 *
 * @param backbone as in {@linkcode PAPER_BACKBONES}; upper and lower case are the same
 * @returns null where the paper has no such number
 */
export function paperGeneral(
  backbone: string,
  method: PaperMethod,
  benchmark: PaperBenchmark,
): number | null {
  const row = file.tables.general_domain.rows.find((candidate) =>
    candidate.model.toLowerCase() === backbone.toLowerCase() && candidate.method === GENERAL_METHODS[method]
  );
  return row?.scores[GENERAL_COLUMNS[benchmark]] ?? null;
}

/** All rows of a method, one per backbone. */
export function paperRows(method: PaperMethod): PaperRow[] {
  return PAPER_BACKBONES.map((backbone) => paperRow(backbone, method));
}
