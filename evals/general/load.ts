/**
 * From the data sets of the general benchmarks to questions that are ready to be asked.
 *
 * @module
 */
import { integerColumn, stringColumn, stringListColumn } from "../../lib/data/columns.ts";
import type { RowSource } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { Mirror } from "../../lib/data/mirror.ts";
import { type Gsm8kItem, gsm8kItems, gsm8kName, type Gsm8kOptions } from "./gsm8k.ts";
import { type MmluItem, mmluItems, mmluName, type MmluOptions } from "./mmlu.ts";

/** Data of a general benchmark with the options that its requests depend on. */
export type GeneralData =
  | { readonly kind: "gsm8k"; readonly items: readonly Gsm8kItem[]; readonly options: Gsm8kOptions }
  | { readonly kind: "mmlu"; readonly items: readonly MmluItem[]; readonly options: MmluOptions };

/** Data, the name its score may carry, and the files they were read from. */
export interface LoadedGeneral<T extends GeneralData> {
  readonly name: string;
  readonly data: T;
  readonly files: readonly DataFile[];
}

/**
 * Reads `openai/gsm8k` and makes the prompts of its whole test split.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does
 */
export async function loadGsm8k(
  mirror: Mirror,
  options: Gsm8kOptions,
): Promise<LoadedGeneral<Extract<GeneralData, { kind: "gsm8k" }>>> {
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: stringColumn(row, "question", source),
    answer: stringColumn(row, "answer", source),
  });
  const train = await mirror.split("gsm8k", "openai/gsm8k", "train", parse);
  const test = await mirror.split("gsm8k", "openai/gsm8k", "test", parse);
  return {
    name: gsm8kName(options),
    data: { kind: "gsm8k", items: gsm8kItems(test.rows, train.rows, options), options },
    files: [train.file, test.file],
  };
}

/**
 * Reads `cais/mmlu` and makes the prompts of its whole test split.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does
 */
export async function loadMmlu(
  mirror: Mirror,
  options: MmluOptions,
): Promise<LoadedGeneral<Extract<GeneralData, { kind: "mmlu" }>>> {
  const id = "cais/mmlu";
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: stringColumn(row, "question", source),
    subject: stringColumn(row, "subject", source),
    choices: stringListColumn(row, "choices", source, 4),
    answer: integerColumn(row, "answer", source, 0, 3),
  });
  const dev = await mirror.split("mmlu", id, "dev", parse);
  const test = await mirror.split("mmlu", id, "test", parse);
  return {
    name: mmluName(test.rows.length, await mirror.isPartial(id), options.variant),
    data: { kind: "mmlu", items: mmluItems(test.rows, dev.rows, options), options },
    files: [dev.file, test.file],
  };
}
