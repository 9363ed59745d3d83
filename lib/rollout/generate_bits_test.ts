import { assert, assertSameBits } from "#test";
import { createCpuDevice } from "../../kernels/cpu/mod.ts";
import { loadModelGolden, MODEL_NAMES, modelFolder } from "../../fixtures/golden/models/read.ts";
import { backboneTest, type Bench, engine, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { Decoder } from "../backbone/decoder.ts";
import { Weights } from "../backbone/weights.ts";
import {
  assertRepooled,
  assertRescored,
  assertSameRollout,
  request,
  single,
  tokens,
} from "./_rollout_bench.ts";
import { generate } from "./generate.ts";
import type { GenerateOptions, Rollout, RolloutRequest } from "./request.ts";
import { lengthClasses } from "./slots.ts";

/** Every twelfth token ends a sequence, so that sequences leave a batch at different times. */
const eosIds = Array.from({ length: 416 }, (_, i) => 12 * i + 5);
const sampled: GenerateOptions = { sampling: { temperature: 1, topP: 1, topK: 0 }, eosIds };
const everything = (length: number) => ({ prompt: [{ start: 0, end: length }], rationale: true, eos: true });

/** Prompts of 1 to 40 tokens, and some of 129: attention runs 128 rows at a time and is left with one. All is pooled. */
function manyRequests(count: number): RolloutRequest[] {
  return Array.from({ length: count }, (_, i) => {
    const prompt = tokens(i, i % 16 === 5 ? 129 : 1 + (11 * i) % 40);
    return request(i, prompt, { pool: everything(prompt.length) });
  });
}

async function checkBits(bench: Bench, options: GenerateOptions = sampled): Promise<void> {
  const requests = manyRequests(33), { temperature } = options.sampling;
  const alone: Rollout[] = [];
  for (const [i, one] of requests.entries()) {
    const rollout = await single(bench.decoder, one, { ...options, slots: 1 });
    await assertRescored(bench, one.prompt, rollout, temperature || 1, `request ${i}`);
    await assertRepooled(bench, one.prompt, one.pool!, rollout, `request ${i}`);
    alone.push(rollout);
  }
  if (temperature > 0) {
    assert.ok(new Set(alone.map(({ tokens }) => tokens.length)).size > 5, "lengths differ");
  }
  for (const [count, slots] of [[2, 1], [2, 2], [8, 3], [8, 32], [33, 2], [33, 7], [33, 64]] as const) {
    const together = await generate(bench.decoder, requests.slice(0, count), { ...options, slots });
    assert.equal(together.length, count);
    together.forEach((rollouts, i) =>
      assertSameRollout(rollouts[0]!, alone[i]!, `request ${i} of ${count} in ${slots} slots`)
    );
  }
}

for (const name of MODEL_NAMES) {
  const folder = modelFolder(name);

  backboneTest(
    `generate() with ${name} gives greedily what transformers does`,
    folder,
    async ({ decoder }) => {
      const { prompt, completion } = loadModelGolden(name).greedy;
      const greedy = request(0, prompt, {
        maxNewTokens: completion.length,
        uniform: () => assert.fail("asked"),
      });
      const options = { sampling: { temperature: 0, topP: 1, topK: 0 }, eosIds: [] };
      const rollout = await single(decoder, greedy, options);
      assert.deepEqual([...rollout.tokens], completion);
      assert.equal(rollout.stopped, "length");
    },
  );

  backboneTest(
    `generate() with ${name} gives the bits of prefill and training, in any batch`,
    folder,
    (bench) => checkBits(bench),
  );
}

const shapes = {
  "as many key heads as query heads": { heads: 4, kvHeads: 4 },
  "one head": { heads: 1, kvHeads: 1, headDim: 64 },
  "matrices that are summed in several blocks, and a vocabulary of several chunks": {
    hiddenSize: 320,
    intermediateSize: 700,
    heads: 6,
    kvHeads: 2,
    headDim: 48,
    vocabSize: 5000,
  },
} as const;

for (const [name, config] of Object.entries(shapes)) {
  Deno.test(`generate() gives the bits of prefill and training with ${name}`, () =>
    withRandomDecoder(config, (bench) => checkBits(bench)));
}

Deno.test("generate() gives the bits of prefill and training at other temperatures and in greedy choice", () =>
  withRandomDecoder({}, async (bench) => {
    for (
      const sampling of [{ temperature: 0.7, topP: 0.9, topK: 20 }, { temperature: 0, topP: 1, topK: 0 }]
    ) {
      await checkBits(bench, { ...sampled, sampling });
    }
  }));

Deno.test("generate() gives the samples of one prompt the bits of separate requests", () =>
  withRandomDecoder({ qkvBias: true }, async ({ decoder }) => {
    const prompt = tokens(1, 21), pool = everything(21);
    const others = manyRequests(5);
    const grouped = [others[0]!, request(99, prompt, { samples: 6, pool }), ...others.slice(1)];
    const [, group] = await generate(decoder, grouped, { ...sampled, slots: 8 });
    assert.equal(group!.length, 6);
    assert.ok(new Set(group!.map(({ tokens }) => tokens.join())).size > 1, "samples differ");
    for (let sample = 0; sample < 6; sample++) {
      const { uniform } = request(99, prompt);
      const one = request(99, prompt, { pool, uniform: (_, position) => uniform(sample, position) });
      assertSameRollout(group![sample]!, await single(decoder, one, sampled), `sample ${sample}`);
    }
  }));

Deno.test("generate() gives prompts with a common beginning the bits that they have alone", () =>
  withRandomDecoder({ qkNorm: true, heads: 4, kvHeads: 4 }, async (bench) => {
    const system = tokens(50, 30);
    const requests = Array.from({ length: 9 }, (_, i) => {
      const prompt = [...system, ...tokens(60 + i, 1 + 3 * i)];
      const pool = {
        prompt: [{ start: 30 - (i === 3 ? 7 : 0), end: prompt.length }],
        rationale: true,
        eos: true,
      };
      return request(i, prompt, { samples: 2, pool });
    });
    for (const chosen of [requests.slice(0, 3), requests]) {
      const together = await generate(bench.decoder, chosen, sampled);
      for (const [i, rollouts] of together.entries()) {
        const [alone] = await generate(bench.decoder, [chosen[i]!], sampled);
        rollouts.forEach((rollout, s) => assertSameRollout(rollout, alone![s]!, `prompt ${i}, sample ${s}`));
        await assertRepooled(bench, chosen[i]!.prompt, chosen[i]!.pool!, rollouts[0]!, `prompt ${i}`);
      }
    }
  }));

Deno.test("generate() gives the same bits with small prefills as with large ones", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const requests = manyRequests(12);
    const [small, large] = [
      await generate(decoder, requests, { ...sampled, prefillTokens: 1 }),
      await generate(decoder, requests, { ...sampled, prefillTokens: 10_000 }),
    ];
    small.forEach(([rollout], i) => assertSameRollout(rollout!, large[i]![0]!, `request ${i}`));
  }));

