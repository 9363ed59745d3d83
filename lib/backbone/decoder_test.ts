import { assert, assertClose, assertRelative, assertSameBits } from "#test";
import { loadModelGolden, MODEL_NAMES, modelFolder, VARIANTS } from "../../fixtures/golden/models/read.ts";
import { backboneTest, logitsOf, take, withRandomDecoder } from "./_decoder_bench.ts";
import { inverseFrequencies, packSequences } from "./decoder.ts";

/** PyTorch's own float32 forward is off by up to 1e-6 (`float32RelativeError` of the goldens). */
const tolerance = 3e-6;

const models = [...MODEL_NAMES.map((name) => [name, name] as const), ...Object.entries(VARIANTS)];

for (const [folder, name] of models) {
  const golden = loadModelGolden(name);

  backboneTest(
    `Decoder.forward() of ${folder} gives transformers' hidden states and logits`,
    modelFolder(folder),
    async (bench) => {
      const { device, decoder } = bench;
      for (const { ids, hidden, logits } of golden.sequences) {
        const batch = packSequences([{ ids }]);
        const actual = await logitsOf(bench, batch);
        assertRelative(
          await take(device, decoder.forward(batch)),
          hidden.values,
          tolerance,
          `hidden of ${ids.length}`,
        );
        assertRelative(actual, logits.values, tolerance, `logits of ${ids.length}`);
        assertClose(actual, logits.values, 5e-5, `logits of ${ids.length}`);
      }
    },
  );

  backboneTest(
    `Decoder.forward() of ${folder} gives transformers' pooled embedding`,
    modelFolder(folder),
    async (bench) => {
      const { device, decoder, config } = bench;
      for (const { ids, start, end, embedding } of golden.sequences) {
        const hidden = decoder.forward(packSequences([{ ids }]));
        const pooled = device.alloc([1, config.hiddenSize]), unit = device.alloc([1, config.hiddenSize]);
        device.meanPool(hidden, [[{ start, end }]], pooled);
        device.l2Normalize(pooled, unit);
        device.free(hidden, pooled);
        assertClose(await take(device, unit), embedding.values, 1e-6, `embedding of ${ids.length} tokens`);
      }
    },
  );
}

for (const name of MODEL_NAMES) {
  backboneTest(
    `Decoder.forward() of ${name} gives a sequence the same bits alone and in a batch`,
    modelFolder(name),
    async ({ device, decoder, config }) => {
      const sequences = loadModelGolden(name).sequences.map(({ ids }) => ({ ids }));
      const batch = packSequences([...sequences, ...sequences.toReversed()]);
      const together = await take(device, decoder.forward(batch));
      for (const [i, { start, length }] of batch.segments.entries()) {
        const { ids } = [...sequences, ...sequences.toReversed()][i]!;
        const alone = await take(device, decoder.forward(packSequences([{ ids }])));
        const rows = together.slice(start * config.hiddenSize, (start + length) * config.hiddenSize);
        assertSameBits(rows, alone, `sequence ${i} of ${length} tokens`);
      }
    },
  );

  backboneTest(
    `Decoder.forward() of ${name} gives a child the bits of the whole sequence`,
    modelFolder(name),
    async ({ device, decoder, config }) => {
      const { ids } = loadModelGolden(name).sequences.at(-1)!;
      const whole = await take(device, decoder.forward(packSequences([{ ids }])));
      for (const at of [1, 2, 17, ids.length - 1]) {
        const batch = packSequences([
          { ids: ids.slice(0, at) },
          { ids: ids.slice(at).reverse(), parent: 0 },
          { ids: ids.slice(at), parent: 0 },
        ]);
        const parts = await take(device, decoder.forward(batch));
        const { start } = batch.segments[2]!, width = config.hiddenSize;
        assertSameBits(parts.slice(0, at * width), whole.slice(0, at * width), `parent of ${at}`);
        assertSameBits(parts.slice(start * width), whole.slice(at * width), `child after ${at}`);
      }
    },
  );
}

Deno.test("Decoder.forward() gives the bits of forwardTraining()", () =>
  withRandomDecoder({ qkNorm: true, qkvBias: true }, async ({ device, decoder }) => {
    const batch = packSequences([{ ids: [5, 6, 7, 8] }, { ids: [9, 10], parent: 0 }, { ids: [11] }]);
    const forward = await take(device, decoder.forward(batch));
    for (const checkpointing of [false, true]) {
      const activations = decoder.forwardTraining(batch, checkpointing);
      assertSameBits(await device.read(activations.hidden), forward);
      decoder.discard(activations);
    }
  }));

Deno.test("Decoder.forward() refuses a sequence that is longer than the decoder's positions", () =>
  withRandomDecoder({ maxPositions: 8 }, async ({ device, decoder }) => {
    device.free(decoder.forward(packSequences([{ ids: new Int32Array(8) }])));
    assert.throws(
      () => decoder.forward(packSequences([{ ids: new Int32Array(9) }])),
      /sequence of 9 tokens .* 8 positions/,
    );
    const child = packSequences([{ ids: new Int32Array(6) }, { ids: new Int32Array(3), parent: 0 }]);
    assert.throws(() => decoder.forward(child), /sequence of 9 tokens .* 8 positions/);
    await Promise.resolve();
  }));

Deno.test("packSequences() lays sequences end to end and lets children count on from their parent", () => {
  const batch = packSequences([{ ids: [1, 2, 3] }, { ids: [4] }, { ids: [5, 6], parent: 0 }, {
    ids: [7],
    parent: 1,
  }]);
  assert.deepEqual([...batch.ids], [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...batch.positions], [0, 1, 2, 0, 3, 4, 1]);
  assert.deepEqual(batch.segments, [
    { start: 0, length: 3, parent: -1 },
    { start: 3, length: 1, parent: -1 },
    { start: 4, length: 2, parent: 0 },
    { start: 6, length: 1, parent: 1 },
  ]);
});

Deno.test("inverseFrequencies() are powers of θ without scaling", () =>
  withRandomDecoder({ headDim: 8, ropeTheta: 16 }, ({ config }) => {
    assertClose(inverseFrequencies(config), [1, 0.5, 0.25, 0.125], 1e-15);
    return Promise.resolve();
  }));
