import { assert, assertSameBits } from "#test";
import { type Bench, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { type Activations, type PackedSequence, packSequences } from "../backbone/decoder.ts";
import { KeptActivations, keptBytesPerRow } from "../backbone/kept_activations.ts";
import type { LayerActivations } from "../backbone/decoder_layer.ts";
import { request, tokens } from "./_rollout_bench.ts";
import { generate } from "./generate.ts";
import { roomForActivations } from "./keep_activations.ts";
import type { GenerateOptions, RolloutRequest } from "./request.ts";

const eosIds = Array.from({ length: 25 }, (_, i) => 12 * i + 5);
const sampled: GenerateOptions = { sampling: { temperature: 1, topP: 1, topK: 0 }, eosIds };

/** Prompts that begin alike and others, a long one, and samples that end at different times. */
const requests: RolloutRequest[] = [
  ...[3, 9, 20].map((own, i) =>
    request(i, [...tokens(1, 12), ...tokens(10 + i, own)], { samples: 3, maxNewTokens: 30 })
  ),
  request(3, tokens(3, 140), { samples: 2, maxNewTokens: 12 }),
  request(4, tokens(4, 1), {
    samples: 5,
    maxNewTokens: 25,
    pool: { prompt: [{ start: 0, end: 1 }], rationale: true, eos: true },
  }),
  request(5, tokens(5, 33), { maxNewTokens: 1 }),
];

/** Everything that a backward pass looks at, by name; the activations are gone afterwards. */
async function contentOf({ device, config, decoder }: Bench, activations: Activations) {
  const content = new Map<string, Float32Array>();
  const note = async (name: string, tensor: Activations["hidden"]) =>
    content.set(name, await device.read(tensor));
  await note("hidden", activations.hidden);
  await note("last", activations.last);
  for (let layer = config.layers - 1; layer >= 0; layer--) {
    const kept: LayerActivations = activations.layer(layer);
    for (const [name, tensor] of Object.entries(kept)) await note(`${name} of layer ${layer}`, tensor);
    device.free(...Object.values(kept));
  }
  decoder.discard(activations);
  return content;
}

for (const changes of [{}, { qkNorm: true }, { qkvBias: true, headDim: 32 }, { heads: 4, kvHeads: 4 }]) {
  for (const slots of [5, 8, 20]) {
    Deno.test(`generate() keeps the activations of a training pass to the last bit, ${JSON.stringify(changes)} in ${slots} slots`, () =>
      withRandomDecoder({ layers: 3, ...changes }, async (bench) => {
        const { decoder } = bench, keep = roomForActivations(decoder, requests)!;
        const rollouts = await generate(decoder, requests, { ...sampled, keep, slots });
        const lengths = rollouts.flat().map((rollout) => rollout.tokens.length);
        assert.ok(new Set(lengths).size > 4, `lengths ${lengths}`);
        const sequences: PackedSequence[] = [], rows: number[] = [];
        for (const [i, { prompt }] of requests.entries()) {
          const parent = sequences.push({ ids: prompt }) - 1;
          rows.push(...rollouts[i]![0]!.rows!.prompt);
          for (const { tokens: ids, rows: kept } of rollouts[i]!) {
            const own = ids.subarray(0, ids.length - 1);
            sequences.push({ ids: own, parent });
            rows.push(...kept!.own.subarray(0, own.length));
          }
        }
        const batch = packSequences(sequences);
        const expected = await contentOf(bench, decoder.forwardTraining(batch));
        const actual = await contentOf(bench, keep.activations(batch, Int32Array.from(rows)));
        assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
        for (const [name, values] of expected) assertSameBits(actual.get(name)!, values, name);
        keep.free();
      }));
  }
}

Deno.test("generate() writes the same when activations are kept", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const keep = roomForActivations(decoder, requests)!;
    const kept = await generate(decoder, requests, { ...sampled, keep });
    const plain = await generate(decoder, requests, sampled);
    assert.deepEqual(kept.map((list) => list.map(({ rows: _, ...rollout }) => rollout)), plain);
    keep.free();
  }));

Deno.test("roomForActivations() is for as many rows as the engine thinks worth it", () =>
  withRandomDecoder({}, ({ device, config, decoder }) => {
    const most = device.decoding.keptBytes / keptBytesPerRow(config);
    assert.ok(most > 1000);
    const asking = (samples: number) => [{ prompt: [1, 2, 3], samples, maxNewTokens: 100 }];
    const room = roomForActivations(decoder, asking(Math.floor((most - 3) / 100)))!;
    room.free();
    assert.equal(roomForActivations(decoder, asking(Math.ceil(most / 100))), undefined);
    return Promise.resolve();
  }));

for (const changes of [{}, { qkNorm: true }, { heads: 4, kvHeads: 4, headDim: 32, qkvBias: true }]) {
  Deno.test(`keptBytesPerRow() is what KeptActivations takes, ${JSON.stringify(changes)}`, () =>
    withRandomDecoder({ layers: 3, ...changes }, ({ device, config, decoder }) => {
      const rows = 1024, before = device.memory.current, kept = new KeptActivations(decoder, rows);
      const bytes = device.memory.current - before, expected = rows * keptBytesPerRow(config);
      kept.free();
      // All sizes are powers of two, to which no buffer is rounded up.
      assert.equal(bytes, expected);
      return Promise.resolve();
    }));
}

Deno.test("KeptActivations refuses more rows than it has room for, and a batch of another size", () =>
  withRandomDecoder({}, ({ decoder }) => {
    const kept = new KeptActivations(decoder, 5);
    kept.take(3);
    assert.throws(() => kept.take(3), /6 rows of 5/);
    const batch = packSequences([{ ids: [1, 2, 3] }]);
    assert.throws(() => kept.activations(batch, Int32Array.of(0, 1)), /2 rows for 3 tokens/);
    kept.free();
    return Promise.resolve();
  }));
