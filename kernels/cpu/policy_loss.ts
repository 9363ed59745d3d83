/**
 * The policy loss on the CPU: a few thousand tokens, in float64.
 *
 * @module
 */
import { checkSequences, type PolicyLossSpec, policyLossSums } from "../policy_loss.ts";
import type { PolicySums, SampledSequences } from "../policy_loss.ts";
import type { CpuTensor } from "./tensor.ts";
import { columnsOf } from "./token_statistics.ts";

/** See `Device.policyLoss`. The sums are there at once. */
export function policyLoss(
  statistics: CpuTensor,
  sequences: SampledSequences,
  spec: PolicyLossSpec,
  dLogProb: CpuTensor,
): PolicySums {
  const { logProb, entropy } = columnsOf(statistics);
  if (dLogProb.size !== logProb.length) {
    throw new Error(`policyLoss: dLogProb [${dLogProb.shape}] for ${logProb.length} tokens`);
  }
  checkSequences(sequences, logProb.length, spec);
  return policyLossSums(logProb, entropy, sequences, spec, dLogProb.f32);
}
