/**
 * Compares a step that was executed again with what the journals of a run say of it: every field but what a clock says.
 *
 * @module
 */
import { withoutTiming } from "../journal/digest.ts";
import { jsonDifferences } from "../journal/json_differences.ts";
import { journalPath } from "../journal/layout.ts";
import type { ReplayedStep } from "../train/replay.ts";
import type { Checking } from "./check.ts";
import { type JournalLine, readJournalFile } from "./journal_file.ts";
import type { RunFiles } from "./run_files.ts";

/** Records of an arm's journals by step. */
export type StoredSteps = Readonly<
  Record<"steps" | "rationales", ReadonlyMap<unknown, readonly JournalLine[]>>
>;

/** Most rationales of a step that are read; a step keeps those of two prompts. */
const MOST_A_STEP = 4096;

/** Reads the journals of an arm for a comparison; lines that cannot be read are told elsewhere. */
export function readStoredSteps(files: RunFiles, arm: string, steps: number, unread: Checking): StoredSteps {
  const read = (journal: "steps" | "rationales") => {
    const file = journalPath("", arm, journal).replaceAll("\\", "/");
    if (files.entry(file) === undefined) return new Map<unknown, JournalLine[]>();
    const { lines } = readJournalFile(files, file, journal === "steps" ? steps : steps * MOST_A_STEP, unread);
    return Map.groupBy(lines, ({ record }) => record["step"]);
  };
  return { steps: read("steps"), rationales: read("rationales") };
}

/** Compares one step; returns whether it is the same, to the last bit. */
export function compareReplayed(
  arm: string,
  stored: StoredSteps,
  { step, records }: Pick<ReplayedStep, "step" | "records">,
  it: Checking,
): boolean {
  const before = it.problemCount;
  for (const journal of ["steps", "rationales"] as const) {
    const file = journalPath("", arm, journal).replaceAll("\\", "/");
    const there = stored[journal].get(step) ?? [], again = records[journal];
    for (let i = 0; i < Math.max(there.length, again.length); i++) {
      const at = `step ${step}${journal === "rationales" ? `, rationale ${i + 1}` : ""}`;
      const left = there[i]?.record, right = again[i];
      if (left === undefined || right === undefined) {
        const what = left === undefined ? "is not there" : "is not what the step leaves";
        it.problem({ file, at, what });
        continue;
      }
      it.count();
      // As JSON: what is written is what is compared.
      for (
        const { path, ...values } of jsonDifferences(withoutTiming(left), JSON.parse(JSON.stringify(right)))
      ) {
        it.problem({ file, at, field: path, stored: values.left, found: values.right });
      }
    }
  }
  return it.problemCount === before;
}
