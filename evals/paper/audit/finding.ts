/**
 * What an audit finds.
 *
 * @module
 */

/**
 * How much a finding matters: `major` changes what is compared with what, an order or a sign; `medium` is a number that
 * does not follow from those it is made of; `minor` lies within the digits that were dropped. A `note` contradicts nothing.
 */
export type Severity = "major" | "medium" | "minor" | "note";

/** Every check, with the sentence that a table must satisfy. */
export const RULES = {
  average: "An average is the mean that it says it is, of the cells of its row.",
  partial: "An average has all its cells.",
  columns:
    "Values stand under the headings they belong to: no other order of columns explains the average better.",
  mixed: "Averages of one table are made with one weighting.",
  rounding: "Averages of one table are rounded in one way.",
  digits: "A row has as many digits as its numbers were rounded to.",
  copy: "A row that repeats another has its numbers.",
  delta: "A delta is the row's average minus that of its baseline.",
  grim: "An accuracy on N items is k/N for a whole k (GRIM).",
  chance: "A score is not below that of guessing.",
  gain: "A claimed mean gain follows from the tables, in the unit that it names.",
  improves: "Steps that are said to improve every column do.",
  greater: "What is said to be higher is higher.",
} as const;

/** Name of a check. */
export type Rule = keyof typeof RULES;

/** One thing that is not as printed. Numbers are in the unit of the table. */
export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  /** Name of the table; for a claim, where it stands. */
  readonly table: string;
  /** Name of the row; null where the finding is about the table. */
  readonly row: string | null;
  /** Name of the column, "average" or "delta"; null where the finding is about the row or the table. */
  readonly column: string | null;
  /** The number as printed; null where it is about several. */
  readonly printed: string | null;
  /** What the other numbers give, or what the number is said to be above; null where nothing does. */
  readonly derived: number | null;
  /** printed − derived. */
  readonly difference: number | null;
  /** What was found, in words. */
  readonly text: string;
}

/** What a check looked at, and what it found. */
export interface CheckResult {
  /** Numbers, rows, tables or claims that the check could be made on, by rule. */
  readonly checked: Readonly<Partial<Record<Rule, number>>>;
  readonly findings: readonly Finding[];
}

/** One result out of several. */
export function mergeResults(results: readonly CheckResult[]): CheckResult {
  const checked: Partial<Record<Rule, number>> = {};
  for (const result of results) {
    for (const [rule, count] of Object.entries(result.checked) as [Rule, number][]) {
      checked[rule] = (checked[rule] ?? 0) + count;
    }
  }
  return { checked, findings: results.flatMap(({ findings }) => findings) };
}

/** Whether a finding contradicts what is printed. */
export function contradicts({ severity }: Finding): boolean {
  return severity !== "note";
}