Deno.test("generate() gives the same bits when long requests decode apart from short ones", () =>
  withRandomDecoder({ maxPositions: 10_000_000 }, async ({ decoder }) => {
    // As long as these may get, no two of them fit into the cache.
    const requests = manyRequests(9).map((one, i) =>
      i % 3 === 0
        ? { ...one, maxNewTokens: 9_000_000, stop: (ids: readonly number[]) => ids.length === 7 }
        : one
    );
    assert.deepEqual(lengthClasses(requests, decoder.config, decoder.device.decoding), [
      [1, 2, 4, 5, 7, 8],
      [0, 3, 6],
    ]);
    const reported: (readonly Rollout[])[] = [];
    const apart = await generate(decoder, requests, { ...sampled, onDone: (i, of) => reported[i] = of });
    const together = await generate(decoder, requests, { ...sampled, slots: 9 });
    apart.forEach(([rollout], i) => assertSameRollout(rollout!, together[i]![0]!, `request ${i}`));
    assert.deepEqual(reported, apart);
  }));

Deno.test("generate() gives prompts of several few-shot tasks the bits that they have alone", () =>
  withRandomDecoder({}, async (bench) => {
    const shots = [tokens(70, 40), tokens(71, 25), []];
    const requests = Array.from({ length: 12 }, (_, i) => {
      const prompt = [...shots[i % 3]!, ...tokens(80 + i, 5 + i)];
      return request(i, prompt, { pool: everything(prompt.length) });
    });
    // Nothing may be shared where all is pooled.
    const unpooled = requests.map(({ pool: _, ...one }) => one);
    for (const prefillTokens of [60, 1024]) {
      for (const given of [unpooled, requests]) {
        const together = await generate(bench.decoder, given, { ...sampled, prefillTokens });
        for (const [i, [rollout]] of together.entries()) {
          assertSameRollout(rollout!, await single(bench.decoder, given[i]!, sampled), `request ${i}`);
        }
      }
    }
  }));

