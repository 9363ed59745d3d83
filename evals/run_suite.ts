/**
 * Evaluates a model on a suite, in separate stages: embed, generate, run the programs that were written, score. The first
 * ones store what the model returned and how programs ended; the last reads nothing but these records and the data sets, so
 * it can be repeated without a model, and a run that was killed goes on where it stopped.
 *
 * @module
 */
import { Mirror } from "../lib/data/mirror.ts";
import { inTurn } from "./early_log.ts";
import { earlyKey, EmbeddingStore } from "./embedding_store.ts";
import type {
  AnswerOptions,
  Encoder,
  Generation,
  GenerationRequest,
  Generator,
  Likelihood,
  LikelihoodRequest,
} from "./encoder.ts";
import { ExecutionStore } from "./general/execution_store.ts";
import { generalPrograms, generalRequests, isGeneral } from "./general/general_task.ts";
import { HUMANEVAL_LIMITS } from "./general/humaneval.ts";
import { GenerationStore, type ModelRequest, readGenerations, requestKey } from "./generation_store.ts";
import { MissingInputs, type PromptedText } from "./inputs.ts";
import { readOutputs, scoreOutputs } from "./score_outputs.ts";
import { requireScoringEngine } from "./scoring_engine.ts";
import { type LoadedScore, readableScores, type ScoreRecord } from "./score_record.ts";
import { type ResolvedTask, resolveSuite, type Suite } from "./suite.ts";
import { writeScores } from "./write_scores.ts";

/** Texts or requests given to a model at once, if nothing else is said. */
const BATCH = 256;

/** How far an evaluation is. */
export interface SuiteProgress {
  readonly stage:
    | "embedding texts"
    | "generating answers"
    | "comparing answers"
    | "running programs"
    | "scoring tasks";
  readonly done: number;
  readonly total: number;
}

/** What {@linkcode runSuite} needs. */
export interface RunSuiteOptions {
  readonly suite: Suite;
  /** Mirror folder with the data sets; undefined where the suite needs none but those of the program. */
  readonly dataRoot: string | undefined;
  readonly encoder: Encoder;
  /** May be left out if the suite has no general benchmarks. */
  readonly generator?: Generator;
  /** Folder for the records; continued if it has some. */
  readonly out: string;
  /**
   * Texts or requests given to the model at once: many keep a decoding batch full. What is finished is written at once.
   * Default 256.
   */
  readonly batchSize?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: SuiteProgress) => void;
}

/** What an evaluation did and found. */
export interface SuiteResult {
  readonly scores: readonly ScoreRecord[];
  /** Distinct texts embedded now, and found from an earlier, interrupted run. */
  readonly texts: { readonly encoded: number; readonly reused: number };
  /** Distinct requests answered now, and found from an earlier, interrupted run. */
  readonly requests: { readonly answered: number; readonly reused: number };
  /** Distinct programs run now, and found from an earlier, interrupted run. */
  readonly programs: { readonly run: number; readonly reused: number };
}

/**
 * Evaluates a model on a suite and scores it.
 *
 * @throws UsageError if `out` holds another model's records, or the suite needs a generator and there is none
 * @throws MissingError if the mirror lacks a data set, or this machine what scoring needs
 */
export async function runSuite(options: RunSuiteOptions): Promise<SuiteResult> {
  const tasks = await resolveSuite(options.suite, new Mirror(options.dataRoot));
  requireScoringEngine(tasks);
  await Deno.mkdir(options.out, { recursive: true });
  const texts = await encodeAll(tasks, options);
  const requests = await answerAll(tasks, options);
  const programs = await runPrograms(tasks, options);
  const known = await readableScores(options.out);
  const scores = await scoreTasks(options.suite, tasks, options.out, known, options.onProgress);
  return { scores, texts, requests, programs };
}

/**
 * Scores stored embeddings and generations again, without a model, and rewrites the folder's scores.
 *
 * @throws MissingError if the records do not cover the suite
 */
