/**
 * The rationales that a GRACE arm keeps of every step: the right ones in the right order, with rewards that follow from their terms and
 * advantages that follow from the rewards of their group, to the last bit.
 *
 * @module
 */
import type { Manifest } from "../manifest/schema.ts";
import { totalReward } from "../objective/reward.ts";
import { REWARD_COMPONENTS, rewardStatistics } from "../objective/reward_statistics.ts";
import { SAMPLED_PROMPTS } from "../train/grace.ts";
import { dosage } from "../train/data_order.ts";
import { checkAdvantages, type Placed } from "./advantages.ts";
import type { Checking } from "./check.ts";
import { TOLERANCE } from "./grace_step.ts";
import { readJournalFile } from "./journal_file.ts";
import type { RunFiles } from "./run_files.ts";
import type { JournalCheckOptions, StepRecord } from "./steps.ts";
import { type GraceStep, inForm, type RationaleRecord, rationaleSchema } from "./step_schema.ts";

/** Checks the rationales of an arm against the steps of its journal. */
export function checkRationales(
  steps: readonly StepRecord<GraceStep>[],
  { files, training: { arm, manifest }, finished }: Pick<
    JournalCheckOptions,
    "files" | "training" | "finished"
  >,
  file: string,
  it: Checking,
): void {
  const { sampling: { k }, train: { promptsPerStep } } = manifest;
  const groups = arm === "cl" ? 0 : Math.min(SAMPLED_PROMPTS, promptsPerStep);
  const { steps: planned } = dosage(arm, manifest);
  const placed = readRationales(files, file, planned * groups * k, finished, it);
  const byStep = Map.groupBy(placed, ({ rationale }) => rationale.step);
  // A step that comes twice is told by the check of the steps.
  for (const { step } of new Map(steps.map((record) => [record.step.step, record])).values()) {
    const own = byStep.get(step.step) ?? [];
    byStep.delete(step.step);
    checkStep(step, own, groups, manifest, file, it);
  }
  // A step's rationales are written before its record: a kill may come between.
  const [left, ...more] = byStep.keys(), next = (steps.at(-1)?.step.step ?? 0) + 1;
  if (left === next && more.length === 0 && !finished) {
    it.note(`${byStep.get(left)!.length} rationales of step ${left}, whose record a kill prevented`);
  } else if (left !== undefined) {
    it.problem({
      file,
      at: byStep.get(left)![0]!.at,
      what: `there is no step ${left} in the journal of steps`,
    });
  }
  if (it.checked === 0 && it.problemCount === 0) it.notReached(`no rationale is in ${file} yet`);
}

function readRationales(
  files: RunFiles,
  file: string,
  most: number,
  finished: boolean,
  it: Checking,
): Placed[] {
  const { lines, torn } = readJournalFile(files, file, most, it);
  if (torn && finished) it.problem({ file, what: "ends within a record, although training was finished" });
  let previous = 0;
  return lines.flatMap(({ line, record }) => {
    it.count();
    const at = `line ${line}, step ${record["step"]}, rollout ${record["rollout"]}`;
    const rationale = inForm(rationaleSchema, record, { file, at }, it);
    if (rationale === undefined) return [];
    if (rationale.step < previous) {
      it.problem({ file, at, field: "step", what: `comes after step ${previous}` });
    }
    previous = Math.max(previous, rationale.step);
    return [{ rationale, at }];
  });
}

function checkStep(
  step: GraceStep,
  placed: readonly Placed[],
  groups: number,
  manifest: Manifest,
  file: string,
  it: Checking,
): void {
  const { sampling: { k }, train: { promptsPerStep } } = manifest;
  const expected = Array.from({ length: groups * k }, (_, i) => [step.examples[Math.floor(i / k)], i % k]);
  if (placed.length !== expected.length) {
    const what = `${placed.length} rationales are there of ${expected.length}`;
    it.problem({ file, at: `step ${step.step}`, what });
  }
  for (const [i, { rationale, at }] of placed.entries()) {
    it.same({ file, at, field: "example" }, rationale.example, expected[i]?.[0] ?? null);
    it.same({ file, at, field: "rollout" }, rationale.rollout, expected[i]?.[1] ?? null);
    checkTotal(rationale, at, manifest, file, it);
  }
  const byGroup = [...Map.groupBy(placed, ({ rationale }) => rationale.example).values()];
  for (const group of byGroup) checkGroup(group, manifest, file, it);
  checkAdvantages(byGroup, step, manifest, file, it);
  if (byGroup.every((group) => group.length === k)) {
    checkAgainstStep(
      step,
      byGroup,
      promptsPerStep,
      manifest,
      (field, what) => it.problem({ file, at: `step ${step.step}`, field, what }),
    );
  }
}

