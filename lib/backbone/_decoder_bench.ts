/**
 * Decoders for tests: the golden models, SmolLM2, and models of any config with random weights, on one engine a test
 * file: the CPU engine, unless {@linkcode useEngine} names another before the tests are registered.
 *
 * @module
 */
import { assert } from "#test";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import type { Device } from "../../kernels/device.ts";
import type { Tensor } from "../../kernels/tensor_types.ts";
import { randomWords } from "../rollout/philox.ts";
import { checkDecoderConfig, type DecoderConfig } from "./config.ts";
import { Decoder, type PackedBatch } from "./decoder.ts";
import { type Backbone, openBackbone } from "./open.ts";
import { expectedTensors } from "./tensor_source.ts";
import { Weights } from "./weights.ts";

let shared: Device | undefined;

/** Makes another engine that of this test file. */
export function useEngine(device: Device): void {
  if (shared) throw new Error("useEngine: an engine is in use already");
  shared = device;
}

/** The engine of this test file. */
export function engine(): Device {
  return shared ??= createCpuDevice();
}

/** A decoder with the weights it owns. */
export interface Bench {
  readonly device: Device;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly decoder: Decoder;
}

/** A decoder with its tokenizer and chat template. */
export interface BackboneBench extends Bench {
  readonly backbone: Backbone;
}

function bench(weights: Weights): Bench {
  return { device: weights.device, config: weights.config, weights, decoder: new Decoder(weights) };
}

/** Registers a test on a backbone that lies at `path`. It fails if it leaves tensors behind. */
export function backboneTest(
  name: string,
  path: string,
  body: (bench: BackboneBench) => Promise<void>,
): void {
  Deno.test(name, () => withBackbone(path, body));
}

/** Opens a backbone, runs `body` and checks that it left no tensors behind. */
export async function withBackbone(
  path: string,
  body: (bench: BackboneBench) => Promise<void>,
): Promise<void> {
  const backbone = await openBackbone(path);
  try {
    const weights = Weights.read(engine(), backbone.config, backbone.tensors);
    await leavesNothing({ ...bench(weights), backbone }, body);
  } finally {
    backbone.close();
  }
}

/** Runs `body` on a decoder whose weights are random numbers; what is not given is that of a small Llama. */
export function withRandomDecoder(
  changes: Partial<DecoderConfig>,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  const config = checkDecoderConfig({ ...SMALL_LLAMA, ...changes }, "test");
  const read = (name: string) => randomWeights(name, expectedTensors(config).get(name)!);
  const source = { names: () => [], shape: () => [], dtype: () => "F32", read, close: () => {} };
  return leavesNothing(bench(Weights.read(engine(), config, source)), body);
}

const SMALL_LLAMA: DecoderConfig = {
  architecture: "llama",
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  intermediateSize: 128,
  vocabSize: 300,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  ropeScaling: null,
  tiedEmbeddings: true,
  qkvBias: false,
  qkNorm: false,
  maxPositions: 512,
};

/** Wide enough that logits are of order 1 to 10: norms around 1, matrices as U(−1, 1)·√(3/columns)·1.5. */
function randomWeights(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const size = shape.reduce((a, b) => a * b, 1), values = new Float32Array(size);
  const isNorm = name.endsWith("norm.weight"), scale = 1.5 * Math.sqrt(3 / shape.at(-1)!);
  const step = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, 7);
  for (let at = 0; at < size; at += 4) {
    const words = randomWords(7, { purpose: 7, step, position: at });
    for (let i = 0; i < 4 && at + i < size; i++) {
      const u = words[i]! / 2 ** 31 - 1;
      values[at + i] = isNorm ? 1 + 0.3 * u : scale * u;
    }
  }
  return values;
}

async function leavesNothing<B extends Bench>(bench: B, body: (bench: B) => Promise<void>): Promise<void> {
  const before = bench.device.memory.current;
  try {
    await body(bench);
    bench.weights.unpack();
    assert.equal(bench.device.memory.current, before, "bytes in tensors after the test");
  } finally {
    bench.weights.free();
  }
}

/** Copies a tensor out and gives it back. */
export async function take(device: Device, tensor: Tensor): Promise<Float32Array> {
  const values = await device.read(tensor);
  device.free(tensor);
  return values;
}

/** Selected rows of a tensor as a new one. */
export function gather(device: Device, x: Tensor, rows: readonly number[]): Tensor {
  const index = device.upload(Int32Array.from(rows), [rows.length]);
  const part = device.alloc([rows.length, x.shape[1]!]);
  device.gatherRows(x, index, part);
  device.free(index);
  return part;
}

/** All logits of a packed batch, [tokens, vocab]. */
export async function logitsOf(
  { device, decoder, weights, config }: Bench,
  batch: PackedBatch,
): Promise<Float32Array> {
  const hidden = decoder.forward(batch), logits = device.alloc([batch.ids.length, config.vocabSize]);
  device.logits(hidden, weights.head, logits);
  device.free(hidden);
  return await take(device, logits);
}
