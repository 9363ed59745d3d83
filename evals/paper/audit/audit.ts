/**
 * The audit: tables re-derived from themselves.
 *
 * @module
 */
import { type AccuracyCell, accuracyCells, checkAccuracies } from "./check_accuracies.ts";
import { checkAverages } from "./check_averages.ts";
import { checkClaims } from "./check_claims.ts";
import { checkCopies } from "./check_copies.ts";
import { checkDeltas } from "./check_deltas.ts";
import { type AuditDocument, rowName } from "./document.ts";
import { averagedRows } from "./explain_average.ts";
import { contradicts, type Finding, mergeResults, type Rule, RULES } from "./finding.ts";
import { valueOf, weightedRatio } from "./printed.ts";
import { namedWeightings } from "./weighting.ts";

/** A table that was audited. */
export interface TableLine {
  readonly name: string;
  readonly about: string;
  readonly rows: number;
  readonly columns: number;
}

/** A row's average beside the means that it may be. */
export interface AverageLine {
  readonly table: string;
  readonly row: string;
  readonly printed: string;
  /** Means of the printed cells by name; the first is the one that the average says it is. */
  readonly means: readonly { readonly name: string; readonly value: number }[];
}

/** How often a check was made, and what came of it. */
export interface RuleSummary {
  readonly rule: Rule;
  /** Sentence that was checked. */
  readonly claim: string;
  /** Numbers, rows, tables or sentences that it could be checked on. */
  readonly checked: number;
  readonly contradictions: number;
  readonly notes: number;
}

/** Everything an audit says. */
export interface AuditReport {
  /** Changes when a field changes its meaning. */
  readonly schema: "grace-repro/audit/1";
  readonly source: string;
  /** Findings that contradict what is printed. */
  readonly contradictions: number;
  readonly tables: readonly TableLine[];
  readonly rules: readonly RuleSummary[];
  readonly findings: readonly Finding[];
  readonly averages: readonly AverageLine[];
  readonly accuracies: readonly AccuracyCell[];
}

/** Makes every check on a document. */
export function audit(document: AuditDocument): AuditReport {
  const { checked, findings } = mergeResults([
    ...document.tables.flatMap((table) => [checkAverages(table), checkDeltas(table), checkAccuracies(table)]),
    checkCopies(document),
    checkClaims(document),
  ]);
  const rules = (Object.keys(RULES) as Rule[]).map((rule) => {
    const own = findings.filter((finding) => finding.rule === rule);
    const contradictions = own.filter(contradicts).length;
    return {
      rule,
      claim: RULES[rule],
      checked: checked[rule] ?? 0,
      contradictions,
      notes: own.length - contradictions,
    };
  });
  return {
    schema: "grace-repro/audit/1",
    source: document.source,
    contradictions: findings.filter(contradicts).length,
    tables: document.tables.map(({ name, about, rows, columns }) => ({
      name,
      about,
      rows: rows.length,
      columns: columns.length,
    })),
    rules,
    findings,
    averages: document.tables.flatMap((table) =>
      averagedRows(table).map(({ row, cells, average }) => ({
        table: table.name,
        row: rowName(row),
        printed: average.text,
        means: namedWeightings(table).map(({ name, weights }) => ({
          name,
          value: valueOf(weightedRatio(cells, weights)),
        })),
      }))
    ),
    accuracies: document.tables.flatMap(accuracyCells),
  };
}
