/**
 * From the data sets of the general benchmarks to questions that are ready to be asked.
 *
 * @module
 */
import { UsageError } from "#errors";
import {
  filledColumn,
  integerColumn,
  placeOf,
  stringColumn,
  stringListColumn,
} from "../../lib/data/columns.ts";
import type { RowSource } from "../../lib/data/columns.ts";
import type { DataFile } from "../../lib/data/data_file.ts";
import type { JsonlRow } from "../../lib/data/jsonl.ts";
import type { Mirror } from "../../lib/data/mirror.ts";
import { BBH_SUBTASKS, type BbhItem, bbhItems, bbhName, type BbhOptions } from "./bbh/bbh.ts";
import { FEVER_VARIANTS, type FeverItem, feverItems, feverName, type FeverOptions } from "./fever.ts";
import { type Gsm8kItem, gsm8kItems, gsm8kName, type Gsm8kOptions } from "./gsm8k.ts";
import {
  type HumanEvalItem,
  humanEvalItems,
  humanEvalName,
  type HumanEvalOptions,
  humanEvalProtocol,
  type HumanEvalRow,
} from "./humaneval.ts";
import { type MmluItem, mmluItems, mmluName, type MmluOptions } from "./mmlu.ts";
import {
  type TriviaQaItem,
  triviaQaItems,
  triviaQaName,
  type TriviaQaOptions,
  triviaQaSource,
} from "./triviaqa.ts";

/** Data of a general benchmark with the options that its requests depend on. */
export type GeneralData =
  | { readonly kind: "gsm8k"; readonly items: readonly Gsm8kItem[]; readonly options: Gsm8kOptions }
  | { readonly kind: "mmlu"; readonly items: readonly MmluItem[]; readonly options: MmluOptions }
  | { readonly kind: "triviaqa"; readonly items: readonly TriviaQaItem[]; readonly options: TriviaQaOptions }
  | { readonly kind: "fever"; readonly items: readonly FeverItem[]; readonly options: FeverOptions }
  | { readonly kind: "bbh"; readonly items: readonly BbhItem[]; readonly options: BbhOptions }
  | {
    readonly kind: "humaneval";
    readonly items: readonly HumanEvalItem[];
    readonly options: HumanEvalOptions;
  };

/** Data of one benchmark. */
export type GeneralDataOf<K extends GeneralData["kind"]> = Extract<GeneralData, { kind: K }>;

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
): Promise<LoadedGeneral<GeneralDataOf<"gsm8k">>> {
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: filledColumn(row, "question", source),
    answer: workedAnswer(row, source),
  });
  requireOwnName(source);
  const { repo, name } = source ?? { repo: "openai/gsm8k", name: "gsm8k" };
  const train = await mirror.split(name, repo, "train", parse);
  const test = await mirror.split(name, repo, "test", parse);
  if (train.rows.length < options.shots) {
    throw new UsageError(
      `${name}: "${train.file.path}" has ${train.rows.length} rows, but ${options.shots} examples were asked for`,
      "fetch the data set again",
    );
  }
  return {
    name: source?.name ?? gsm8kName(options),
    data: { kind: "gsm8k", items: gsm8kItems(test.rows, train.rows, options), options },
    files: [train.file, test.file],
  };
}

