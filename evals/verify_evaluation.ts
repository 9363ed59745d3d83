/**
 * Whether the evaluation of an arm is what it says: made by the weights, settings and engine of the run, and each score what its items,
 * and the items what the stored embeddings and answers give.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import type { Lock } from "../lib/manifest/lock.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { type Check, type Checking, runCheck } from "../lib/verify/check.ts";
import { recordsIn } from "../lib/verify/journal_file.ts";
import type { RunFiles } from "../lib/verify/run_files.ts";
import { rescore } from "./rescore.ts";
import { findSuite } from "./find_suite.ts";
import { readEmbeddings } from "./embedding_store.ts";
import { compareAcrossPrograms } from "./verify_across.ts";
import { compareTrees } from "./verify_derived.ts";
import { checkStoredScore } from "./verify_stored_score.ts";
import { writeScores } from "./write_scores.ts";

/** What made the records of an evaluation, as its digests; undefined where the folder does not tell. */
export interface ExpectedDigests {
  readonly encoder: string | undefined;
  readonly generator: string | undefined;
  /** Why one is not known. */
  readonly unknown: string | null;
}

/** What checking an evaluation needs. */
export interface EvaluationCheckOptions {
  readonly files: RunFiles;
  readonly plan: PlannedArm;
  readonly lock: Lock;
  /** Id of the suite. */
  readonly suite: string;
  readonly expected: ExpectedDigests;
  /** Whether all scores are there. */
  readonly finished: boolean;
  readonly dataRoot: string | undefined;
  /** Whether this is the program that made the run: then what is derived is the same to the last byte. */
  readonly sameProgram: boolean;
  /** Why the data sets cannot be used; null if they are here, and those of the lock. */
  readonly noData: string | null;
}

/** What a model returned: one record for a text that was embedded, and for a request that was answered. */
const EMBEDDED = "rationales.jsonl", STORES = [EMBEDDED, "generations.jsonl"];
/** Files that scores are made of, and what a kill leaves of them. */
const RECORDS = /^(embeddings\.f32|(rationales|generations)(\.early)?\.jsonl|executions\.jsonl)$/;

/** Checks the evaluation of an arm. */
export async function checkEvaluation(options: EvaluationCheckOptions): Promise<Check[]> {
  const { plan: { name }, files, finished } = options, folder = `scores/${name}`;
  const begun = files.names(folder).length > 0;
  return [
    await runCheck("scores", `${name}: embeddings and answers`, "records", (it) => {
      if (!begun) it.notReached(`there is nothing in ${folder} yet`);
      checkRecords(options, folder, it);
    }),
    await runCheck("scores", `${name}: scores follow from their items`, "items", (it) => {
      const scores = files.names(`${folder}/scores`).filter((file) => file.endsWith(".json"));
      if (scores.length === 0 && !finished) it.notReached(`there is no score in ${folder} yet`);
      files.requirePlain(`${folder}/scores`);
      for (const file of scores) checkStoredScore(options, `${folder}/scores/${file}`, it);
    }),
    await runCheck("scores", `${name}: items follow from embeddings and answers`, "items", async (it) => {
      if (!finished) it.notReached(`not all scores are in ${folder} yet`);
      if (options.noData !== null) it.notPossible(options.noData);
      await checkAgain(options, folder, it);
    }),
  ];
}

/** The records are of the run's model, and embeddings are what was recorded with them. */
function checkRecords(options: EvaluationCheckOptions, folder: string, it: Checking): void {
  const { files, plan, suite, finished } = options;
  files.requirePlain(folder);
  for (const store of STORES) {
    const file = `${folder}/${store}`;
    if (files.entry(file) === undefined) continue;
    const records = recordsIn(files, file, it);
    let next = records.next();
    for (; !next.done; next = records.next()) {
      const { line, record } = next.value;
      if (line === 1) checkHeader(options, file, record, it);
      else {
        it.count();
        if (store === EMBEDDED) checkLimits(record, plan, { file, at: `line ${line}` }, it);
      }
    }
    if (!next.value) continue;
    if (finished) it.problem({ file, what: "ends within a record, although the evaluation was finished" });
    else it.note(`${file} ends within a record, which a kill cut off`);
  }
  const embeddings = files.entry(`${folder}/embeddings.f32`);
  if (embeddings !== undefined && files.entry(`${folder}/${EMBEDDED}`) !== undefined) {
    const { size, dimension } = readEmbeddings(files.path(folder));
    const bytes = 4 * size * dimension;
    // After a kill, the file may be ahead of the records.
    if (embeddings.bytes > bytes) {
      it.note(`${embeddings.path} has ${embeddings.bytes - bytes} bytes more than its records`);
    }
  }
  for (const name of files.names(folder)) {
    const known = RECORDS.test(name) || /^(scores|lm_eval|results)$/.test(name);
    if (!known) {
      it.problem({ file: `${folder}/${name}`, what: `is nothing that an evaluation on "${suite}" writes` });
    }
  }
}

