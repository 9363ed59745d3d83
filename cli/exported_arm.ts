/**
 * An arm whose weights are to leave their run: found, verified, and bound to what was evaluated.
 *
 * @module
 */
import { CheckFailedError, MissingError, UsageError } from "#errors";
import { type LoadedScore, readScores } from "../evals/score_record.ts";
import { checkpointName } from "../lib/journal/layout.ts";
import type { PlannedArm, Training } from "../lib/manifest/arms.ts";
import { engineDescription } from "../lib/manifest/environment.ts";
import { suggest } from "../lib/manifest/suggest.ts";
import { type Check, describeProblem } from "../lib/verify/check.ts";
import { readDocuments, type RunDocuments } from "../lib/verify/documents.ts";
import { lockedBackbone } from "../lib/verify/lock_facts.ts";
import { RunFiles } from "../lib/verify/run_files.ts";
import { newestCheckpoint } from "../lib/verify/stages.ts";
import type { CommandIo } from "./io.ts";
import { encoderDigest, generatorDigest, readingOf, weightsDigest } from "./model.ts";
import type { InputPlaces } from "./verify_inputs.ts";
import { verifyRun } from "./verify_run.ts";

/** A verified arm. */
export interface ExportedArm {
  readonly files: RunFiles;
  readonly documents: RunDocuments;
  readonly plan: PlannedArm & { readonly training: Training };
  /** Folder of its checkpoint inside the run, with `/`. */
  readonly checkpoint: string;
  readonly scores: readonly LoadedScore[];
  /** Scores of the untrained backbone, read without rationale, where the run has them. */
  readonly base: { readonly name: string; readonly scores: readonly LoadedScore[] } | null;
  readonly checks: readonly Check[];
}

/** Arm that others are compared with. */
const BASE = "base";

/**
 * Finds an arm of a run and verifies everything that it is exported from.
 *
 * @throws {UsageError} if there is no such arm, or it has no weights of its own
 * @throws {CheckFailedError} if something of it is not what the run wrote
 * @throws {MissingError} if it is not finished, or something that is needed to check it is not here
 */
export async function exportedArm(
  run: string,
  name: string,
  places: InputPlaces,
  io: CommandIo,
): Promise<ExportedArm> {
  const files = RunFiles.open(run), documents = readDocuments(files), { plans } = documents;
  const plan = findArm(plans, name), { training } = plan;
  const base = plans.find((other) => other.name === BASE);
  const arms = [name, ...base === undefined ? [] : [base.name]];
  const { checks } = await verifyRun({ ...places, folder: run, replay: undefined, arms }, io);
  requireWhole(checks, run);
  requireWeights(checks, training, run);
  const scoresOf = (arm: string) => readScores(files.path(`scores/${arm}`));
  return {
    ...{ files, documents, plan, checks },
    checkpoint: `arms/${training.name}/checkpoints/${
      checkpointName(newestCheckpoint(files, training.name)!)
    }`,
    scores: await scoresOf(name),
    base: base === undefined ? null : { name: base.name, scores: await scoresOf(base.name) },
  };
}

/**
 * Fails for want of an arm, and tells which there are.
 *
 * @throws {UsageError} always; {MissingError} if there is no run
 */
export function requireArm(run: string, format: string): never {
  const { plans } = readDocuments(RunFiles.open(run));
  throw new UsageError(
    `--format ${format} needs to know which weights`,
    `name an arm with --arm; ${toldTrained(namesOfTrained(plans))}`,
  );
}

const namesOfTrained = (plans: readonly PlannedArm[]) =>
  plans.filter(({ training }) => training !== null).map(({ name }) => name);

const toldTrained = (names: readonly string[]) =>
  names.length === 0 ? "no arm of this run is trained" : `trained arms of this run: ${names.join(", ")}`;

function findArm(plans: readonly PlannedArm[], name: string): PlannedArm & { readonly training: Training } {
  const plan = plans.find((one) => one.name === name);
  const names = namesOfTrained(plans), cure = toldTrained(names);
  if (plan === undefined) {
    const near = suggest(name, names);
    throw new UsageError(
      `the run has no arm "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
      cure,
    );
  }
  const { training } = plan;
  if (training !== null) return { ...plan, training };
  throw new UsageError(`the arm "${name}" has the backbone's own weights: there is nothing to export`, cure);
}

/**
 * Fails if a check of the run failed. Data sets that are otherwise here are no reason: what leaves the run was not made from them.
 *
 * @throws {CheckFailedError} naming the first problem
 */
export function requireWhole(checks: readonly Check[], run: string): void {
  const failed = checks.filter(({ part, status }) => status === "failed" && part !== "inputs");
  const [first] = failed;
  if (first === undefined) return;
  const [problem] = first.problems,
    more = failed.length === 1 ? "" : `; ${failed.length - 1} more checks failed`;
  const other = first.notes.find((note) => note.startsWith("this is another program"));
  throw new CheckFailedError(
    `"${run}" does not verify: ${first.part}, ${first.name}: ${problem && describeProblem(problem)}${more}`,
    other === undefined
      ? `see all of it: grace-repro verify ${run}`
      : "export it with the program that made it, or see what differs: grace-repro verify " + run,
  );
}

/** Fails unless all that makes the weights usable was checked: backbone, files of the checkpoint, digest of the weights. */
function requireWeights(checks: readonly Check[], { name }: Training, run: string): void {
  const needed = checks.filter((check) =>
    check.part === "checkpoints" || check.part === "inputs" && check.name.startsWith("backbone ")
  );
  for (const { part, name: what, status, why, problems: [problem] } of needed) {
    if (status === "ok") continue;
    const isBackbone = part === "inputs";
    throw new MissingError(
      `${isBackbone ? `the ${what}` : what}: ${why ?? (problem ? describeProblem(problem) : status)}`,
      isBackbone
        ? "name with --backbone where it is: the files beside the weights are checked against it"
        : `finish the run with the command that began it, or verify it: grace-repro verify ${run}`,
    );
  }
  if (!needed.some(({ part }) => part === "checkpoints")) {
    throw new MissingError(
      `the run has no checkpoint of "${name}"`,
      "finish the run with the command that began it",
    );
  }
}

/**
 * Fails unless weights are those that the scores of an arm were made with.
 *
 * @param sha256 digest of the file of weights as it was read or copied
 * @throws {CheckFailedError} if they changed since they were verified
 */
export function requireEvaluated({ documents: { lock }, plan, scores }: ExportedArm, sha256: string): void {
  const weights = weightsDigest(lockedBackbone(lock), sha256), engine = engineDescription(lock.engine)!;
  const known = [
    encoderDigest(weights, engine, plan.manifest, readingOf(plan)),
    generatorDigest(weights, engine),
  ];
  const other = scores.find(({ record }) => !known.includes(record.model));
  if (other === undefined && scores.length > 0) return;
  throw new CheckFailedError(
    `the weights of "${plan.name}" (SHA-256 ${sha256.slice(0, 12)}…) are not those that its scores are of`,
    "nothing may write to the run while it is exported; export again",
  );
}
