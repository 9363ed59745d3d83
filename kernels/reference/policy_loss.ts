/**
 * Float64 oracle of the policy loss (Schulman 2017, Eq. 7; dual clip: Ye 2020, Eq. 5; paper Eq. 19).
 *
 * @module
 */
import type { PolicyLossSpec } from "../policy_loss.ts";

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

const ratioOf = (logProb: number, old: number, { logRatioClamp }: PolicyLossSpec) =>
  Math.exp(clamp(logProb - old, -logRatioClamp, logRatioClamp));

/** The KL estimate of one token, as its equation has it, of log π and log π_ref. */
export function klOf(logProb: number, reference: number, spec: PolicyLossSpec): number {
  const d = logProb - reference, clamped = clamp(d, -spec.logRatioClamp, spec.logRatioClamp);
  switch (spec.kl?.estimator) {
    case undefined:
      return 0;
    case "k1":
      return d;
    case "k2":
      return d ** 2 / 2;
    case "k3":
      return Math.exp(-clamped) + clamped - 1;
  }
}

/** ∂/∂logProb of {@linkcode klOf}. */
function klSlope(logProb: number, reference: number, { kl, logRatioClamp }: PolicyLossSpec): number {
  const d = logProb - reference;
  if (kl?.estimator === "k1") return 1;
  if (kl?.estimator === "k2") return d;
  return kl && Math.abs(d) < logRatioClamp ? 1 - Math.exp(-d) : 0;
}

/** ℓ of one token, as the equation has it, without a KL term. */
export function tokenLoss(logProb: number, old: number, advantage: number, spec: PolicyLossSpec): number {
  if (spec.surrogate === "reinforce") return -advantage * logProb;
  const ratio = ratioOf(logProb, old, spec);
  const clipped = Math.max(
    -advantage * ratio,
    -advantage * clamp(ratio, 1 - spec.clipLow, 1 + spec.clipHigh),
  );
  return advantage < 0 ? Math.min(clipped, -advantage * spec.dualClip) : clipped;
}

/** scale · Σ ℓ for the advantages of each token, and its log π under the reference where there is a KL term. */
export function policyLoss(
  logProb: Float64Array,
  old: Float64Array,
  advantage: Float64Array,
  spec: PolicyLossSpec,
  reference: Float64Array = old,
): number {
  const beta = spec.kl?.coef ?? 0;
  return spec.scale * logProb.reduce(
    (sum, x, i) => sum + tokenLoss(x, old[i]!, advantage[i]!, spec) + beta * klOf(x, reference[i]!, spec),
    0,
  );
}

/** scale · ∂ℓ/∂logProb: −scale·A·r on the only piece of ℓ that has a slope, −scale·A without a ratio; and that of the KL term. */
export function policyLossBackward(
  logProb: Float64Array,
  old: Float64Array,
  advantage: Float64Array,
  spec: PolicyLossSpec,
  reference: Float64Array = old,
): Float64Array {
  return logProb.map((x, i) => {
    const kl = (spec.kl?.coef ?? 0) * klSlope(x, reference[i]!, spec);
    if (spec.surrogate === "reinforce") return spec.scale * (kl - advantage[i]!);
    const slope = -advantage[i]! * ratioOf(x, old[i]!, spec);
    const sloping = Math.abs(x - old[i]!) < spec.logRatioClamp &&
      tokenLoss(x, old[i]!, advantage[i]!, spec) === slope;
    return spec.scale * (kl + (sloping ? slope : 0));
  });
}
