/**
 * The last stage of an evaluation: scores from what a model returned, and from nothing else but the data sets.
 *
 * @module
 */
import { NumericError, UsageError } from "#errors";
import { standardErrorOfItems } from "./bootstrap.ts";
import { readEmbeddings, type StoredEmbeddings } from "./embedding_store.ts";
import { readExecutions, type StoredExecutions } from "./general/execution_store.ts";
import { isGeneral, scoreGeneral } from "./general/general_task.ts";
import { readGenerations, type StoredGenerations } from "./generation_store.ts";
import { promptOf } from "./mteb/prompts.ts";
import { scoreTask, usesOf } from "./mteb/score_task.ts";
import { requireUsableVectors } from "./mteb/usable_vectors.ts";
import type { KeyedVectors, TextRole } from "./score.ts";
import { type LoadedScore, type ScoreRecord, scoreRecord } from "./score_record.ts";
import type { ResolvedTask, Suite } from "./suite.ts";
import { contentSha256, scorerOf } from "./task_data.ts";
import type { TextOrKey } from "./texts.ts";

/** What the stages before left; null where no task needs it. */
export interface StoredOutputs {
  readonly embeddings: StoredEmbeddings | null;
  readonly generations: StoredGenerations | null;
  readonly executions: StoredExecutions | null;
}

/**
 * Reads what the tasks are scored from.
 *
 * @throws MissingError if the folder lacks a kind of output that a task needs
 * @throws UsageError if an output was changed
 */
export function readOutputs(tasks: readonly ResolvedTask[], folder: string): StoredOutputs {
  const some = (wanted: (task: ResolvedTask) => boolean) => tasks.some(wanted);
  return {
    embeddings: some(({ data }) => !isGeneral(data)) ? readEmbeddings(folder) : null,
    generations: some(({ data }) => isGeneral(data)) ? readGenerations(folder) : null,
    executions: some(({ data }) => data.kind === "humaneval") ? readExecutions(folder) : null,
  };
}

/** What a score is of: two with the same are the same score. */
type ScoreIdentity = Omit<
  ScoreRecord,
  "schema" | "main" | "value" | "stderr" | "aggregate" | "metrics" | "counts" | "warnings" | "items"
>;

/** Choices of {@linkcode scoreOutputs}. */
export interface ScoreOptions {
  /** Scores that are not computed again if they are of the same rows, scorer, options, files and model. */
  readonly known?: readonly LoadedScore[];
  /** Called before each task with the number of those that are done. */
  readonly onTask?: (done: number) => void;
}

/**
 * Scores the tasks in their order, one at a time.
 *
 * @throws MissingError if an output is not there; NumericError or UsageError with the task's name if one cannot be scored
 */
export async function* scoreOutputs(
  suite: Suite,
  tasks: readonly ResolvedTask[],
  stored: StoredOutputs,
  { known = [], onTask }: ScoreOptions = {},
): AsyncGenerator<LoadedScore> {
  for (const [done, task] of tasks.entries()) {
    onTask?.(done);
    const identity: ScoreIdentity = {
      suite: suite.id,
      task: task.name,
      baseTask: task.baseTask,
      category: task.category,
      embedded: task.embedded,
      scorer: scorerOf(task.data),
      content: await contentSha256(task.data),
      options: task.options,
      files: task.files,
      model: isGeneral(task.data) ? stored.generations!.generator : stored.embeddings!.encoder,
    };
    yield known.find(({ record }) => sameScore(record, identity)) ?? await scoreOne(task, identity, stored);
  }
}

function sameScore(record: ScoreRecord, identity: ScoreIdentity): boolean {
  return Object.entries(identity).every(([key, value]) =>
    JSON.stringify(record[key as keyof ScoreIdentity]) === JSON.stringify(value)
  );
}

async function scoreOne(
  task: ResolvedTask,
  identity: ScoreIdentity,
  stored: StoredOutputs,
): Promise<LoadedScore> {
  const { score, counts } = isGeneral(task.data)
    ? { score: scoreGeneral(task.data, stored.generations!, stored.executions ?? noPrograms), counts: {} }
    : await scoreEmbedded(task, stored.embeddings!);
  const record = scoreRecord({
    ...identity,
    main: score.main,
    value: score.metrics[score.main]!,
    stderr: standardErrorOfItems(score.items, score.aggregate),
    aggregate: score.aggregate,
    metrics: score.metrics,
    counts: { ...score.counts, ...counts },
    warnings: [...score.warnings, ...textWarnings(counts), ...task.notes],
  }, score.items);
  return { record, items: score.items };
}