/** The first line of a log says what made it. */
function checkHeader(
  { files, expected }: EvaluationCheckOptions,
  file: string,
  header: Record<string, unknown>,
  it: Checking,
): void {
  const isEmbedded = file.endsWith(EMBEDDED), kind = isEmbedded ? "encoder" : "generator";
  const wanted = expected[kind];
  if (wanted === undefined) it.note(`the digest of the ${kind} is not compared: ${expected.unknown}`);
  else it.same({ file, at: "line 1", field: kind }, header[kind], wanted);
  if (!isEmbedded) return;
  requireDimension(header["dimension"], files.entry(file.replace(EMBEDDED, "embeddings.f32"))?.bytes);
}

/** A number from a stranger decides how much is read at once. */
function requireDimension(dimension: unknown, bytes = 0): void {
  if (
    Number.isSafeInteger(dimension) && Number(dimension) > 0 && 4 * Number(dimension) <= Math.max(bytes, 4)
  ) return;
  throw new RangeError(
    `the dimension ${JSON.stringify(dimension)} does not fit embeddings of ${bytes} bytes`,
  );
}

/** As many rationales as the settings say, and none longer. */
function checkLimits(
  record: Record<string, unknown>,
  { rationale, manifest: { evaluation } }: PlannedArm,
  where: { file: string; at: string },
  it: Checking,
): void {
  const samples = rationale ? evaluation.samplesPerText : 0;
  const { rationales, rationaleTokens: tokens, truncatedRationales: cut } = record;
  it.same(
    { ...where, field: "rationales, their number" },
    Array.isArray(rationales) ? rationales.length : null,
    samples,
  );
  const most = samples * evaluation.maxNewTokens;
  if (!(Number.isSafeInteger(tokens) && Number(tokens) >= samples && Number(tokens) <= most)) {
    it.problem({
      ...where,
      field: "rationaleTokens",
      what: `${JSON.stringify(tokens)} is not from ${samples} to ${most}`,
    });
  }
  if (!(Number.isSafeInteger(cut) && Number(cut) >= 0 && Number(cut) <= samples)) {
    it.problem({ ...where, field: "truncatedRationales", what: `${JSON.stringify(cut)} of ${samples}` });
  }
}

/** Scores everything again, and compares what that writes with what is there: byte by byte, if it is the same program. */
async function checkAgain(
  { files, suite, dataRoot, sameProgram }: EvaluationCheckOptions,
  folder: string,
  it: Checking,
): Promise<void> {
  files.requirePlain(folder);
  const choice = { suite: findSuite(suite).id };
  const { scores } = await rescore({ folder: files.path(folder), choice, dataRoot }).catch((error) => {
    // The data are here: what is missing is in the folder, which was finished.
    throw error instanceof MissingError ? new UsageError(error.message, error.cure, { cause: error }) : error;
  });
  if (!sameProgram) return compareAcrossPrograms(files, folder, scores, it);
  const again = Deno.makeTempDirSync({ prefix: "grace-verify-" });
  try {
    await writeScores(again, scores);
    it.count(scores.reduce((sum, { items }) => sum + items.length, 0));
    for (const part of ["scores", "lm_eval", "results"]) {
      compareTrees(files, `${folder}/${part}`, `${again}/${part}`, it);
    }
  } finally {
    Deno.removeSync(again, { recursive: true });
  }
}