export async function scoreFromRecords(
  suite: Suite,
  dataRoot: string | undefined,
  out: string,
): Promise<ScoreRecord[]> {
  return scoreTasks(suite, await resolveSuite(suite, new Mirror(dataRoot)), out, []);
}

async function encodeAll(tasks: readonly ResolvedTask[], options: RunSuiteOptions) {
  const { encoder, signal, batchSize = BATCH } = options;
  if (tasks.every(({ data }) => isGeneral(data))) return { encoded: 0, reused: 0 };
  using store = EmbeddingStore.open(options.out, encoder);
  const inputs = new MissingInputs(tasks, encoder.prompts, (text, prompt) => store.has(text, prompt));
  const { needed, missing } = inputs;
  let encoded = 0;
  const encode = async (batch: readonly PromptedText[], onProgress: (done: number) => void) => {
    let before = 0;
    for (const [prompt, part] of Map.groupBy(batch, (input) => input.prompt)) {
      const turns = inTurn(
        part.map(({ text }) => earlyKey(text, prompt)),
        store.early,
        (i, result) => store.add([part[i]!.text], [result], prompt),
      );
      const texts = turns.open.map((i) => part[i]!.text), earlier = before + part.length - texts.length;
      if (texts.length > 0) {
        await encoder.encode(texts, {
          prompt,
          signal,
          onProgress: (done) => onProgress(earlier + done),
          onEncoded: (i, result) => turns.done(turns.open[i]!, result),
        });
      }
      const lost = texts.filter((text) => !store.has(text, prompt)).length;
      if (lost > 0) throw new Error(`the encoder did not report ${lost} of ${texts.length} texts`);
      encoded += texts.length;
      before += part.length;
    }
    store.early.clear();
  };
  let batch: PromptedText[] = [], done = needed - missing;
  const finish = async () => {
    await oneBatch(batch, done, needed, "embedding texts", options, encode);
    done += batch.length;
    batch = [];
  };
  await inputs.read((input) => {
    batch.push(input);
    if (batch.length === batchSize) return finish();
  });
  if (batch.length > 0) await finish();
  store.early.clear();
  return { encoded, reused: needed - encoded };
}

async function answerAll(tasks: readonly ResolvedTask[], options: RunSuiteOptions) {
  const asked = tasks.flatMap<ModelRequest>(({ data }) => isGeneral(data) ? generalRequests(data) : []);
  const requests = [...new Map(asked.map((request) => [requestKey(request), request])).values()];
  if (requests.length === 0) return { answered: 0, reused: 0 };
  const { generator, signal } = options;
  if (generator === undefined) {
    throw new TypeError(`suite "${options.suite.id}" has general benchmarks, but no generator was given`);
  }
  using store = GenerationStore.open(options.out, generator.digest);
  const missing = requests.filter((request) => !store.has(request));
  const generations = missing.filter((request) => "prompt" in request);
  const likelihoods = missing.filter((request) => "context" in request);
  const done = requests.length - missing.length;
  let answered = 0;
  const stage = <Q extends ModelRequest, A extends Generation | Likelihood>(
    name: SuiteProgress["stage"],
    list: readonly Q[],
    total: number,
    ask: (batch: readonly Q[], options: AnswerOptions<A>) => Promise<readonly A[]>,
  ) =>
    inBatches(list, total, name, options, async (batch, onProgress) => {
      answered += await answerBatch(store, batch, { signal, onProgress }, ask);
      store.early.clear();
    });
  await stage<GenerationRequest, Generation>(
    "generating answers",
    generations,
    done + generations.length,
    (batch, answers) => generator.generate(batch, answers),
  );
  await stage<LikelihoodRequest, Likelihood>(
    "comparing answers",
    likelihoods,
    requests.length,
    (batch, answers) => generator.logLikelihood(batch, answers),
  );
  store.early.clear();
  return { answered, reused: requests.length - answered };
}

