/**
 * A check as JUnit XML, which the test reports of CI systems read: a case for each task.
 *
 * @module
 */
import { points, signed } from "../table_layout.ts";
import type { CheckedTask, CheckReport } from "./check.ts";
import { headline } from "./report.ts";
import { VERDICT_TEXT } from "./verdict.ts";

/**
 * The text of the file.
 *
 * @param suite id of the evaluation suite
 */
export function junitXml(report: CheckReport, suite: string): string {
  const cases = [...report.tasks, ...report.mean ? [report.mean] : []];
  const embeddings = report.sameEmbeddings === false;
  const failures = cases.filter(({ failed }) => failed).length + Number(embeddings);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="grace-repro check" tests="${
      cases.length + Number(embeddings)
    }" failures="${failures}">`,
    `  <testsuite name="${escape(suite)}" tests="${
      cases.length + Number(embeddings)
    }" failures="${failures}" errors="0" skipped="0">`,
    ...cases.map((one) =>
      caseXml(suite, one.task, one.failed ? VERDICT_TEXT[one.verdict] : null, describe(one))
    ),
    ...embeddings ? [caseXml(suite, "embeddings", "other bits", "the embeddings are not the same bits")] : [],
    `    <system-out>${escape(headline(report))}</system-out>`,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function caseXml(suite: string, name: string, failure: string | null, text: string): string {
  const open = `    <testcase classname="${escape(suite)}" name="${escape(name)}">`;
  const body = failure === null
    ? `<system-out>${escape(text)}</system-out>`
    : `<failure message="${escape(failure)}">${escape(text)}</failure>`;
  return `${open}${body}</testcase>`;
}

function describe(
  { metric, baseline, now, change, interval, maxDropPoints, verdict, reasons }: CheckedTask,
): string {
  if (change === null) return reasons.join("; ");
  const scores = baseline === null || now === null ? "" : `${metric} ${points(baseline)} -> ${points(now)}, `;
  const range = interval === null ? "" : ` [${interval.map(signed).join(", ")}]`;
  return `${VERDICT_TEXT[verdict]}: ${scores}change ${
    signed(change)
  }${range} points, tolerated ${maxDropPoints}`;
}

/** Text of an attribute or element; characters that XML 1.0 cannot hold are replaced. */
function escape(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;");
}
