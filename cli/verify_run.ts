/**
 * Everything in a run's folder that can be checked without trusting it, in the order in which a reader would: documents, inputs,
 * journals, checkpoints, scores, report, and what a replay shows.
 *
 * @module
 */
import { ExitCode } from "#errors";
import { findSuite } from "../evals/find_suite.ts";
import { type Overlap, overlaps } from "../evals/overlap.ts";
import type { Suite } from "../evals/suite.ts";
import { compareFile, isSame } from "../evals/verify_derived.ts";
import { checkEvaluation, type ExpectedDigests } from "../evals/verify_evaluation.ts";
import type { PlannedArm } from "../lib/manifest/arms.ts";
import { engineDescription } from "../lib/manifest/environment.ts";
import { type Check, type CheckPart, runCheck } from "../lib/verify/check.ts";
import { checkCheckpoint } from "../lib/verify/checkpoints.ts";
import { checkDocuments, type RunDocuments } from "../lib/verify/documents.ts";
import { checkLock, examplesOf, lockedBackbone } from "../lib/verify/lock_facts.ts";
import { RunFiles } from "../lib/verify/run_files.ts";
import { checkStages, type Stage, stagesOf } from "../lib/verify/stages.ts";
import { checkJournals } from "../lib/verify/steps.ts";
import { toolFacts, trainingsOf } from "./inputs.ts";
import type { CommandIo } from "./io.ts";
import { encoderDigest, generatorDigest, readingOf, weightsDigest } from "./model.ts";
import { makeReport } from "./run_report.ts";
import { type InputPlaces, type VerifiedInputs, verifyInputs } from "./verify_inputs.ts";
import { replayRun } from "./verify_replay.ts";
import { checkEvaluatedWeights } from "./verify_weights.ts";

/** What to verify. */
export interface VerifyRunOptions extends InputPlaces {
  readonly folder: string;
  /** Training steps of each arm to execute again; none if undefined. */
  readonly replay: number | undefined;
  /** Arms whose trainings and scores are checked; all of them, and the report, if undefined. */
  readonly arms?: readonly string[] | undefined;
}

/** What came of it. */
export interface Verification {
  /** Where the folder is, without links. */
  readonly folder: string;
  /** As stored; null if it cannot be read. */
  readonly identity: string | null;
  /** How far the run is; empty if its settings cannot be read. */
  readonly stages: readonly Stage[];
  readonly checks: readonly Check[];
  /** Steps that were executed again, of each arm; null for none. */
  readonly replay: number | null;
  readonly exitCode: ExitCode;
}

/** What the checks of an arm share. */
interface Audit {
  readonly files: RunFiles;
  readonly documents: RunDocuments;
  readonly suite: Suite;
  readonly stages: readonly Stage[];
  readonly inputs: VerifiedInputs;
  readonly options: VerifyRunOptions;
  readonly io: CommandIo;
}

/**
 * Verifies a run.
 *
 * @throws MissingError if there is no run's folder
 */
export async function verifyRun(options: VerifyRunOptions, io: CommandIo): Promise<Verification> {
  const files = RunFiles.open(options.folder), replay = options.replay ?? null;
  const read = await checkDocuments(files, toolFacts()), { documents } = read;
  let checks: Check[] = [...read.checks];
  let stages: readonly Stage[] = [], suite: Suite | undefined;
  if (documents !== undefined) {
    const { manifest } = documents.stored;
    checks.push(await checkLock(documents.lock, manifest, trainingsOf(documents.plans)));
    checks.push(
      await runCheck("identity", "the suite is known", "suites", (it) => {
        suite = findSuite(manifest.suite);
        it.count();
      }),
    );
  }
  if (documents === undefined || suite === undefined) {
    for (const part of LATER) checks.push(await cannot(part));
  } else {
    stages = stagesOf(files, documents.plans, suite.entries.length);
    checks.unshift(await checkStages(files, documents.plans, stages));
    const inputs = await verifyInputs(documents, options);
    try {
      checks.push(
        ...inputs.checks,
        ...await verifyParts({ files, documents, suite, stages, inputs, options, io }),
      );
      checks = checks.map((check) => withProgram(check, inputs));
    } finally {
      inputs.backbone?.close();
      inputs.device?.dispose();
    }
  }
  const identity = documents?.stored.identity ?? null;
  return { folder: files.root, identity, stages, checks, replay, exitCode: exitCodeOf(checks) };
}

/** Parts that cannot be checked without settings. */
const LATER: readonly CheckPart[] = ["files", "inputs", "journal", "checkpoints", "scores", "report"];

function cannot(part: CheckPart): Promise<Check> {
  return runCheck(
    part,
    "all of it",
    "checks",
    (it) => it.notPossible("the settings or the lock cannot be read"),
  );
}

/** 1 before 3: what failed is certain, whatever is missing. */
function exitCodeOf(checks: readonly Check[]): ExitCode {
  if (checks.some(({ status }) => status === "failed")) return ExitCode.checkFailed;
  return checks.some(({ status }) => status === "not possible") ? ExitCode.missing : ExitCode.success;
}

