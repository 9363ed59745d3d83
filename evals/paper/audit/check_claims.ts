/**
 * Sentences against the tables that they speak of.
 *
 * @module
 */
import {
  type AuditDocument,
  type AuditRow,
  type AuditTable,
  AVERAGE,
  type CellReference,
  type Claim,
  findRow,
  type GreaterClaim,
  type ImprovesClaim,
  type MeanGainClaim,
  resolveRow,
  rowName,
} from "./document.ts";
import { type CheckResult, type Finding, mergeResults } from "./finding.ts";
import { meanGains } from "./mean_gain.ts";
import { declaredAverage } from "./weighting.ts";

/** Checks every claim: rules gain, improves and greater. */
export function checkClaims(document: AuditDocument): CheckResult {
  return mergeResults(document.claims.map((claim) => checkClaim(document, claim)));
}

function checkClaim(document: AuditDocument, claim: Claim): CheckResult {
  const table = (name: string) => document.tables.find((table) => table.name === name)!;
  switch (claim.kind) {
    case "meanGain":
      return checkMeanGain(claim, table(claim.table));
    case "improves":
      return checkImproves(claim, table(claim.table));
    case "greater":
      return checkGreater(claim, document);
  }
}

/** The claim must hold in its own unit, of averages that are what they say. */
function checkMeanGain(claim: MeanGainClaim, table: AuditTable): CheckResult {
  const { printed, unit } = claim;
  const readings = meanGains(table, claim.from, claim.to);
  const fitting = readings.filter(({ value, slack }) =>
    Math.abs(value - printed.value) <= printed.halfUnit + slack + 1e-9
  );
  if (fitting.some((reading) => reading.unit === unit && reading.of === "re-derived")) {
    return { checked: { gain: 1 }, findings: [] };
  }
  const origin = fitting.find((reading) => reading.unit === unit) ?? fitting[0];
  // What was computed, of averages that are what they say; of those that are printed where cells are missing.
  const meant = readings.filter(({ name }) => name === (origin?.name ?? `mean ${unit}`));
  const derived = (meant.find(({ of }) => of === "re-derived") ?? meant[0] ?? readings[0]!).value;
  const list = readings.filter(({ of }) => of === "printed").map(({ name, value }) => {
    const corrected = readings.find((reading) => reading.name === name && reading.of === "re-derived");
    return `${name} ${value.toFixed(2)}${
      corrected === undefined ? "" : ` (re-derived ${corrected.value.toFixed(2)})`
    }`;
  });
  return {
    checked: { gain: 1 },
    findings: [{
      rule: "gain",
      severity: origin === undefined ? "major" : "medium",
      table: claim.where,
      row: claim.text,
      column: AVERAGE,
      printed: `${printed.text} ${unit === "percent" ? "%" : "points"}`,
      derived,
      difference: printed.value - derived,
      text: `${
        origin === undefined ? "no reading gives it" : `it is ${origin.name} of ${origin.of} averages`
      }; ${list.join(", ")}`,
    }],
  };
}

function checkImproves(claim: ImprovesClaim, table: AuditTable): CheckResult {
  const findings: Finding[] = [];
  let checked = 0;
  for (const model of new Set(table.rows.map(({ model }) => model))) {
    const rows = claim.steps.map((method) => findRow(table, model, method));
    for (let step = 1; step < rows.length; step++) {
      const before = rows[step - 1], after = rows[step];
      if (before === undefined || after === undefined) continue;
      table.columns.forEach(({ name }, i) => {
        const from = before.scores[i]!, to = after.scores[i]!;
        if (from === null || to === null) return;
        checked++;
        if (to.value > from.value) return;
        findings.push({
          rule: "improves",
          severity: "medium",
          table: table.name,
          row: rowName(after),
          column: name,
          printed: to.text,
          derived: from.value,
          difference: to.value - from.value,
          text: `${claim.where}: ${claim.text}; ${before.method} has ${from.text}`,
        });
      });
    }
  }
  return { checked: { improves: checked }, findings };
}

/** Both as printed and, for averages, as they should be. */
function checkGreater(claim: GreaterClaim, document: AuditDocument): CheckResult {
  const higher = cellValues(document, claim.higher), lower = cellValues(document, claim.lower);
  const fails = [
    ...(higher.printed > lower.printed ? [] : ["as printed"]),
    ...(higher.derived > lower.derived ? [] : ["re-derived"]),
  ];
  if (fails.length === 0) return { checked: { greater: 1 }, findings: [] };
  const isAverage = claim.higher.column === AVERAGE || claim.lower.column === AVERAGE;
  return {
    checked: { greater: 1 },
    findings: [{
      rule: "greater",
      severity: "major",
      table: claim.where,
      row: `${claim.higher.table}, ${rowName(claim.higher)}`,
      column: claim.higher.column,
      printed: higher.text,
      derived: lower.derived,
      difference: higher.printed - lower.derived,
      text: [
        claim.text,
        `${claim.lower.table}, ${rowName(claim.lower)} has ${lower.text}`,
        ...(isAverage
          ? [`re-derived: ${higher.derived.toFixed(2)} against ${lower.derived.toFixed(2)}`]
          : []),
        ...(fails.length === 1 ? [`does not hold ${fails[0]}`] : []),
      ].join("; "),
    }],
  };
}

function cellValues(document: AuditDocument, reference: CellReference) {
  const { table, row } = resolveRow(document, reference);
  const cell = cellOf(table, row, reference.column)!;
  const derived = reference.column === AVERAGE ? declaredAverage(table, row) : undefined;
  return { text: cell.text, printed: cell.value, derived: derived ?? cell.value };
}

function cellOf(table: AuditTable, row: AuditRow, column: string) {
  return column === AVERAGE
    ? row.average
    : row.scores[table.columns.findIndex(({ name }) => name === column)];
}
