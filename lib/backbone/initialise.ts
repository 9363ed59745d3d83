/**
 * Weights of a decoder that has seen nothing yet: N(0, 0.02²) as in GPT-2 (Radford et al. 2019, section 2.3), where
 * also the projections that write into the residual stream are scaled by 1/√(2·layers), so that its variance at the
 * last layer does not grow with the depth; norms are 1 and biases 0.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Device } from "../../kernels/device.ts";
import { philox4x32, philoxInput, Purpose, type Words4 } from "../rollout/philox.ts";
import type { DecoderConfig } from "./config.ts";
import { expectedTensors } from "./tensor_source.ts";
import { Weights } from "./weights.ts";

/** Standard deviation of the matrices. */
const deviation = 0.02;

/** Matrices whose product is added to the residual stream. */
const residual = /\.(o_proj|down_proj)\.weight$/;

/**
 * New weights. The bits of a value depend on the seed, the name of its tensor and its place in it, and on nothing else:
 * not on the other tensors, nor on the device.
 *
 * @throws {UsageError} if the seed is not an integer of 53 bits
 */
export function initialWeights(device: Device, config: DecoderConfig, seed: number): Weights {
  const shapes = expectedTensors(config);
  const read = (name: string): Float32Array<ArrayBuffer> => {
    const values = new Float32Array(shapes.get(name)!.reduce((a, b) => a * b, 1));
    if (name.endsWith("norm.weight")) return values.fill(1);
    if (name.endsWith(".bias")) return values;
    const scale = residual.test(name) ? deviation / Math.sqrt(2 * config.layers) : deviation;
    return fillNormal(values, scale, seed, name);
  };
  return Weights.read(device, config, { read, dtype: () => "F32" });
}

/** Independent N(0, scale²) by Box and Muller's transform of the four words of each Philox block. */
function fillNormal(
  values: Float32Array<ArrayBuffer>,
  scale: number,
  seed: number,
  name: string,
): Float32Array<ArrayBuffer> {
  return fillFromWords(values, seed, name, (words, i) => {
    const first = words[i & ~1]!, second = words[i | 1]!;
    // The radius takes a uniform of (0, 1]: log 0 is not a number's.
    const radius = scale * Math.sqrt(-2 * Math.log((first + 1) / 2 ** 32));
    const angle = 2 * Math.PI * second / 2 ** 32;
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

/**
 * Independent and uniform in [−bound, bound). The bits of a value depend on the seed, the name of its tensor and its place in it.
 *
 * @throws {UsageError} if the seed is not an integer of 53 bits
 */
export function fillUniform(
  values: Float32Array<ArrayBuffer>,
  bound: number,
  seed: number,
  name: string,
): Float32Array<ArrayBuffer> {
  return fillFromWords(values, seed, name, (words, i) => bound * (words[i]! / 2 ** 31 - 1));
}

/** Fills values from the Philox blocks of a tensor: each value from its block's words and its place among four. */
function fillFromWords(
  values: Float32Array<ArrayBuffer>,
  seed: number,
  name: string,
  value: (words: Words4, i: number) => number,
): Float32Array<ArrayBuffer> {
  // 96 bits of the name's digest are the tensor's address: no two names share numbers.
  const digest = createHash("sha256").update(name).digest();
  const [step, example, rollout] = [0, 4, 8].map((offset) => digest.readUInt32LE(offset));
  const { key, counter } = philoxInput(seed, {
    purpose: Purpose.init,
    step: step!,
    example: example!,
    rollout: rollout!,
  });
  const [, ...address] = counter;
  for (let at = 0; at < values.length; at += 4) {
    const words = philox4x32([at / 4, address[0]!, address[1]!, address[2]!], key);
    for (let i = 0; i < 4 && at + i < values.length; i++) values[at + i] = value(words, i);
  }
  return values;
}
