/**
 * What a reader of a score must know about the data behind it: whether they are those that the task pins.
 *
 * @module
 */
import { isUnpublished } from "../../lib/data/embedded.ts";
import type { Mirror } from "../../lib/data/mirror.ts";
import type { MtebData, SingleData } from "./load.ts";
import { pinned, type ScoringProfile } from "./profile.ts";
import { rankableQueries } from "./reranking.ts";
import { type MtebTask, type SingleTask, singleTasks } from "./tasks.ts";

/** Findings about the data of a task, as sentences; none of data that come with the program. */
export function dataNotes(
  mirror: Mirror,
  task: MtebTask,
  data: MtebData,
  profile: ScoringProfile,
): string[] {
  const parts = data.kind === "group" ? data.parts.map((part) => part.data) : [data];
  const notes = singleTasks(task).flatMap((part, i) => notesOf(mirror, pinned(part, profile), parts[i]!));
  return [...new Set(notes)];
}

function notesOf(mirror: Mirror, task: SingleTask, data: SingleData): string[] {
  const { repo, revision, size } = task;
  if (revision === "embedded") return [];
  const notes: string[] = [];
  if (revision === undefined && !isUnpublished(repo)) notes.push(`the revision of "${repo}" is not pinned`);
  const found = mirror.at(revision).revisionOf(repo);
  if (found !== undefined && revision !== undefined && found !== revision) {
    notes.push(`the folder holds revision ${found} of "${repo}", the task is pinned to ${revision}`);
  }
  const held = sizeOf(data);
  for (const [what, expected] of Object.entries(size ?? {})) {
    if (held[what] === expected) continue;
    notes.push(`"${repo}" has ${expected} ${what} for this task, the folder holds ${held[what]}`);
  }
  return notes;
}

/** How much there is, by the names of a score's counts. */
export function sizeOf(data: SingleData): Readonly<Record<string, number>> {
  switch (data.kind) {
    case "sts":
    case "pair_classification":
      return { pairs: data.pairs.length };
    case "classification":
      return { train: data.train.length, test: data.test.length };
    case "retrieval":
      return { documents: data.documents.size, queries: data.queries.length };
    case "reranking":
      return { rows: data.queries.length, queries: rankableQueries(data).length };
    case "clustering":
      return {
        sets: data.sets.length,
        sentences: data.sets.reduce((sum, set) => sum + set.sentences.length, 0),
      };
    case "summarization":
      return { documents: data.documents.length };
  }
}
