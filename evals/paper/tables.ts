/**
 * The paper's tables as data (arXiv 2510.04506v1), with the averages that their own numbers give.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { MtebCategory } from "../category.ts";
import { gracePrinted65, meanOfTypes, weighted56 } from "./averages.ts";
import file from "./paper_tables.json" with { type: "json" };

/** What is read here of a table; `audit/` reads the rest, and the digits. */
interface PrintedTable {
  readonly name: string;
  readonly rows: readonly {
    readonly model?: string;
    readonly method: string;
    readonly scores: Readonly<Record<string, number>>;
    readonly average?: number;
  }[];
}

function printedTable(name: string): PrintedTable {
  return (file.tables as readonly PrintedTable[]).find((table) => table.name === name)!;
}

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
  base: ["Table 1", "Base"],
  reasoning: ["Table 1", "w/ reasoning"],
  cl: ["Table 1", "w/ CL training"],
  grace: ["Table 1", "GRACE"],
  simcse: ["Table 2", "w/ SimCSE"],
  "grace-unsupervised": ["Table 2", "GRACE"],
} as const;

/** A method of the paper's MTEB tables. */
export type PaperMethod = keyof typeof PAPER_METHODS;

/** Backbones of the paper, as it writes them. */
export const PAPER_BACKBONES: readonly string[] = [
  ...new Set(printedTable("Table 1").rows.map((row) => row.model!)),
];

/**
 * One row of Tables 1 and 2.
 *
 * @param backbone as in {@linkcode PAPER_BACKBONES}; upper and lower case are the same
 * @throws UsageError if the paper has no such row
 */
export function paperRow(backbone: string, method: PaperMethod): PaperRow {
  const [name, printedMethod] = PAPER_METHODS[method];
  const row = printedTable(name).rows.find((candidate) =>
    candidate.model?.toLowerCase() === backbone.toLowerCase() && candidate.method === printedMethod
  );
  if (row === undefined) {
    throw new UsageError(
      `the paper has no row for "${backbone}"`,
      `its backbones: ${PAPER_BACKBONES.join(", ")}`,
    );
  }
  const categories = row.scores as Record<MtebCategory, number>;
  return {
    backbone: row.model!,
    method,
    table: name,
    categories,
    printedAverage: row.average!,
    average: weighted56(categories),
    meanOfTypes: meanOfTypes(categories),
    printed65: gracePrinted65(categories),
  };
}

/** The general benchmarks of Table 5, as the paper names their numbers. */
const GENERAL_COLUMNS = {
  gsm8k: "gsm8k_em",
  mmlu: "mmlu_em",
  triviaqa: "triviaqa_em",
  fever: "fever_acc",
  bbh: "bbh_em",
  humaneval: "humaneval_pass_at_1",
} as const;

/** A general benchmark of Table 5. */
export type PaperBenchmark = keyof typeof GENERAL_COLUMNS;

/** All of them, in the order of the table. */
export const PAPER_BENCHMARKS = Object.keys(GENERAL_COLUMNS) as readonly PaperBenchmark[];

/** Our names of Table 5's methods; it has no row of untrained reasoning and none of SimCSE. */
const GENERAL_METHODS: Readonly<Partial<Record<PaperMethod, string>>> = {
  base: "Base",
  cl: "Base w/ CL training",
  grace: "GRACE (Supervised)",
  "grace-unsupervised": "GRACE (Unsupervised)",
};

/**
 * A number of Table 5, percent. The paper names the metric but neither harness, prompts, shots nor split.
 *
 * @param backbone as in {@linkcode PAPER_BACKBONES}; upper and lower case are the same
 * @returns null where the paper has no such number
 */
export function paperGeneral(
  backbone: string,
  method: PaperMethod,
  benchmark: PaperBenchmark,
): number | null {
  const row = printedTable("Table 5").rows.find((candidate) =>
    candidate.model?.toLowerCase() === backbone.toLowerCase() && candidate.method === GENERAL_METHODS[method]
  );
  return row?.scores[GENERAL_COLUMNS[benchmark]] ?? null;
}

/** All rows of a method, one per backbone. */
export function paperRows(method: PaperMethod): PaperRow[] {
  return PAPER_BACKBONES.map((backbone) => paperRow(backbone, method));
}
