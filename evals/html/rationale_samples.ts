/**
 * What the model wrote in training, first and last, with what each rationale was worth: the quickest way to see what the reward
 * taught.
 *
 * @module
 */
import { UsageError } from "#errors";
import { journalRecords } from "../../lib/journal/read.ts";
import { type RationaleRecord, rationaleSchema } from "../../lib/verify/step_schema.ts";
import { foreign, type Markup, markup } from "./markup.ts";
import { htmlTable } from "./table.ts";

/** Rationales of the first and of the last step in a journal. */
export interface RationaleSamples {
  readonly first: readonly RationaleRecord[];
  /** Empty if there is only one step. */
  readonly last: readonly RationaleRecord[];
}

/**
 * Reads the samples of an arm; of the journal, two steps at a time are in memory.
 *
 * @param path of `arms/<arm>/rationales.jsonl`
 * @throws {UsageError} if a record that would be shown is none
 */
export function rationaleSamples(path: string): RationaleSamples {
  const first: unknown[] = [];
  let last: unknown[] = [], firstStep: unknown, lastStep: unknown;
  for (const record of journalRecords(path)) {
    const { step } = record;
    firstStep ??= step;
    if (step === firstStep) first.push(record);
    else {
      if (step !== lastStep) last = [];
      lastStep = step;
      last.push(record);
    }
  }
  return {
    first: first.map((record) => parse(record, path)),
    last: last.map((record) => parse(record, path)),
  };
}

function parse(record: unknown, path: string): RationaleRecord {
  const { data, error } = rationaleSchema.safeParse(record);
  if (data) return data;
  throw new UsageError(
    `"${path}" has a record that is no rationale: ${error!.issues[0]!.path.join(".")}`,
    "restore the journal, or repeat the run",
  );
}

/** Rationales of a group that are shown, and the longest text of each. */
const SHOWN = 8, TEXT = 400, RATIONALE = 600;

/** A table for each text of the first and the last step. */
export function sampleTables({ first, last }: RationaleSamples): Markup[] {
  return [...groups(first), ...groups(last)].map((group) => {
    const { step, text } = group[0]!, hidden = group.length - SHOWN;
    return htmlTable({
      title: markup`Step ${step}: ${foreign(text, TEXT)}${
        hidden > 0 ? markup` <small>(${hidden} more rationales)</small>` : null
      }`,
      head: [
        "rationale",
        "ended by",
        "positive",
        "negative",
        "consistency",
        "cross-group",
        "reward",
        "advantage",
      ],
      rows: group.slice(0, SHOWN).map((one) => [
        foreign(one.rationale, RATIONALE),
        one.stopped === "length" ? markup`<span class="warn">length</span>` : "end token",
        ...[one.positive, one.negative, one.consistency, one.crossGroup, one.total].map((value) =>
          value.toFixed(3)
        ),
        signed(one.advantage),
      ]),
      textColumns: 2,
    });
  });
}

function groups(records: readonly RationaleRecord[]): RationaleRecord[][] {
  return [...Map.groupBy(records, ({ example }) => example).values()];
}

function signed(value: number): string {
  const text = value.toFixed(3);
  return text.startsWith("-") ? text : `+${text}`;
}
