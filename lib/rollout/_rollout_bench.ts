/**
 * What the tests of generation share: requests with addressable randomness, and rollouts computed a second and third
 * time by forward passes over whole sequences.
 *
 * @module
 */
import { assertSameBits } from "#test";
import { type Bench, gather, take } from "../backbone/_decoder_bench.ts";
import { type Decoder, packSequences } from "../backbone/decoder.ts";
import { meanPool } from "../objective/pooling.ts";
import { generate } from "./generate.ts";
import type { GenerateOptions, PoolSpec, Rollout, RolloutRequest } from "./request.ts";
import { Purpose, randomWords, uniform } from "./philox.ts";

/** `length` token ids below `limit`, the same for the same `seed`. */
export function tokens(seed: number, length: number, limit = 300): number[] {
  return Array.from(
    { length },
    (_, position) => randomWords(1, { purpose: Purpose.init, example: seed, position })[0] % limit,
  );
}

/** A request whose random numbers belong to `example` and to nothing else. */
export function request(
  example: number,
  prompt: readonly number[],
  changes: Partial<RolloutRequest> = {},
): RolloutRequest {
  return {
    prompt,
    samples: 1,
    maxNewTokens: 20,
    uniform: (rollout, position) => uniform(3, { purpose: Purpose.rollout, example, rollout, position }, 24),
    ...changes,
  };
}

/** The only sample of a request that is generated alone. */
export async function single(
  decoder: Decoder,
  one: RolloutRequest,
  options: GenerateOptions,
): Promise<Rollout> {
  const [rollouts] = await generate(decoder, [one], options);
  return rollouts![0]!;
}

/** Fails unless two rollouts are the same to the last bit. */
export function assertSameRollout(actual: Rollout, expected: Rollout, what: string): void {
  for (const key of ["tokens", "logProbs", "entropies"] as const) {
    assertSameBits(actual[key], expected[key], `${key} of ${what}`);
  }
  if (actual.stopped !== expected.stopped || actual.pooled?.count !== expected.pooled?.count) {
    throw new Error(
      `${what}: ${actual.stopped}, ${actual.pooled?.count} pooled, expected ${expected.stopped}`,
    );
  }
  if (expected.pooled) assertSameBits(actual.pooled!.sum, expected.pooled.sum, `pooled sum of ${what}`);
}

/** Fails unless a prefill and a training forward pass of the whole sequence say what decoding said, bit for bit. */
export async function assertRescored(
  bench: Bench,
  prompt: ArrayLike<number>,
  rollout: Rollout,
  temperature: number,
  what: string,
): Promise<void> {
  const { device, decoder, weights } = bench, { tokens } = rollout;
  const batch = packSequences([{ ids: [...Array.from(prompt), ...tokens] }]);
  const rows = Array.from(tokens, (_, i) => prompt.length - 1 + i);
  const activations = decoder.forwardTraining(batch), prefill = decoder.forward(batch);
  for (const [kind, hidden] of [["training", activations.hidden], ["prefill", prefill]] as const) {
    const part = gather(device, hidden, rows);
    const { logProb, entropy } = await device.lmHead(part, weights.head, tokens, temperature);
    device.free(part);
    assertSameBits(rollout.logProbs, logProb, `${what}: log-probabilities of decoding and ${kind}`);
    assertSameBits(rollout.entropies, entropy, `${what}: entropies of decoding and ${kind}`);
  }
  decoder.discard(activations);
  device.free(prefill);
}

/** Fails unless the pooled sum is that of a fresh forward pass over prompt and rationale, bit for bit. */
export async function assertRepooled(
  { device, decoder, config }: Bench,
  prompt: ArrayLike<number>,
  pool: PoolSpec,
  rollout: Rollout,
  what: string,
): Promise<void> {
  const end = prompt.length + rollout.tokens.length, eos = rollout.stopped === "eos" ? 1 : 0;
  const ranges = [
    ...pool.prompt,
    ...(pool.rationale ? [{ start: prompt.length, end: end - eos }] : []),
    ...(pool.eos ? [{ start: end - eos, end }] : []),
  ];
  const hidden = decoder.forward(packSequences([{ ids: [...Array.from(prompt), ...rollout.tokens] }]));
  const pooled = device.alloc([1, config.hiddenSize]);
  device.meanPool(hidden, [ranges], pooled);
  device.free(hidden);
  const { sum, count } = rollout.pooled!;
  assertSameBits(meanPool(sum, count), await take(device, pooled), `${what}: pooled mean`);
}
