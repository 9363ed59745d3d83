/**
 * From the data sets of the general benchmarks to questions that are ready to be asked.
 *
 * @module
 */
import { UsageError } from "#errors";
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

/**
 * Other questions in the format of a benchmark: their data set id and the name of the task, which must not be one that
 * lm-evaluation-harness has for its own.
 */
export interface QuestionSource {
  readonly repo: string;
  readonly name: string;
}

/** Data, the name its score may carry, and the files they were read from. */
export interface LoadedGeneral<T extends GeneralData> {
  readonly name: string;
  readonly data: T;
  readonly files: readonly DataFile[];
}

/**
 * Reads `openai/gsm8k`, or another source in its format, and makes the prompts of the whole test split.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does; UsageError if a name is taken
 */
export async function loadGsm8k(
  mirror: Mirror,
  options: Gsm8kOptions,
  source?: QuestionSource,
): Promise<LoadedGeneral<Extract<GeneralData, { kind: "gsm8k" }>>> {
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: stringColumn(row, "question", source),
    answer: stringColumn(row, "answer", source),
  });
  requireOwnName(source);
  const { repo, name } = source ?? { repo: "openai/gsm8k", name: "gsm8k" };
  const train = await mirror.split(name, repo, "train", parse);
  const test = await mirror.split(name, repo, "test", parse);
  return {
    name: source?.name ?? gsm8kName(options),
    data: { kind: "gsm8k", items: gsm8kItems(test.rows, train.rows, options), options },
    files: [train.file, test.file],
  };
}

/**
 * Reads `cais/mmlu`, or another source in its format, and makes the prompts of the whole test split.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does; UsageError if a name is taken
 */
export async function loadMmlu(
  mirror: Mirror,
  options: MmluOptions,
  source?: QuestionSource,
): Promise<LoadedGeneral<Extract<GeneralData, { kind: "mmlu" }>>> {
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: stringColumn(row, "question", source),
    subject: stringColumn(row, "subject", source),
    choices: stringListColumn(row, "choices", source, 4),
    answer: integerColumn(row, "answer", source, 0, 3),
  });
  requireOwnName(source);
  const { repo, name } = source ?? { repo: "cais/mmlu", name: "mmlu" };
  const dev = await mirror.split(name, repo, "dev", parse);
  const test = await mirror.split(name, repo, "test", parse);
  return {
    name: source?.name ?? mmluName(test.rows.length, await mirror.isPartial(repo), options.variant),
    data: { kind: "mmlu", items: mmluItems(test.rows, dev.rows, options), options },
    files: [dev.file, test.file],
  };
}

/** Names that begin as lm-evaluation-harness's or this program's names for the official data do. */
function requireOwnName(source: QuestionSource | undefined): void {
  if (source === undefined || !/^(gsm8k|mmlu)/i.test(source.name)) return;
  throw new UsageError(
    `"${source.name}" cannot be the name of a task over "${source.repo}": it stands for the official questions`,
    "name the task after its own data",
  );
}
