/**
 * Whether a score is of what a baseline's is: the same rows, cut and scored in the same way, with nothing lost. What is not is never
 * compared, whatever the numbers say.
 *
 * @module
 */
import { canonicalJson } from "../../lib/manifest/canonical.ts";
import type { LoadedScore } from "../score_record.ts";
import type { BaselineTask } from "./baseline.ts";
import { fieldOf } from "./baseline_task.ts";

/** Counts that are told of where they grew: more was cut, or could not be read. */
const CUT = /^(truncated_|stopped_by_length|unparsed)/;

/** Why a score cannot be compared with that of the baseline, as sentences; none if it can. */
export function refusals(before: BaselineTask, now: LoadedScore | undefined): string[] {
  if (now === undefined) return ["it was not evaluated"];
  const { record, items } = now;
  const reasons = optionRefusals(before.options, record.options);
  const compare = (what: string, was: string | number, is: string | number) => {
    if (was !== is) reasons.push(`${what} ${is}, the baseline has ${was}`);
  };
  compare("scorer", before.scorer, record.scorer);
  compare("metric", before.metric, record.main);
  compare("items:", before.items, items.length);
  if (before.rows !== record.content) reasons.push(dataRefusal(before, record));
  if (reasons.length > 0) return reasons;
  const broken = items.find((item) =>
    Object.keys(before.values).some((field) => {
      const value = fieldOf(item, field);
      return value !== undefined && !Number.isFinite(value);
    })
  );
  if (broken !== undefined || !Number.isFinite(record.value)) {
    reasons.push(`not a number: ${broken === undefined ? "the score" : `item "${broken.id}"`}`);
  }
  const empty = (counts: Readonly<Record<string, number>>) => counts["empty_rationales"] ?? 0;
  if (empty(record.counts) > empty(before.counts)) {
    reasons.push(
      `${empty(record.counts)} of ${record.counts["rationales"]} rationales are empty, ` +
        `of the baseline ${empty(before.counts)}`,
    );
  }
  return reasons;
}

/** What is worth knowing of two scores that can be compared, as sentences: what was cut more often, files whose bytes changed. */
export function remarks(before: BaselineTask, { record }: LoadedScore): string[] {
  const cut = Object.entries(record.counts)
    .filter(([name, count]) => CUT.test(name) && count > (before.counts[name] ?? 0))
    .map(([name, count]) =>
      `${name.replaceAll("_", " ")}: ${count}, of the baseline ${before.counts[name] ?? 0}`
    );
  const files = changedFiles(before, record).map((path) =>
    `"${path}" has other bytes than for the baseline; the rows that are scored are the same`
  );
  return [...cut, ...files];
}

/** Revision, split, slice, protocol: everything that a task is evaluated with. */
function optionRefusals(before: BaselineTask["options"], now: Readonly<Record<string, unknown>>): string[] {
  const text = (value: unknown) => value === undefined ? "nothing" : canonicalJson(value);
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
    .filter((name) => text(before[name]) !== text(now[name]))
    .map((name) => `${name} is ${text(now[name])}, of the baseline ${text(before[name])}`);
}

function dataRefusal(before: BaselineTask, record: LoadedScore["record"]): string {
  const files = changedFiles(before, record).map((path) => `"${path}"`);
  return `other data: rows ${record.content.slice(0, 12)}, the baseline has ${before.rows.slice(0, 12)}` +
    (files.length === 0 ? "" : `; changed: ${files.join(", ")}`);
}

function changedFiles({ files }: BaselineTask, record: LoadedScore["record"]): string[] {
  return record.files.filter(({ path, sha256 }) => files[path] !== sha256).map(({ path }) => path);
}