/** Asks what no earlier process has an answer to, stores the answers in the order of the batch, and returns how many were asked. */
async function answerBatch<Q extends ModelRequest, A extends Generation | Likelihood>(
  store: GenerationStore,
  batch: readonly Q[],
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress: (done: number) => void },
  ask: (batch: readonly Q[], options: AnswerOptions<A>) => Promise<readonly A[]>,
): Promise<number> {
  const turns = inTurn<Generation | Likelihood>(
    batch.map(requestKey),
    store.early,
    (i, answer) => store.add([batch[i]!], [answer]),
  );
  const asked = turns.open.map((i) => batch[i]!), earlier = batch.length - asked.length;
  if (asked.length === 0) return 0;
  const reported = new Set<number>();
  const done = (i: number, answer: A) => {
    reported.add(i);
    turns.done(turns.open[i]!, answer);
  };
  const answers = await ask(asked, {
    signal,
    onProgress: (count) => onProgress(earlier + count),
    onAnswered: done,
  });
  if (answers.length !== asked.length) {
    throw new Error(`the generator returned ${answers.length} results for ${asked.length} requests`);
  }
  for (const [i, answer] of answers.entries()) if (!reported.has(i)) done(i, answer);
  return asked.length;
}

/** Runs the programs that the model wrote, one after the other, each once. */
async function runPrograms(tasks: readonly ResolvedTask[], options: RunSuiteOptions) {
  const { out, signal, onProgress } = options;
  const general = tasks.flatMap(({ data }) => data.kind === "humaneval" ? [data] : []);
  if (general.length === 0) return { run: 0, reused: 0 };
  const stored = readGenerations(out);
  const programs = [...new Set(general.flatMap((data) => generalPrograms(data, stored)))];
  // Loaded only here: nothing else needs a Python.
  const { PythonSandbox } = await import("./general/sandbox/python_sandbox.ts");
  const sandbox = await PythonSandbox.open(HUMANEVAL_LIMITS);
  using store = ExecutionStore.open(out, sandbox.description);
  let run = 0;
  for (const [done, program] of programs.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ stage: "running programs", done, total: programs.length });
    if (store.has(program)) continue;
    store.add(program, await sandbox.run(program));
    run++;
  }
  onProgress?.({ stage: "running programs", done: programs.length, total: programs.length });
  return { run, reused: programs.length - run };
}

/** What is done with one batch, and told of it. */
type BatchRun<T> = (batch: readonly T[], onProgress: (done: number) => void) => Promise<void>;

/** Hands out batches in order; progress counts what was already there, so that it ends at `total`. */
async function inBatches<T>(
  missing: readonly T[],
  total: number,
  stage: SuiteProgress["stage"],
  options: RunSuiteOptions,
  run: BatchRun<T>,
): Promise<void> {
  const size = options.batchSize ?? BATCH;
  for (let start = 0; start < missing.length; start += size) {
    const before = total - missing.length + start;
    await oneBatch(missing.slice(start, start + size), before, total, stage, options, run);
  }
}

/** @param before items that were done before, of `total` */
async function oneBatch<T>(
  batch: readonly T[],
  before: number,
  total: number,
  stage: SuiteProgress["stage"],
  { signal, onProgress }: RunSuiteOptions,
  run: BatchRun<T>,
): Promise<void> {
  signal?.throwIfAborted();
  onProgress?.({ stage, done: before, total });
  await run(batch, (done) => onProgress?.({ stage, done: before + done, total }));
  onProgress?.({ stage, done: before + batch.length, total });
}

async function scoreTasks(
  suite: Suite,
  tasks: readonly ResolvedTask[],
  out: string,
  known: readonly LoadedScore[],
  onProgress?: RunSuiteOptions["onProgress"],
): Promise<ScoreRecord[]> {
  const stored = await readOutputs(tasks, out);
  const onTask = (done: number) => onProgress?.({ stage: "scoring tasks", done, total: tasks.length });
  return writeScores(out, scoreOutputs(suite, tasks, stored, { known, onTask }));
}
