/**
 * A few wrong answers of each general benchmark as a reader of a report should see them: what the model wrote, and what was read
 * in it. A format that is not understood shows here before it is believed to be a lack of ability.
 *
 * @module
 */
import { writtenAnswers } from "./generation_store.ts";
import type { ScoredItem } from "./score.ts";
import type { LoadedScore } from "./score_record.ts";

/** Wrong answers of a task that are shown. */
const SHOWN = 3;

/** Characters of a text that are shown, from its end. */
const TAIL = 160;

/** A wrong answer. */
export interface Failure {
  readonly task: string;
  /** Id of the item. */
  readonly item: string;
  /** The end of what the model wrote; null where it did not write, or the text is not in this folder. */
  readonly wrote: string | null;
  /** What was read; null if nothing could be. */
  readonly read: string | null;
  /** What would have been right; null where that is not one text. */
  readonly right: string | null;
}

/** Fields of an item that hold what was read and what is right, by benchmark. */
const FIELDS: Readonly<Record<string, readonly [read: string, right: string | null]>> = {
  gsm8k: ["flexibleAnswer", null],
  mmlu: ["chosen", "answer"],
  triviaqa: ["answer", null],
  fever: ["chosen", "label"],
  bbh: ["answer", "target"],
  humaneval: ["endings", null],
};

/**
 * The first wrong answers of each general benchmark.
 *
 * @param folder of the evaluation, in which the answers are
 */
export function failuresOf(folder: string, scores: readonly LoadedScore[]): Failure[] {
  const wrong = scores.filter(({ record }) => record.category === "general").flatMap(({ record, items }) =>
    items.filter(({ value }) => value !== undefined && value < 1).slice(0, SHOWN).map((item) => ({
      record,
      item,
    }))
  );
  if (wrong.length === 0) return [];
  const asked = new Set(
    wrong.flatMap(({ item }) => item["request"] === undefined ? [] : [String(item["request"])]),
  );
  const written = writtenAnswers(folder, asked);
  return wrong.map(({ record, item }) => {
    const [read, right] = FIELDS[record.scorer.split("/")[0]!] ?? ["answer", null];
    return {
      task: record.task,
      item: item.id,
      wrote: written.get(String(item["request"]))?.slice(-TAIL) ?? null,
      read: textOf(item, read),
      right: right === null ? null : textOf(item, right),
    };
  });
}

function textOf(item: ScoredItem, field: string): string | null {
  const value = [item[field]].flat()[0];
  return value === null || value === undefined ? null : String(value);
}

/** The failures as a Markdown table; empty if there are none. */
export function renderFailures(failures: readonly Failure[]): string {
  if (failures.length === 0) return "";
  // As JSON: a line feed or a bar of a text must not end its cell.
  const cell = (text: string | null) =>
    text === null ? "" : `\`${JSON.stringify(text).replaceAll("|", "\\|").replaceAll("`", "'")}\``;
  const rows = failures.map(({ task, item, wrote, read, right }) =>
    `| ${task} | ${item} | ${cell(wrote)} | ${read === null ? "nothing" : cell(read)} | ${cell(right)} |`
  );
  return [
    "",
    `**Wrong answers, the first of each task (the last ${TAIL} characters)**`,
    "",
    "| task | item | wrote | read | right |",
    "| ---- | ---- | ----- | ---- | ----- |",
    ...rows,
    "",
  ].join("\n");
}
