/**
 * Whether scores that were computed again are those that are stored, to the last bit.
 *
 * @module
 */
import type { LoadedScore, ScoreRecord } from "./score_record.ts";

/** Something that two scores of a task differ in. */
export interface ScoreDifference {
  readonly task: string;
  /** A metric or count by its name; "rows", "scorer", "model" or "main"; "items"; or "score" where one has none. */
  readonly what: string;
  readonly stored: string | number | null;
  readonly again: string | number | null;
}

/** What identifies the score of a record: which rows were scored, by what, of which model. */
const IDENTITY = { rows: "content", scorer: "scorer", model: "model", main: "main" } as const;

/** All differences, in the order of the tasks that were scored again; tasks that only the stored scores have come last. */
export function scoreDifferences(
  stored: readonly LoadedScore[],
  again: readonly LoadedScore[],
): ScoreDifference[] {
  const byTask = new Map(stored.map((score) => [score.record.task, score]));
  const differences = again.flatMap((now) => {
    const { task } = now.record, before = byTask.get(task);
    byTask.delete(task);
    return before === undefined
      ? [{ task, what: "score", stored: null, again: now.record.value }]
      : differencesOf(before, now);
  });
  const lost = [...byTask].map(([task, { record }]) => ({
    task,
    what: "score",
    stored: record.value,
    again: null,
  }));
  return [...differences, ...lost];
}

function differencesOf(before: LoadedScore, now: LoadedScore): ScoreDifference[] {
  const { task } = now.record;
  const found: ScoreDifference[] = [];
  const compare = (what: string, stored: string | number | undefined, again: string | number | undefined) => {
    if (stored !== again) found.push({ task, what, stored: stored ?? null, again: again ?? null });
  };
  for (const [what, key] of Object.entries(IDENTITY)) {
    compare(
      what,
      before.record[key as keyof ScoreRecord] as string,
      now.record[key as keyof ScoreRecord] as string,
    );
  }
  for (const kind of ["metrics", "counts"] as const) {
    const [a, b] = [before.record[kind], now.record[kind]];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) compare(name, a[name], b[name]);
  }
  compare("stderr", before.record.stderr ?? "none", now.record.stderr ?? "none");
  if (before.record.items.sha256 !== now.record.items.sha256) {
    found.push({ task, what: "items", ...itemDifference(before, now) });
  }
  return found;
}

/** The first item that differs; the numbers of items where one score has more. */
function itemDifference(before: LoadedScore, now: LoadedScore): Pick<ScoreDifference, "stored" | "again"> {
  const at = now.items.findIndex((item, i) => JSON.stringify(item) !== JSON.stringify(before.items[i]));
  if (at < 0 || before.items[at] === undefined) {
    return { stored: `${before.items.length} items`, again: `${now.items.length} items` };
  }
  return { stored: JSON.stringify(before.items[at]), again: JSON.stringify(now.items[at]) };
}
