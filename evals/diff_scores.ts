/**
 * Which stored scores of one arm differ between two runs.
 *
 * @module
 */
import { UsageError } from "#errors";
import { comparisonKey } from "./score_record.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";

/** What of a score counts here. */
interface StoredScore {
  readonly task: string;
  readonly main: string;
  readonly value: number;
  /** Digest of the items. */
  readonly items: string;
  /** Version of the scorer, and digest of the rows. */
  readonly scorer: string;
  readonly content: string;
}

/** A score that is another one in the second run. */
export interface ScoreDiff {
  readonly task: string;
  /** Main metric. */
  readonly metric: string;
  /** Fraction; null where the task was not scored. */
  readonly left: number | null;
  /** Fraction; null where the task was not scored. */
  readonly right: number | null;
  /** Whether they are of the same rows, by the same scorer: only then does their difference say anything. */
  readonly comparable: boolean;
}

/** Scores of an arm in two runs. */
export interface ArmScores {
  readonly arm: string;
  /** Tasks that both have. */
  readonly common: number;
  /** In the order of their names: values that differ, equal values of items that differ, and tasks of one run alone. */
  readonly differences: readonly ScoreDiff[];
}

/**
 * Compares the scores of an arm.
 *
 * @throws UsageError if a file is not a score
 */
export function diffScores(left: RunFiles, right: RunFiles, arm: string): ArmScores {
  const [a, b] = [scoresOf(left, arm), scoresOf(right, arm)];
  const differences: ScoreDiff[] = [];
  for (const task of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const [one, other] = [a.get(task), b.get(task)];
    if (one && other && one.value === other.value && one.items === other.items) continue;
    differences.push({
      task,
      metric: (one ?? other)!.main,
      left: one?.value ?? null,
      right: other?.value ?? null,
      comparable: one !== undefined && other !== undefined && comparisonKey(one) === comparisonKey(other),
    });
  }
  return { arm, common: [...a.keys()].filter((task) => b.has(task)).length, differences };
}

function scoresOf(files: RunFiles, arm: string): Map<string, StoredScore> {
  const folder = `scores/${arm}/scores`, names = files.names(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.map((name) => {
    const score = scoreOf(files.text(`${folder}/${name}`));
    if (score !== undefined) return [score.task, score];
    throw new UsageError(
      `"${files.path(`${folder}/${name}`)}" is not a score`,
      "verify tells what else is wrong with the run",
    );
  }));
}

function scoreOf(text: string): StoredScore | undefined {
  try {
    const { task, main, value, items, scorer, content } = JSON.parse(text);
    const isScore = [task, main, scorer, content, items?.sha256].every((field) =>
      typeof field === "string"
    ) &&
      typeof value === "number";
    return isScore ? { task, main, value, items: items.sha256, scorer, content } : undefined;
  } catch {
    return undefined;
  }
}
