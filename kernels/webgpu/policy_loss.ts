/**
 * The policy loss (see `kernels/policy_loss.ts`) on log-probabilities that are on the GPU, so that a backward pass can
 * follow without a look at them. In f32; sums in an order that depends on the number of tokens alone.
 *
 * @module
 */
import { KL_ESTIMATORS } from "../kl_penalty.ts";
import { checkSequences, type PolicyLossSpec, requireFloat32Ratio } from "../policy_loss.ts";
import type { PendingPolicySums, PolicySums, SampledSequences } from "../policy_loss.ts";
import type { Arena } from "./arena.ts";
import { rowsPerBinding } from "./pieces.ts";
import { threads, tokenCode, totalCode, wordsPerSums } from "./policy_loss_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { spread } from "./wgsl.ts";

/** Stands for what f32 cannot hold; no ratio reaches it. */
const unbounded = 3e38;

/** Sums that are still on the GPU. */
export interface GpuPolicySums extends PendingPolicySums {
  /** i32 [8], words of `policy_loss_wgsl.ts`. */
  readonly words: GpuTensor;
}

/** See the module comment. */
export class PolicyLossOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /**
   * See `Device.policyLoss`.
   *
   * @throws {UsageError} if the log ratio may become too large for f32
   */
  loss(
    statistics: GpuTensor,
    sequences: SampledSequences,
    spec: PolicyLossSpec,
    dLogProb: GpuTensor,
  ): GpuPolicySums {
    const [tokens = 0] = statistics.shape, { arena, queue } = this;
    expectShape(statistics, [tokens, 3], "policyLoss: statistics");
    expectShape(dLogProb, [tokens], "policyLoss: dLogProb");
    checkSequences(sequences, tokens, spec);
    const params = paramsOf(spec), sampled = byToken(sequences, tokens, spec), columns = spec.kl ? 3 : 2;
    const blocks = Math.ceil(tokens / threads), blockSums = arena.alloc([blocks, wordsPerSums], "i32");
    const name = spec.kl ? "policy-loss-kl" : "policy-loss";
    const kernel = queue.kernel(name, () => ({
      name,
      params: {
        tokens: "u32",
        first: "u32",
        blocks: "u32",
        ratio: "u32",
        lowest: "f32",
        highest: "f32",
        dual_clip: "f32",
        log_ratio_clamp: "f32",
        scale: "f32",
        kl_coef: "f32",
        kl_estimator: "u32",
      },
      bindings: { statistics: "in f32", sampled: "in f32", d_log_prob: "out f32", block_sums: "out u32" },
      code: tokenCode(spec.kl !== undefined),
    }));
    // Whole blocks at a time, so that the sums do not depend on what a binding can hold.
    const most = rowsPerBinding(12 * threads, queue.maxBinding) * threads;
    for (let first = 0; first < tokens; first += most) {
      const end = Math.min(tokens, first + most), count = Math.ceil((end - first) / threads);
      const bindings = {
        statistics: statistics.rows(first, end),
        sampled: sampled.subarray(columns * first, columns * end),
        d_log_prob: dLogProb.rows(first, end),
        block_sums: blockSums.rows(first / threads, first / threads + count),
      };
      const block = { tokens: end - first, first, blocks: count };
      queue.run(kernel, bindings, { ...block, ...params }, spread(count, queue.maxGroups));
    }
    const words = arena.alloc([wordsPerSums], "i32");
    const total = queue.kernel("policy-loss-total", () => ({
      name: "policy-loss-total",
      params: { blocks: "u32" },
      bindings: { block_sums: "in u32", total: "out u32" },
      code: totalCode,
    }));
    queue.run(total, { block_sums: blockSums, total: words }, { blocks }, [1]);
    arena.release(blockSums);
    return { tokens, words };
  }

  /** See `Device.policySums`. */
  async sums(pending: readonly GpuPolicySums[]): Promise<PolicySums[]> {
    const all = this.arena.alloc([pending.length, wordsPerSums], "i32");
    pending.forEach(({ words }, i) => {
      this.queue.copy(words, all.rows(i, i + 1));
      this.arena.release(words);
    });
    const reading = this.queue.read(all);
    this.arena.release(all);
    const data = await reading;
    return pending.map(({ tokens }, i) => {
      const at = 4 * i * wordsPerSums;
      const [loss, kl, entropy, logProbGap, referenceKl] = new Float32Array(data, at, 5);
      const [clipped, dualClipped, first] = new Uint32Array(data, at + 20, 3);
      return {
        tokens,
        loss: loss!,
        kl: kl!,
        entropy: entropy!,
        logProbGap: logProbGap!,
        referenceKl: referenceKl!,
        clipped: clipped!,
        dualClipped: dualClipped!,
        firstNotFinite: first === 0xffffffff ? -1 : first!,
      };
    });
  }
}

function paramsOf(spec: PolicyLossSpec) {
  requireFloat32Ratio(spec, spec.kl);
  const { surrogate, clipLow, clipHigh, dualClip, logRatioClamp, scale, kl } = spec;
  return {
    ratio: surrogate === "ppo-clip" ? 1 : 0,
    lowest: 1 - clipLow,
    highest: Math.min(1 + clipHigh, unbounded),
    dual_clip: Math.min(dualClip, unbounded),
    log_ratio_clamp: Math.min(logRatioClamp, unbounded),
    scale,
    kl_coef: kl?.coef ?? 0,
    kl_estimator: kl ? KL_ESTIMATORS.indexOf(kl.estimator) + 1 : 0,
  };
}

/** log π_old and the advantage of each token, [tokens, 2]; with a KL term log π_ref too, [tokens, 3]. */
function byToken(
  { oldLogProbs, advantages, offsets, referenceLogProbs }: SampledSequences,
  tokens: number,
  { kl }: PolicyLossSpec,
): Float32Array {
  const columns = kl ? 3 : 2, rows = new Float32Array(columns * tokens);
  for (let sequence = 0; sequence < advantages.length; sequence++) {
    for (let t = offsets[sequence]!; t < offsets[sequence + 1]!; t++) {
      rows[columns * t] = oldLogProbs[t]!;
      rows[columns * t + 1] = advantages[sequence]!;
      if (kl) rows[columns * t + 2] = referenceLogProbs![t]!;
    }
  }
  return rows;
}
