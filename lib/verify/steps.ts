/**
 * The journal of an arm's steps: complete, in order, and equal to whatever follows from the settings and from its other fields.
 *
 * @module
 */
import { journalPath } from "../journal/layout.ts";
import type { Training } from "../manifest/arms.ts";
import { DataOrder, dosage } from "../train/data_order.ts";
import { learningRateAt } from "../train/optimizer.ts";
import type { Check, Checking } from "./check.ts";
import { runCheck } from "./check.ts";
import { checkGraceStep } from "./grace_step.ts";
import { type JournalFile, readJournalFile } from "./journal_file.ts";
import { checkRationales } from "./rationales.ts";
import type { RunFiles } from "./run_files.ts";
import {
  type ContrastiveStep,
  contrastiveStepSchema,
  type GraceStep,
  graceStepSchema,
  inForm,
} from "./step_schema.ts";

/** A step's record, and where it stands. */
export interface StepRecord<T> {
  readonly step: T;
  /** "line 3, step 3" */
  readonly at: string;
}

/** What checking an arm's journals needs. */
export interface JournalCheckOptions {
  readonly files: RunFiles;
  readonly training: Training;
  /** Number of training examples; undefined if the lock does not tell. */
  readonly examples: number | undefined;
  /** Whether the run goes on after this training: then no step may be missing. */
  readonly finished: boolean;
}

/** Checks the journals of an arm. */
export async function checkJournals(options: JournalCheckOptions): Promise<Check[]> {
  const { files, training: { arm, name, manifest }, finished } = options;
  const { steps } = dosage(arm, manifest), file = pathInRun(name, "steps");
  let graceSteps: StepRecord<GraceStep>[] = [];
  const stepCheck = await runCheck("journal", `${name}: steps`, "steps", (it) => {
    if (files.entry(file) === undefined) notThere(file, finished, steps, it);
    const journal = readJournalFile(files, file, steps, it);
    checkOrder(journal, it);
    if (arm === "cl") {
      for (const record of stepsInForm(contrastiveStepSchema, journal, it)) {
        checkCommon(record, options, file, it);
        checkContrastive(record, manifest.cl, file, it);
      }
    } else {
      graceSteps = stepsInForm(graceStepSchema, journal, it);
      for (const record of graceSteps) {
        checkCommon(record, options, file, it);
        checkGraceStep(record, manifest, file, it);
      }
    }
    const last = Number(journal.lines.at(-1)?.record["step"] ?? 0);
    if (finished && last < steps) {
      it.problem({
        file,
        at: `step ${steps}`,
        what: `the last steps are missing: it ends with step ${last}`,
      });
    }
    if (journal.torn) {
      if (finished) it.problem({ file, what: "ends within a record, although training was finished" });
      else it.note(`${file} ends within a record, which a kill cut off`);
    }
    if (it.checked === 0) it.notReached(`no step of ${steps} is in ${file}`);
    if (last < steps) it.note(`${last} of ${steps} steps`);
  });
  const rationaleCheck = await runCheck("journal", `${name}: rationales`, "rationales", (it) => {
    const rationales = pathInRun(name, "rationales");
    if (files.entry(rationales) === undefined) notThere(rationales, finished, steps, it);
    checkRationales(graceSteps, options, rationales, it);
  });
  // Nothing is written when `cl` is trained.
  return arm === "cl" && rationaleCheck.problemCount === 0 ? [stepCheck] : [stepCheck, rationaleCheck];
}

function pathInRun(name: string, journal: "steps" | "rationales"): string {
  return journalPath("", name, journal).replaceAll("\\", "/");
}

function notThere(file: string, finished: boolean, steps: number, it: Checking): void {
  if (finished && steps > 0) it.problem({ file, what: "is not there, although training was finished" });
  it.notReached(`there is no ${file} yet`);
}

/** Steps count from 1, without gaps or repeats. */
function checkOrder({ file, lines }: JournalFile, it: Checking): void {
  let expected = 1;
  for (const { line, record } of lines) {
    it.count();
    const step = record["step"];
    if (step !== expected && Number.isSafeInteger(step)) {
      const at = `line ${line}`, number = step as number;
      const what = number > expected
        ? `step ${expected}${
          number > expected + 1 ? ` to ${number - 1}` : ""
        } is missing before step ${number}`
        : `step ${number} comes again, where step ${expected} has to be`;
      it.problem({ file, at, field: "step", what });
      expected = number;
    }
    expected++;
  }
}

function stepsInForm<T extends { step: number }>(
  schema: Parameters<typeof inForm<T>>[0],
  { file, lines }: JournalFile,
  it: Checking,
): StepRecord<T>[] {
  return lines.flatMap(({ line, record }) => {
    const at = `line ${line}, step ${record["step"]}`, step = inForm(schema, record, { file, at }, it);
    return step === undefined ? [] : [{ step, at }];
  });
}

/** What follows from the number of the step alone, exactly. */
function checkCommon(
  { step: record, at }: StepRecord<GraceStep | ContrastiveStep>,
  { training: { arm, manifest }, examples }: JournalCheckOptions,
  file: string,
  it: Checking,
): void {
  const { steps, batch } = dosage(arm, manifest),
    { learningRate } = arm === "cl" ? manifest.cl : manifest.optimizer;
  if (record.step > steps) return;
  const rate = learningRateAt(learningRate, record.step, steps, manifest.optimizer);
  it.same({ file, at, field: "learningRate" }, record.learningRate, rate);
  if (examples === undefined) it.note("the lock does not tell how many training examples there are");
  else {
    const order = new DataOrder(examples, batch, manifest.seed).at(record.step);
    it.same({ file, at, field: "examples" }, record.examples, order);
  }
}

function checkContrastive(
  { step, at }: StepRecord<ContrastiveStep>,
  { batch, hardNegatives, maskDuplicates }: {
    batch: number;
    hardNegatives: boolean;
    maskDuplicates: boolean;
  },
  file: string,
  it: Checking,
): void {
  const texts = batch * (hardNegatives ? 3 : 2), correct = step.accuracy * batch;
  if (Math.abs(correct - Math.round(correct)) > 1e-9 * batch) {
    it.problem({ file, at, field: "accuracy", what: `${step.accuracy} is no share of ${batch} examples` });
  }
  if (step.truncatedPrompts > texts) {
    it.problem({ file, at, field: "truncatedPrompts", what: `${step.truncatedPrompts} of ${texts} texts` });
  }
  if (!maskDuplicates) it.same({ file, at, field: "maskedDuplicates" }, step.maskedDuplicates, 0);
}
