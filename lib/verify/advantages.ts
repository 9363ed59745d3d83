/**
 * The advantages of the rationales that are kept follow from their rewards, and from what else the estimator reads.
 *
 * @module
 */
import type { Manifest } from "../manifest/schema.ts";
import { ESTIMATORS } from "../objective/estimators.ts";
import { advantagesOfGroup } from "../objective/group_advantage.ts";
import { tokenMoments, whiten } from "../objective/whitening.ts";
import type { Checking } from "./check.ts";
import { TOLERANCE } from "./grace_step.ts";
import type { GraceStep, RationaleRecord } from "./step_schema.ts";

/** A rationale and where it stands. */
export interface Placed {
  readonly rationale: RationaleRecord;
  readonly at: string;
}

/** A group whose advantages could be derived. */
interface Derived {
  readonly lengths: readonly number[];
  /** Before any whitening. */
  readonly advantages: readonly number[];
}

/**
 * Checks the advantages of a step's kept groups, each to the last bit.
 *
 * @param groups rationales of one example each
 */
export function checkAdvantages(
  groups: readonly (readonly Placed[])[],
  step: GraceStep,
  manifest: Manifest,
  file: string,
  it: Checking,
): void {
  const derived = groups.map((group) => checkGroup(group, step, manifest, file, it));
  const whole = derived.filter((group) => group !== undefined);
  if (whole.length < groups.length) return;
  const wrong = (field: string, what: string) =>
    it.problem({ file, at: `step ${step.step}`, field, what: `steps.jsonl has ${what}` });
  const rationales = groups.flat().map(({ rationale }) => rationale), all = manifest.train.promptsPerStep;
  // A sum of squares over some is no more than that over all.
  const squares = rationales.reduce((sum, { advantage }) => sum + advantage ** 2, 0);
  const stored = step.advantageStd ** 2 * all * manifest.sampling.k;
  const differs = groups.length === all && Math.abs(squares - stored) > TOLERANCE * stored;
  if (differs || squares > stored * (1 + TOLERANCE)) {
    wrong("advantageStd", `${step.advantageStd}, which does not go with the advantages that are here`);
  }
  if (groups.length < all || !step.whitening) return;
  const values = whole.flatMap(({ advantages }) => advantages),
    lengths = whole.flatMap(({ lengths }) => lengths);
  const { mean, variance } = tokenMoments(values, lengths);
  if (mean !== step.whitening.mean || variance !== step.whitening.variance) {
    wrong("whitening", `${JSON.stringify(step.whitening)}, the rationales give ${mean} and ${variance}`);
  }
}

/** Checks one group; undefined if its advantages do not follow from what is there. */
function checkGroup(
  group: readonly Placed[],
  { whitening }: GraceStep,
  { advantage, sampling: { k } }: Manifest,
  file: string,
  it: Checking,
): Derived | undefined {
  const { lengths, baselines, whitens } = ESTIMATORS[advantage.estimator];
  let complete = !whitens || whitening !== undefined;
  for (const [field, needed] of [["tokens", lengths], ["baseline", baselines]] as const) {
    for (const { rationale, at } of group) {
      if ((rationale[field] !== undefined) === needed) continue;
      const what = `is ${needed ? "missing" : "there"}, but the estimator is "${advantage.estimator}"`;
      it.problem({ file, at, field, what });
      complete = false;
    }
  }
  // Of a group that is not whole, another mean would come out; that it is not whole was told.
  if (!complete || group.length !== k) return undefined;
  const of = (field: "total" | "tokens" | "baseline") => group.map(({ rationale }) => rationale[field]!);
  const facts = { lengths: of("tokens"), baselines: of("baseline") };
  const { advantages } = advantagesOfGroup(of("total"), advantage, facts);
  const expected = whitens ? whiten(advantages, whitening!) : advantages;
  for (const [i, { rationale, at }] of group.entries()) {
    it.same({ file, at, field: "advantage" }, rationale.advantage, expected[i]);
  }
  return { lengths: facts.lengths, advantages };
}
