/**
 * Float64 oracle of the policy loss (Schulman 2017, Eq. 7; dual clip: Ye 2020, Eq. 5; paper Eq. 19).
 *
 * @module
 */
import type { PolicyLossSpec } from "../policy_loss.ts";

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

const ratioOf = (logProb: number, old: number, { logRatioClamp }: PolicyLossSpec) =>
  Math.exp(clamp(logProb - old, -logRatioClamp, logRatioClamp));

/** ℓ of one token, as the equation has it. */
export function tokenLoss(logProb: number, old: number, advantage: number, spec: PolicyLossSpec): number {
  if (spec.surrogate === "reinforce") return -advantage * logProb;
  const ratio = ratioOf(logProb, old, spec);
  const clipped = Math.max(
    -advantage * ratio,
    -advantage * clamp(ratio, 1 - spec.clipLow, 1 + spec.clipHigh),
  );
  return advantage < 0 ? Math.min(clipped, -advantage * spec.dualClip) : clipped;
}

/** scale · Σ ℓ for the advantages of each token. */
export function policyLoss(
  logProb: Float64Array,
  old: Float64Array,
  advantage: Float64Array,
  spec: PolicyLossSpec,
): number {
  return spec.scale * logProb.reduce((sum, x, i) => sum + tokenLoss(x, old[i]!, advantage[i]!, spec), 0);
}

/** scale · ∂ℓ/∂logProb: −scale·A·r on the only piece of ℓ that has a slope, −scale·A without a ratio. */
export function policyLossBackward(
  logProb: Float64Array,
  old: Float64Array,
  advantage: Float64Array,
  spec: PolicyLossSpec,
): Float64Array {
  return logProb.map((x, i) => {
    if (spec.surrogate === "reinforce") return -spec.scale * advantage[i]!;
    const slope = -advantage[i]! * ratioOf(x, old[i]!, spec);
    const sloping = Math.abs(x - old[i]!) < spec.logRatioClamp &&
      tokenLoss(x, old[i]!, advantage[i]!, spec) === slope;
    return sloping ? spec.scale * slope : 0;
  });
}