Deno.test("generate() gives the same bits when the engine decodes ahead", () =>
  withRandomDecoder({ maxPositions: 192 }, async ({ decoder, weights }) => {
    const drawn: number[] = [];
    const propertyOf = (target: object, name: PropertyKey): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    };
    const aheadBy = (ahead: number) =>
      new Proxy(weights, {
        get: (target, name) =>
          name === "device"
            ? new Proxy(decoder.device, {
              get: (device, method) => {
                if (method === "decoding") return { ...device.decoding, ahead };
                if (method === "lmHeadSampleInto") drawn.push(ahead);
                return propertyOf(device, method);
              },
            })
            : propertyOf(target, name),
      });
    // One ends by its stop function, one at the last position, one pools its last token, one does not.
    const requests = manyRequests(14).map((one, i) => ({
      ...one,
      maxNewTokens: i % 5 === 1 ? 1 : i === 5 ? 63 : 2 + 3 * i,
      ...(i % 4 === 2 ? { stop: (tokens: readonly number[]) => tokens.length === 5 } : {}),
      pool: { ...one.pool!, eos: i % 2 === 0, rationale: i % 3 !== 0 },
    }));
    // The rationales of a GRACE step have the temperatures of their roles.
    for (const temperatures of [[1], [0], [1, 0.5, 1, 0]]) {
      const options = { ...sampled, eosIds: eosIds.slice(0, 200) };
      const given = requests.map((one, i) => ({
        ...one,
        temperature: temperatures[i % temperatures.length]!,
      }));
      const expected = await generate(decoder, given, options);
      assert.ok(new Set(expected.map(([one]) => one!.stopped)).size === 3, "all kinds of ends");
      for (const ahead of [2, 7, 100]) {
        for (const slots of [3, 64]) {
          const before = drawn.length;
          const actual = await generate(new Decoder(aheadBy(ahead)), given, { ...options, slots });
          assert.ok(drawn.length > before, "some tokens were drawn without a look");
          expected.forEach(([rollout], i) =>
            assertSameRollout(actual[i]![0]!, rollout!, `request ${i}, ${ahead} ahead, ${slots} slots`)
          );
        }
      }
    }
    assert.deepEqual([...new Set(drawn)], [2, 7, 100]);
  }));

Deno.test({
  name: "generate() gives the same bits for any number of threads",
  ignore: engine().kind !== "cpu",
  fn: () =>
    withRandomDecoder({ hiddenSize: 320, intermediateSize: 700 }, async ({ decoder, config, weights }) => {
      const expected = await generate(decoder, manyRequests(5), sampled);
      for (const threads of [1, 3]) {
        const device = createCpuDevice({ threads }), copy = Weights.zeros(device, config);
        for (const [name, tensor] of weights.tensors) {
          device.write(copy.get(name), await decoder.device.read(tensor));
        }
        const actual = await generate(new Decoder(copy), manyRequests(5), sampled);
        device.dispose();
        expected.forEach(([rollout], i) => {
          assertSameBits(actual[i]![0]!.logProbs, rollout!.logProbs, `${threads} threads, request ${i}`);
        });
      }
    }),
});
