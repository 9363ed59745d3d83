/**
 * From which step on the journals of one arm in two runs differ, and in which field first. What a clock says does not count.
 *
 * @module
 */
import { withoutTiming } from "../journal/digest.ts";
import { jsonDifferences } from "../journal/json_differences.ts";
import { type JournalName, journalPath } from "../journal/layout.ts";
import { Checking } from "./check.ts";
import { recordsIn } from "./journal_file.ts";
import type { RunFiles } from "./run_files.ts";

/** The first difference of two journals. */
export interface JournalDifference {
  readonly journal: JournalName;
  /** Step of the record. */
  readonly step: number | null;
  /** Number of the record among those of its step, from 1. */
  readonly record: number;
  /** Path of the value; null where only one journal has the record. */
  readonly field: string | null;
  readonly left: unknown;
  readonly right: unknown;
}

/** Journals of an arm in two runs. */
export interface ArmJournals {
  readonly arm: string;
  /** Steps in the first run and in the second one. */
  readonly steps: readonly [left: number, right: number];
  /** The difference with the lowest step; null if there is none. */
  readonly first: JournalDifference | null;
}

/** Compares the journals of an arm. */
export function diffJournals(left: RunFiles, right: RunFiles, arm: string): ArmJournals {
  const found = (["steps", "rationales"] as const).map((journal) => compare(left, right, arm, journal));
  const [first] = found.flatMap(({ difference }) => difference ?? [])
    .sort((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity));
  return { arm, steps: found[0]!.counts, first: first ?? null };
}

/** Records of a journal that can be read, one at a time; none if it is not there. */
function* records(files: RunFiles, arm: string, journal: JournalName): Generator<Record<string, unknown>> {
  const file = journalPath("", arm, journal).replaceAll("\\", "/");
  if (files.entry(file) === undefined) return;
  for (const { record } of recordsIn(files, file, new Checking())) yield record;
}

function compare(
  left: RunFiles,
  right: RunFiles,
  arm: string,
  journal: JournalName,
): { counts: [number, number]; difference: JournalDifference | null } {
  const [as, bs] = [records(left, arm, journal), records(right, arm, journal)];
  const counts: [number, number] = [0, 0];
  let difference: JournalDifference | null = null, step: number | null = null, record = 0;
  for (;;) {
    const a = as.next().value as Record<string, unknown> | undefined;
    const b = bs.next().value as Record<string, unknown> | undefined;
    if (a !== undefined) counts[0]++;
    if (b !== undefined) counts[1]++;
    if (a === undefined && b === undefined) return { counts, difference };
    if (difference !== null) continue;
    const own = (a ?? b)!["step"], at = typeof own === "number" ? own : null;
    record = at === step ? record + 1 : 1;
    step = at;
    const where = { journal, step, record };
    if (a === undefined || b === undefined) {
      difference = {
        ...where,
        field: null,
        left: a === undefined ? null : "there",
        right: b === undefined ? null : "there",
      };
      continue;
    }
    const [first] = jsonDifferences(withoutTiming(a), withoutTiming(b));
    if (first) {
      difference = { ...where, field: first.path, left: first.left ?? null, right: first.right ?? null };
    }
  }
}