/** An answer with the number that it is compared by. */
function workedAnswer(row: JsonlRow, source: RowSource): string {
  const answer = stringColumn(row, "answer", source);
  if (/#### .*\d[^]*$/.test(answer)) return answer;
  throw new UsageError(
    `${placeOf(row, source)}: column "answer" does not end in "#### " and a number`,
    "fetch the data set again",
  );
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
): Promise<LoadedGeneral<GeneralDataOf<"mmlu">>> {
  const parse = (row: JsonlRow, source: RowSource) => ({
    question: filledColumn(row, "question", source),
    subject: filledColumn(row, "subject", source),
    choices: stringListColumn(row, "choices", source, 4),
    answer: integerColumn(row, "answer", source, 0, 3),
  });
  requireOwnName(source);
  const { repo, name } = source ?? { repo: "cais/mmlu", name: "mmlu" };
  const dev = await mirror.split(name, repo, "dev", parse);
  const test = await mirror.split(name, repo, "test", parse);
  return {
    name: source?.name ?? mmluName(test.rows.length, mirror.isPartial(repo), options.variant),
    data: { kind: "mmlu", items: mmluItems(test.rows, dev.rows, options), options },
    files: [dev.file, test.file],
  };
}

/**
 * Reads `mandarjoshi/trivia_qa`: the open version from its folder, lm-eval's from the folder `rc.nocontext` in it.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does
 */
export async function loadTriviaQa(
  mirror: Mirror,
  options: TriviaQaOptions,
): Promise<LoadedGeneral<GeneralDataOf<"triviaqa">>> {
  const { repo, split } = triviaQaSource(options);
  const task = options.subset === "open" ? "triviaqa-open" : "triviaqa";
  const { rows, file } = await mirror.split(task, repo, split, (row, source) => ({
    question: filledColumn(row, "question", source),
    aliases: aliasesOf(row, source),
  }));
  return {
    name: triviaQaName(rows.length, options.subset),
    data: { kind: "triviaqa", items: triviaQaItems(rows), options },
    files: [file],
  };
}

/** The mirror has a list of answers, the hub an object with the list of aliases. */
function aliasesOf(row: JsonlRow, source: RowSource): readonly string[] {
  const { answer } = row.value;
  const flat = typeof answer === "object" && answer !== null
    ? { ...row, value: { answers: (answer as Record<string, unknown>)["aliases"] } }
    : row;
  const aliases = stringListColumn(flat, "answers", source);
  if (aliases.some((alias) => alias.trim() !== "")) return aliases;
  throw new UsageError(
    `${placeOf(row, source)}: a question without an answer`,
    "fetch the data set again",
  );
}

/**
 * Reads the data of a variant of FEVER. Rows that repeat a claim for each of its pieces of evidence are taken once.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does; UsageError if a label is none of the variant's
 */
export async function loadFever(
  mirror: Mirror,
  options: FeverOptions,
): Promise<LoadedGeneral<GeneralDataOf<"fever">>> {
  const { repo, split, labels } = FEVER_VARIANTS[options.variant];
  const seen = new Map<unknown, { claim: string; label: string; line: number }>();
  const { rows, file } = await mirror.split(options.variant, repo, split, (row, source) => {
    const { claim, label } = options.variant === "fever-kilt" ? kiltRow(row, source) : {
      claim: filledColumn(row, "claim", source),
      label: stringColumn(row, "label", source),
    };
    if (!labels.some((known) => known === label)) {
      throw new UsageError(
        `${placeOf(row, source)}: the label is "${label}"`,
        `labels of this variant: ${labels.join(", ")}`,
      );
    }
    const id = row.value["id"] ?? row.line, before = seen.get(id);
    if (before !== undefined && (before.claim !== claim || before.label !== label)) {
      throw new UsageError(
        `${placeOf(row, source)} has the id ${JSON.stringify(id)} of line ${before.line}, but another ${
          before.claim === claim ? "label" : "claim"
        }`,
        "fetch the data set again",
      );
    }
    const read = { id, claim, label, line: row.line };
    seen.set(id, before ?? read);
    return read;
  });
  const claims = [...new Map(rows.map((row) => [row.id, row])).values()];
  return {
    name: feverName(claims.length, options),
    data: {
      kind: "fever",
      items: feverItems(claims.map(({ claim, label }) => ({ claim, label })), options),
      options,
    },
    files: [file],
  };
}

/** KILT's form: the claim is the input, its label the answer of the first output. */
function kiltRow(row: JsonlRow, source: RowSource): { claim: string; label: string } {
  const output = row.value["output"];
  const first = Array.isArray(output) ? output[0] : undefined;
  const label = { ...row, value: typeof first === "object" && first !== null ? first : {} };
  return { claim: filledColumn(row, "input", source), label: stringColumn(label, "answer", source) };
}

/**
 * Reads the 27 subtasks of `lukaemon/bbh`, a folder each.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does
 */
export async function loadBbh(
  mirror: Mirror,
  options: BbhOptions,
): Promise<LoadedGeneral<GeneralDataOf<"bbh">>> {
  const subtasks = [];
  for (const subtask of BBH_SUBTASKS) {
    subtasks.push(
      await mirror.split(`bbh_${options.variant}`, `lukaemon/bbh/${subtask}`, "test", (row, source) => ({
        subtask,
        input: subtask === "word_sorting" ? listedWords(row, source) : filledColumn(row, "input", source),
        target: filledColumn(row, "target", source),
      })),
    );
  }
  const rows = subtasks.flatMap((part) => part.rows);
  return {
    name: bbhName(rows.length, options),
    data: { kind: "bbh", items: bbhItems(rows, options), options },
    files: subtasks.map((part) => part.file),
  };
}

/** The filter of zero-shot answers sorts the words behind "List:". */
function listedWords(row: JsonlRow, source: RowSource): string {
  const input = filledColumn(row, "input", source);
  if (/List:\s*\S/.test(input)) return input;
  throw new UsageError(
    `${placeOf(row, source)}: column "input" lists no words behind "List:"`,
    "fetch the data set again",
  );
}

/**
 * Reads `openai/openai_humaneval`.
 *
 * @throws MissingError or UsageError as {@linkcode Mirror.split} does; UsageError if a task is there twice, or its prompt and tests
 *   are not of one function
 */
export async function loadHumanEval(
  mirror: Mirror,
  options: HumanEvalOptions,
): Promise<LoadedGeneral<GeneralDataOf<"humaneval">>> {
  const seen = new Map<string, number>();
  const { rows, file } = await mirror.split(
    humanEvalProtocol(options),
    "openai/openai_humaneval",
    "test",
    (row, source) => {
      const problem = {
        taskId: filledColumn(row, "task_id", source),
        prompt: filledColumn(row, "prompt", source),
        test: filledColumn(row, "test", source),
        entryPoint: filledColumn(row, "entry_point", source),
      };
      const fault = seen.has(problem.taskId)
        ? `has the task_id "${problem.taskId}" of line ${seen.get(problem.taskId)}`
        : faultOf(problem);
      if (fault !== undefined) {
        throw new UsageError(`${placeOf(row, source)} ${fault}`, "fetch the data set again");
      }
      seen.set(problem.taskId, row.line);
      return problem;
    },
  );
  return {
    name: humanEvalName(rows.length, options),
    data: { kind: "humaneval", items: humanEvalItems(rows, options), options },
    files: [file],
  };
}

/** Why no program could pass a problem's tests; undefined if one can. */
function faultOf({ prompt, test, entryPoint }: HumanEvalRow): string | undefined {
  if (!/^[A-Za-z_]\w*$/.test(entryPoint)) return `has the entry_point "${entryPoint}", which is no name`;
  if (!new RegExp(`\\bdef\\s+${entryPoint}\\s*\\(`).test(prompt)) {
    return `does not define "${entryPoint}" in its prompt`;
  }
  return /\bdef\s+check\s*\(/.test(test) ? undefined : "does not define check() in its test";
}

/** Names that begin as lm-evaluation-harness's or this program's names for the official data do. */
function requireOwnName(source: QuestionSource | undefined): void {
  if (source === undefined || !/^(gsm8k|mmlu)/i.test(source.name)) return;
  throw new UsageError(
    `"${source.name}" cannot be the name of a task over "${source.repo}": it stands for the official questions`,
    "name the task after its own data",
  );
}