async function verifyParts(audit: Audit): Promise<Check[]> {
  const { files, documents: { lock, plans: all, stored }, inputs, options, io } = audit;
  const examples = examplesOf(lock, stored.manifest.data.train, trainingsOf(all));
  const plans = all.filter(({ name }) => options.arms?.includes(name) ?? true);
  const trainings = trainingsOf(plans);
  const checks: Check[] = [], weights = new Map<string, string | undefined>();
  for (const training of trainings) {
    const finished = isFinished(audit, "train", training.name);
    checks.push(...await checkJournals({ files, training, examples, finished }));
  }
  for (const training of trainings) {
    const finished = isFinished(audit, "train", training.name);
    const { frame, backbone } = inputs;
    const checked = await checkCheckpoint({ files, training, lock, finished, frame, backbone });
    checks.push(...checked.checks);
    weights.set(training.name, checked.weights);
    if (checked.weights === undefined) continue;
    const own = plans.filter((plan) => plan.training?.name === training.name);
    const about = { name: training.name, checkpoint: checked.folder, weights: checked.weights, plans: own };
    checks.push(await checkEvaluatedWeights(files, about, (plan) => expectedDigests(audit, plan, weights)));
  }
  for (const [i, plan] of plans.entries()) {
    io.signal.throwIfAborted();
    io.progress.update({ task: "verify scores", done: i, total: plans.length, unit: "arms" });
    checks.push(
      ...await checkEvaluation({
        files,
        plan,
        lock,
        suite: audit.suite.id,
        expected: expectedDigests(audit, plan, weights),
        finished: isFinished(audit, "evaluate", plan.name),
        dataRoot: options.dataRoot,
        sameProgram: otherProgram(inputs).length === 0,
        noData: inputs.tasks ? null : "the data of the suite are not here, or not as the lock says",
      }),
    );
  }
  io.progress.update({ task: "verify scores", done: plans.length, total: plans.length, unit: "arms" });
  if (options.arms === undefined) checks.push(await checkReport(audit, examples));
  if (options.replay !== undefined) {
    const { device, backbone, examples, tasks, elsewhere } = inputs;
    checks.push(
      ...await replayRun({
        files,
        plans,
        steps: options.replay,
        device,
        backbone,
        examples,
        tasks,
        elsewhere,
      }, io),
    );
  }
  return checks;
}

/** In what this program is not the run's; none if it is. */
function otherProgram({ elsewhere }: VerifiedInputs): string[] {
  return elsewhere.filter((difference) => difference.includes("tool."));
}

/** What another program makes of settings, journals and scores may be otherwise without anyone having changed them. */
function withProgram(check: Check, inputs: VerifiedInputs): Check {
  const program = otherProgram(inputs),
    isMade = ["identity", "journal", "scores", "report"].includes(check.part);
  if (!isMade || check.status !== "failed" || program.length === 0) return check;
  return {
    ...check,
    notes: [...check.notes, `this is another program than the run's: ${program.join("; ")}`],
  };
}

/** Whether a stage must be complete: it is, or the run went on after it. */
function isFinished({ stages }: Audit, kind: Stage["kind"], name: string): boolean {
  const at = stages.findIndex((stage) => stage.kind === kind && stage.name === name);
  return stages[at]!.state === "finished" || stages.slice(at + 1).some(({ state }) => state !== "not begun");
}

/** What the records of an arm must say of the model that made them: digests of weights, settings and engine. */
function expectedDigests(
  { documents: { lock } }: Audit,
  plan: PlannedArm,
  weights: ReadonlyMap<string, string | undefined>,
): ExpectedDigests {
  const engine = engineDescription(lock.engine), trained = plan.training && weights.get(plan.training.name);
  const unknown = engine === undefined
    ? "the lock describes no engine that is known here"
    : trained === undefined
    ? "its checkpoint is not in the folder"
    : null;
  if (unknown !== null) return { encoder: undefined, generator: undefined, unknown };
  const digest = weightsDigest(lockedBackbone(lock), trained ?? undefined);
  return {
    encoder: encoderDigest(digest, engine!, plan.manifest, readingOf(plan)),
    generator: generatorDigest(digest, engine!),
    unknown,
  };
}

/** The file that tells of the training data, too. */
const PAGE = "report.html";

/** Training rows from what is evaluated; null where the data are not here to tell. */
function overlapsOf({ inputs: { examples, tasks }, documents: { plans } }: Audit): Overlap[] | null {
  if (plans.every(({ training }) => training === null)) return [];
  return examples && tasks ? overlaps(examples, tasks) : null;
}

/** The report says what the stored scores and journals give. */
function checkReport(audit: Audit, examples: number | undefined): Promise<Check> {
  const { files, documents: { plans, stored, backboneName: name }, suite } = audit;
  return runCheck("report", "the report follows from scores and journals", "files", async (it) => {
    const reports = files.names("").filter((file) => file.startsWith("report."));
    if (reports.length === 0) return it.notReached("there is no report yet");
    if (name === undefined) {
      return it.notPossible("the folder was renamed, and with it what the backbone is called is lost");
    }
    if (examples === undefined) {
      return it.notPossible("the lock does not tell how many training examples there are");
    }
    files.requirePlain("scores");
    files.requirePlain("arms");
    const about = {
      ...{ plans, name, suite, examples, kind: stored.manifest.data.kind },
      overlaps: overlapsOf(audit),
    };
    const { files: again } = await makeReport(about, files.root);
    const otherwise: string[] = [], sameProgram = otherProgram(audit.inputs).length === 0;
    for (const [file, content] of again) {
      it.count();
      // Another program may lay out tables otherwise; the numbers in them are those of report.json.
      if (sameProgram || file === "report.json") compareFile(files, file, content, it);
      else if (!isSame(files, file, content)) otherwise.push(file);
    }
    const noData = about.overlaps === null && reports.includes(PAGE);
    for (const file of reports) {
      if (!again.has(file) && !(noData && file === PAGE)) {
        it.problem({ file, what: "is nothing that the run writes" });
      }
    }
    if (noData) {
      it.notPossible(`${PAGE} says which training rows are those of a task, and the data are not here`);
    }
    if (otherwise.length > 0) {
      it.notPossible(`this program writes otherwise, so verify with the run's own: ${otherwise.join(", ")}`);
    }
  });
}
