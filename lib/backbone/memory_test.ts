import { assert } from "#test";
import type { DecoderConfig } from "./config.ts";
import { withRandomDecoder } from "./_decoder_bench.ts";
import { packSequences } from "./decoder.ts";
import { Optimizer } from "../train/optimizer.ts";
import { LoraAdapter } from "./lora.ts";
import { estimateAdapterMemory, estimateMemory } from "./memory.ts";
import { Weights } from "./weights.ts";

const smolLm2: DecoderConfig = {
  architecture: "llama",
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  intermediateSize: 1536,
  vocabSize: 49152,
  rmsNormEps: 1e-5,
  ropeTheta: 100_000,
  ropeScaling: null,
  tiedEmbeddings: true,
  qkvBias: false,
  qkNorm: false,
  maxPositions: 8192,
};

const stored = (dtype: string) => ({ dtype: () => dtype });

Deno.test("estimateMemory() counts the published parameters when the decoder is SmolLM2-135M", () => {
  const estimate = estimateMemory(smolLm2, stored("F32"));
  assert.equal(estimate.parameters, 134_515_008);
  assert.equal(estimate.weights, 4 * 134_515_008);
  assert.equal(estimate.largestTensor, 4 * 49152 * 576);
  // Everything but 61 norms of 576.
  assert.equal(estimate.packedWeights, 4 * (134_515_008 - 61 * 576));
  assert.equal(estimate.trainingState, 16 * 134_515_008);
  // 30 layers, keys and values of 3 heads of 64 in float32.
  assert.equal(estimate.kvCachePerToken, 30 * 2 * 3 * 64 * 4);
});

Deno.test("estimateMemory() counts a head of its own when embeddings are not tied", () => {
  const untied = estimateMemory({ ...smolLm2, tiedEmbeddings: false }, stored("F32"));
  const tied = estimateMemory(smolLm2, stored("F32"));
  assert.equal(untied.parameters - tied.parameters, 49152 * 576);
  assert.equal(untied.packedWeights, tied.packedWeights);
});

Deno.test("estimateMemory() counts activations in proportion to the layers when they grow", () => {
  const perLayer = (layers: number) =>
    estimateMemory({ ...smolLm2, layers }, stored("F32")).activationsPerToken;
  assert.equal(perLayer(31) - perLayer(30), perLayer(2) - perLayer(1));
});

for (const qkNorm of [false, true]) {
  Deno.test(`estimateMemory() counts the activations that a training pass keeps, ${qkNorm ? "with" : "without"} norms of queries and keys`, () =>
    withRandomDecoder(
      { qkNorm, hiddenSize: 64, heads: 8, headDim: 16, vocabSize: 64 },
      ({ device, config, decoder }) => {
        const rows = 300, before = device.memory.current;
        const activations = decoder.forwardTraining(packSequences([{ ids: new Int32Array(rows) }]));
        const expected = rows * estimateMemory(config, stored("F32")).activationsPerToken;
        // Sizes of buffers are rounded up by an eighth at most.
        const kept = device.memory.current - before;
        assert.ok(kept >= expected && kept <= 1.13 * expected, `${kept} bytes, ${expected} expected`);
        decoder.discard(activations);
        return Promise.resolve();
      },
    ));
}

Deno.test("estimateMemory() counts two bytes for what stays in 16 bits: matrices, but not norms", () => {
  const norms = 61 * 576;
  for (const dtype of ["BF16", "F16"]) {
    const { storedWeights, weights } = estimateMemory(smolLm2, stored(dtype));
    assert.equal(storedWeights, 2 * (134_515_008 - norms) + 4 * norms);
    assert.equal(weights, 4 * 134_515_008);
  }
  for (const dtype of ["F32", "Q4_1"]) {
    assert.equal(estimateMemory(smolLm2, stored(dtype)).storedWeights, 4 * 134_515_008);
  }
});

for (const dtype of ["F32", "BF16"]) {
  Deno.test(`estimateAdapterMemory() counts what an adapter of ${dtype} weights holds with its moments and gradients`, () =>
    withRandomDecoder({ hiddenSize: 96, vocabSize: 900 }, async ({ device, config, weights }) => {
      const options = { rank: 3, alpha: 3, targets: ["q_proj", "down_proj"] } as const,
        before = device.memory.current;
      const values = new Map<string, Float32Array>();
      for (const [name, tensor] of weights.tensors) values.set(name, await device.read(tensor));
      const read = (name: string) => values.get(name)!.slice();
      const adapter = new LoraAdapter(Weights.read(device, config, { read, dtype: () => dtype }), options, 1);
      const optimizer = new Optimizer(adapter, {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0,
        maxGradNorm: 1,
      });
      const gradients = adapter.newGradients(), held = device.memory.current - before;
      const estimate = estimateAdapterMemory(config, stored(dtype), options);
      // Sizes of buffers are rounded up by an eighth at most; the CPU engine keeps no weights of 16 bits.
      assert.ok(held >= estimate.trainingState && held < 1.13 * estimate.trainingState, `${held} bytes`);
      assert.equal(estimate.parameters, adapter.size);
      const matrices = [...weights.tensors.values()].filter(({ shape }) => shape.length === 2);
      const halves = 2 * matrices.reduce((sum, { shape: [rows, columns] }) => sum + rows! * columns!, 0);
      assert.equal(estimate.trainingState - estimate.storedTrainingState, dtype === "F32" ? 0 : halves);
      gradients.recycle();
      optimizer.free();
      adapter.free();
    }));
}