const noPrograms: StoredExecutions = () => {
  throw new TypeError("no task of this suite has programs");
};

async function scoreEmbedded(task: ResolvedTask, embeddings: StoredEmbeddings) {
  const { data } = task;
  if (isGeneral(data)) throw new TypeError(`${task.name} has no embeddings`);
  const rowOf = (text: TextOrKey, role: TextRole | undefined) =>
    embeddings.row(text, promptOf(embeddings.prompts, task, role));
  const score = await naming(task, async () => {
    const vectors = remembered((text, role) => embeddings.vector(rowOf(text, role)));
    await requireUsableVectors(data, vectors, task.files);
    return scoreTask(data, vectors);
  });
  const used = new Uint8Array(embeddings.size);
  for (const { texts, role } of usesOf(data)) {
    for (let place = 0; place < texts.size; place++) used[rowOf(texts.at(place), role)] = 1;
  }
  return { score, counts: textCounts(used, embeddings) };
}

/** Vectors that are kept, in bytes, and what one takes besides its values. */
const REMEMBERED_BYTES = 1 << 28, VECTOR_BYTES = 256;

/**
 * Finds the vector of a text in memory once: a stored one is found by the hash of the text, and texts are asked for many times.
 * Of a list that is too large for it, the rest is read again. So is a corpus, whose vectors are asked for twice, in the order in
 * which they are stored.
 */
function remembered(find: KeyedVectors): KeyedVectors {
  let bytes = 0;
  const byRole = new Map<TextRole | undefined, Map<string, Float32Array>>();
  return (text, role) => {
    if (typeof text !== "string") return find(text, role);
    let found = byRole.get(role);
    if (found === undefined) byRole.set(role, found = new Map());
    let vector = found.get(text);
    if (vector === undefined) {
      vector = find(text, role);
      bytes += vector.byteLength + VECTOR_BYTES;
      if (bytes <= REMEMBERED_BYTES) found.set(text, vector);
    }
    return vector;
  };
}

/** Calls a scorer, which does not know what its task is called; what goes wrong is told with that name, and faulty data with their files. */
async function naming<T>(
  { name, files }: Pick<ResolvedTask, "name" | "files">,
  score: () => Promise<T>,
): Promise<T> {
  try {
    return await score();
  } catch (error) {
    if (error instanceof NumericError) {
      throw new NumericError(`${name}: ${error.message}`, error.cure, { cause: error });
    }
    if (!(error instanceof UsageError)) throw error;
    const of = files.map(({ path }) => `"${path}"`).join(", ");
    throw new UsageError(`${name}: ${error.message} (in ${of})`, error.cure, { cause: error });
  }
}

/** What was cut or left empty among the texts of a task, and how much was written about them; 1 for each row that is used. */
function textCounts(used: Uint8Array, embeddings: StoredEmbeddings): Record<string, number> {
  const counts = {
    texts: 0,
    truncated_prompts: 0,
    rationales: 0,
    truncated_rationales: 0,
    empty_rationales: 0,
    rationale_tokens: 0,
  };
  used.forEach((isUsed, row) => {
    if (!isUsed) return;
    const { truncatedPrompt, rationales, truncatedRationales, emptyRationales, rationaleTokens } = embeddings
      .counts(row);
    counts.texts++;
    if (truncatedPrompt) counts.truncated_prompts++;
    counts.rationales += rationales;
    counts.truncated_rationales += truncatedRationales;
    counts.empty_rationales += emptyRationales;
    counts.rationale_tokens += rationaleTokens;
  });
  return counts;
}

/** What was lost on the way to the embeddings, in sentences. */
function textWarnings(counts: Readonly<Record<string, number>>): string[] {
  const { texts, truncated_prompts: cut, rationales } = counts;
  const { truncated_rationales: cutRationales, empty_rationales: empty } = counts;
  return [
    ...(cut ? [`${cut} of ${texts} texts were cut to the prompt's limit`] : []),
    ...(cutRationales ? [`${cutRationales} of ${rationales} rationales were cut at their limit`] : []),
    ...(empty ? [`${empty} of ${rationales} rationales are empty`] : []),
  ];
}
