/**
 * WGSL of the policy loss: tokens in workgroups of {@linkcode threads}, whose sums one last workgroup adds up.
 *
 * @module
 */
import { treeReduction, workgroupIndex } from "./wgsl.ts";

/** Tokens of a workgroup, one a thread. */
export const threads = 256;

/** Words of the sums of a workgroup, and of all tokens. */
export const wordsPerSums = 8;

/** The fields of `Sums`, in their order in memory; floats as bits. */
const fields = {
  loss: "f32",
  kl: "f32",
  entropy: "f32",
  gap: "f32",
  reference_kl: "f32",
  clipped: "u32",
  dual_clipped: "u32",
  first_not_finite: "u32",
} as const;

const names = Object.keys(fields) as (keyof typeof fields)[];

/** Reads a `Sums` from words, or writes one. */
const load = (from: string, at: string) =>
  `Sums(${names.map((name, i) => `bitcast<${fields[name]}>(${from}[${at} + ${i}u])`).join(", ")})`;
const store = (value: string, to: string, at: string) =>
  names.map((name, i) => `${to}[${at} + ${i}u] = bitcast<u32>(${value}.${name});`).join("\n    ");

const shared = `
struct Sums { ${names.map((name) => `${name}: ${fields[name]}`).join(", ")} }
var<workgroup> parts: array<Sums, ${threads}>;
const nothing = Sums(0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0u, 0u, 0xffffffffu);
fn plus(a: Sums, b: Sums) -> Sums {
  return Sums(a.loss + b.loss, a.kl + b.kl, a.entropy + b.entropy, max(a.gap, b.gap),
              a.reference_kl + b.reference_kl, a.clipped + b.clipped,
              a.dual_clipped + b.dual_clipped, min(a.first_not_finite, b.first_not_finite));
}
`;

const tree = treeReduction(
  threads,
  "local",
  (step) => `parts[local] = plus(parts[local], parts[local + ${step}]);`,
);

/**
 * e^x − 1 and e^x − x − 1 where they are small: the series lose nothing where the difference of large numbers would, and are exactly
 * 0 at 0, whatever an adapter takes e⁰ for.
 */
const klCode = `
fn expm1_near(x: f32) -> f32 {
  return x * (1.0f + x / 2.0f * (1.0f + x / 3.0f * (1.0f + x / 4.0f * (1.0f + x / 5.0f * (1.0f + x / 6.0f * (1.0f + x / 7.0f))))));
}
fn k3_near(x: f32) -> f32 {
  return x * x / 2.0f * (1.0f + x / 3.0f * (1.0f + x / 4.0f * (1.0f + x / 5.0f * (1.0f + x / 6.0f * (1.0f + x / 7.0f)))));
}
`;

/** Adds the KL term of `kl_penalty.ts` to the loss of a token. */
const addKl = `
    let d = log_prob - sampled[p.sampled_base + 3u * token + 2u];
    var value = d;
    var slope = 1.0f;
    if (p.kl_estimator == 2u) { value = 0.5f * d * d; slope = d; }
    if (p.kl_estimator == 3u) {
      let within = clamp(d, -p.log_ratio_clamp, p.log_ratio_clamp);
      let x = -within;
      let near = abs(x) < 0.5f;
      value = select(exp(x) - x - 1.0f, k3_near(x), near);
      slope = select(0.0f, -select(exp(x) - 1.0f, expm1_near(x), near), within == d);
    }
    loss = fma(p.kl_coef, value, loss);
    gradient = fma(p.kl_coef, slope, gradient);
    sums.reference_kl = value;`;

/**
 * A thread a token. `sampled` has log π_old and the advantage of each, and log π_ref if there is a KL term. That a clipped loss is the larger one depends on the
 * sides of ratio and advantage alone, which products that round could blur.
 */
export const tokenCode = (kl: boolean): string =>
  `${workgroupIndex}${shared}${kl ? klCode : ""}
// Infinities and NaN have all bits of the exponent, whatever the compiler assumes about floats.
fn finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let block = workgroup_index(group, groups);
  let token = block * ${threads}u + local;
  var sums = nothing;
  if (token < p.tokens) {
    let log_prob = statistics[p.statistics_base + 3u * token];
    let advantage = sampled[p.sampled_base + ${kl ? 3 : 2}u * token + 1u];
    let difference = log_prob - sampled[p.sampled_base + ${kl ? 3 : 2}u * token];
    let log_ratio = clamp(difference, -p.log_ratio_clamp, p.log_ratio_clamp);
    var loss = -advantage * log_prob;
    var gradient = -advantage;
    if (p.ratio == 1u) {
      let ratio = exp(log_ratio);
      let within = clamp(ratio, p.lowest, p.highest);
      let clipped = (advantage > 0.0f && ratio > p.highest) || (advantage < 0.0f && ratio < p.lowest);
      let dual_clipped = advantage < 0.0f && max(ratio, within) > p.dual_clip;
      loss = -advantage * select(select(ratio, within, clipped), p.dual_clip, dual_clipped);
      gradient = select(0.0f, -advantage * ratio, !clipped && !dual_clipped && log_ratio == difference);
      sums.clipped = u32(clipped);
      sums.dual_clipped = u32(dual_clipped);
    }${kl ? addKl : ""}
    d_log_prob[p.d_log_prob_base + token] = gradient * p.scale;
    sums.loss = loss;
    sums.kl = -log_ratio;
    sums.entropy = statistics[p.statistics_base + 3u * token + 2u];
    sums.gap = abs(difference);
    if (!finite(log_prob)) { sums.first_not_finite = p.first + token; }
  }
  parts[local] = sums;
  ${tree}
  if (local == 0u && block < p.blocks) {
    let at = p.block_sums_base + ${wordsPerSums}u * block;
    ${store("parts[0]", "block_sums", "at")}
  }
}`;

/** One workgroup: thread t adds up blocks t, t + 256, …, and a tree the threads. */
export const totalCode = `${shared}
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) local: u32) {
  var sums = nothing;
  for (var block = local; block < p.blocks; block += ${threads}u) {
    let at = p.block_sums_base + ${wordsPerSums}u * block;
    sums = plus(sums, ${load("block_sums", "at")});
  }
  parts[local] = sums;
  ${tree}
  if (local == 0u) {
    ${store("parts[0]", "total", "p.total_base")}
  }
}`;