/** The reward of a rationale follows from its terms, and from whether it was cut off. */
function checkTotal(
  rationale: RationaleRecord,
  at: string,
  { reward, data }: Manifest,
  file: string,
  it: Checking,
): void {
  const whole = totalReward(rationale, false, reward), cut = totalReward(rationale, true, reward);
  // Which token came last is not stored: one that ends a text for the model but not for the penalty, or the other way round, may
  // stand in the last slot.
  const possible = rationale.stopped === "length"
    ? [cut, whole]
    : reward.eosSet === "tokenizer"
    ? [whole, cut]
    : [whole];
  if (!possible.includes(rationale.total)) {
    it.problem({ file, at, field: "total", stored: rationale.total, found: possible[0] });
  }
  if (data.kind === "unsupervised") it.same({ file, at, field: "negative" }, rationale.negative, 0);
}

/** Texts of a group are one, and so are terms that are shared. */
function checkGroup(
  group: readonly Placed[],
  { reward }: Manifest,
  file: string,
  it: Checking,
): void {
  const [first] = group, shared = reward.negatives === "shared" ? ["negative", "crossGroup"] as const : [];
  for (const { rationale, at } of group) {
    for (const field of ["text", ...shared] as const) {
      it.same({ file, at, field }, rationale[field], first!.rationale[field]);
    }
  }
}

/** What the kept groups say about means over all of them; everything where all are kept. */
function checkAgainstStep(
  step: GraceStep,
  groups: readonly (readonly Placed[])[],
  promptsPerStep: number,
  { train: { informativePattern }, sampling: { k } }: Manifest,
  wrong: (field: string, what: string) => void,
): void {
  if (groups.length === 0) return;
  const rationales = groups.flat().map(({ rationale }) => rationale), all = promptsPerStep * k;
  const kept = rewardStatistics(groups.map((group, i) => ({
    uid: String(i),
    ...Object.fromEntries(
      REWARD_COMPONENTS.map((name) => [name, Float64Array.from(group, ({ rationale }) => rationale[name])]),
    ) as Record<typeof REWARD_COMPONENTS[number], Float64Array>,
  })));
  for (const name of REWARD_COMPONENTS) {
    const stored = step.reward[name], found = kept[name];
    if (groups.length === promptsPerStep) {
      for (const field of ["mean", "withinGroupVariance"] as const) {
        if (stored[field] !== found[field]) {
          wrong(
            `reward.${name}.${field}`,
            `steps.jsonl has ${stored[field]}, the rationales give ${found[field]}`,
          );
        }
      }
    } else if (
      found.withinGroupVariance * groups.length >
        stored.withinGroupVariance * promptsPerStep * (1 + TOLERANCE)
    ) {
      wrong(
        `reward.${name}.withinGroupVariance`,
        `steps.jsonl has ${stored.withinGroupVariance} over ${promptsPerStep} groups, less than the ${groups.length} that are here have alone`,
      );
    }
  }
  const bounded = (field: string, share: number | undefined, here: number) => {
    if (share === undefined) return;
    const sum = Math.round(share * all);
    if (here <= sum && sum <= here + all - rationales.length) return;
    wrong(
      field,
      `steps.jsonl has ${sum} of ${all}, of the ${rationales.length} that are here it are ${here}`,
    );
  };
  const cut = rationales.filter(({ stopped }) => stopped === "length").length;
  if (cut > Math.round(step.truncatedShare * all)) {
    wrong(
      "truncatedShare",
      `steps.jsonl has ${step.truncatedShare} of ${all}, of those that are here ${cut} were cut off`,
    );
  }
  if (informativePattern !== "") {
    const expression = new RegExp(informativePattern, "i");
    bounded(
      "informativeShare",
      step.informativeShare,
      rationales.filter(({ rationale }) => expression.test(rationale)).length,
    );
  }
}
