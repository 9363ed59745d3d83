import { assert, assertClose, assertSameBits } from "#test";
import { NumericError, UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { type BackboneBench, backboneTest, take } from "../backbone/_decoder_bench.ts";
import { packSequences } from "../backbone/decoder.ts";
import { meanPool, type PoolingSwitches, TRAINING_POOLING } from "../objective/pooling.ts";
import {
  type EmbeddedText,
  type EmbedOptions,
  embedTexts,
  embedWithRationales,
  promptRanges,
} from "./embed.ts";
import { generate } from "./generate.ts";
import { Purpose, uniform } from "./philox.ts";
import { Prompter } from "./prompt.ts";

const texts = Array.from(
  { length: 24 },
  (_, i) => `Text ${i}: ${"the river rose ".repeat(1 + (5 * i) % 7)}in ${i} days.`,
);
const plain: EmbedOptions = { pooling: TRAINING_POOLING, normalize: false };

/** Random numbers that belong to a text, whatever its place in a batch. */
const uniformOf = (text: string, rollout: number, position: number) =>
  uniform(5, {
    purpose: Purpose.evaluation,
    example: text.length * 31 + text.charCodeAt(text.length >> 1),
    rollout,
    position,
  }, 24);

const withRationale: EmbedOptions & Required<Pick<EmbedOptions, "rationale">> = {
  ...plain,
  rationale: {
    sampling: { temperature: 1, topP: 1, topK: 0 },
    maxNewTokens: 14,
    samples: 1,
    uniform: uniformOf,
  },
};

const prompterOf = ({ backbone }: BackboneBench) =>
  new Prompter(backbone, { system: "Read it.", dateString: "2024-07-26", promptTokens: 90 });

function embed(bench: BackboneBench, some: readonly string[], options: EmbedOptions) {
  return embedTexts(bench.decoder, bench.backbone, prompterOf(bench), some, options);
}

const folder = modelFolder("qwen2");

backboneTest(
  "embedTexts() gives the mean of the final hidden states over the text",
  folder,
  async (bench) => {
    const { device, decoder, config } = bench,
      prompter = prompterOf(bench),
      { prefix, suffix } = prompter.frame;
    for (
      const [pooling, from, to] of [
        [TRAINING_POOLING, prefix, 0],
        [{ ...TRAINING_POOLING, templateSuffix: false }, prefix, suffix],
      ] as [PoolingSwitches, number, number][]
    ) {
      const results = await embed(bench, texts.slice(0, 3), { ...plain, pooling });
      for (const [i, { embedding, rationales, rationaleTokens, truncatedPrompt }] of results.entries()) {
        const { ids } = prompter.prompt(texts[i]!);
        const hidden = decoder.forward(packSequences([{ ids }])),
          pooled = device.alloc([1, config.hiddenSize]);
        device.meanPool(hidden, [[{ start: from, end: ids.length - to }]], pooled);
        device.free(hidden);
        assertSameBits(embedding, await take(device, pooled), texts[i]);
        assert.deepEqual([rationales, rationaleTokens, truncatedPrompt], [[], 0, false]);
      }
    }
  },
);

for (
  const [name, options] of Object.entries({ "the text alone": plain, "text and rationale": withRationale })
) {
  backboneTest(`embedTexts() of ${name} gives a text the same bits in any batch`, folder, async (bench) => {
    const all = await embed(bench, texts, options);
    const reversed = (await embed(bench, texts.toReversed(), { ...options, slots: 5 })).reverse();
    for (const [i, text] of texts.entries()) {
      const [alone] = await embed(bench, [text], options);
      for (const { embedding, rationales } of [all[i]!, reversed[i]!]) {
        assertSameBits(embedding, alone!.embedding, text);
        assert.deepEqual(rationales, alone!.rationales);
      }
    }
    assert.equal(new Set(all.map(({ embedding }) => embedding.join())).size, texts.length);
  });

  backboneTest(`embedTexts() of ${name} divides by the norm on request`, folder, async (bench) => {
    const raw = await embed(bench, texts.slice(0, 4), options);
    const unit = await embed(bench, texts.slice(0, 4), { ...options, normalize: true });
    for (const [i, { embedding }] of raw.entries()) {
      const norm = Math.hypot(...embedding);
      assert.ok(Math.abs(norm - 1) > 0.01);
      assertClose(unit[i]!.embedding, embedding.map((x) => x / norm), 1e-6, texts[i]);
    }
  });

  backboneTest(`embedTexts() of ${name} reports every text once`, folder, async (bench) => {
    const done = new Map<number, unknown>();
    let tokens = 0;
    const results = await embed(bench, texts, {
      ...options,
      onDone: (index, text) => {
        assert.ok(!done.has(index));
        done.set(index, text);
      },
      onTokens: (count) => tokens += count,
    });
    results.forEach((text, i) => assert.equal(done.get(i), text));
    if (options.rationale) {
      assert.equal(
        tokens,
        results.reduce((sum, { rationaleTokens }) => sum + rationaleTokens, 0),
      );
    } else assert.ok(tokens > 0);
  });

  backboneTest(`embedTexts() of ${name} stops with the signal's reason`, folder, async (bench) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(embed(bench, texts, { ...options, signal }), /enough/);
  });

  backboneTest(
    `embedTexts() of ${name} refuses an empty text, whatever else there is`,
    folder,
    async (bench) => {
      await assert.rejects(embed(bench, ["a", " \n"], options), UsageError);
      assert.deepEqual(await embed(bench, [], options), []);
    },
  );

  backboneTest(`embedTexts() of ${name} says which texts were cut`, folder, async (bench) => {
    const long = "word ".repeat(200);
    const results = await embed(bench, ["short", long, "short too"], options);
    assert.deepEqual(results.map(({ truncatedPrompt }) => truncatedPrompt), [false, true, false]);
  });
}

backboneTest("embedTexts() gives what generate() pools, and the rationale as text", folder, async (bench) => {
  const { decoder, backbone } = bench, prompter = prompterOf(bench), { eosIds, tokenizer } = backbone;
  const results = await embed(bench, texts.slice(0, 6), withRationale);
  for (const [i, result] of results.entries()) {
    const prompt = prompter.prompt(texts[i]!);
    const [rollouts] = await generate(decoder, [{
      prompt: prompt.ids,
      samples: 1,
      maxNewTokens: 14,
      uniform: (sample, position) => uniformOf(texts[i]!, sample, position),
      pool: {
        prompt: [{ start: prompter.frame.prefix, end: prompt.ids.length }],
        rationale: true,
        eos: true,
      },
    }], { sampling: withRationale.rationale.sampling, eosIds });
    const { tokens, pooled, stopped } = rollouts![0]!;
    assertSameBits(result.embedding, meanPool(pooled!.sum, pooled!.count), texts[i]);
    assert.equal(result.rationaleTokens, tokens.length);
    assert.equal(result.truncatedRationales, stopped === "length" ? 1 : 0);
    assert.deepEqual(result.rationales, [tokenizer.decode([...tokens], { skipSpecial: true })]);
  }
});

backboneTest("embedTexts() gives the mean over several rationales", folder, async (bench) => {
  const [three] = await embed(bench, texts.slice(0, 1), {
    ...withRationale,
    rationale: { ...withRationale.rationale, samples: 3 },
  });
  const parts: EmbeddedText[] = [];
  for (const sample of [0, 1, 2]) {
    const uniform = (text: string, _: number, position: number) => uniformOf(text, sample, position);
    const rationale = { ...withRationale.rationale, uniform };
    parts.push((await embed(bench, texts.slice(0, 1), { ...withRationale, rationale }))[0]!);
  }
  assert.deepEqual(three!.rationales, parts.flatMap(({ rationales }) => rationales));
  assert.ok(new Set(three!.rationales).size > 1);
  const total = (count: (part: EmbeddedText) => number) => parts.reduce((sum, part) => sum + count(part), 0);
  assert.equal(three!.rationaleTokens, total(({ rationaleTokens }) => rationaleTokens));
  assert.equal(three!.truncatedRationales, total(({ truncatedRationales }) => truncatedRationales));
  const mean = parts[0]!.embedding.map((_, j) =>
    parts.reduce((sum, { embedding }) => sum + embedding[j]! / 3, 0)
  );
  assertClose(three!.embedding, mean, 1e-6);
});

backboneTest("embedTexts() pools the rationale alone on request", folder, async (bench) => {
  const pooling = { input: false, templateSuffix: false, rationale: true, eos: true };
  const [alone] = await embed(bench, texts.slice(0, 1), { ...withRationale, pooling });
  const [both] = await embed(bench, texts.slice(0, 1), withRationale);
  const [text] = await embed(bench, texts.slice(0, 1), plain);
  const prompter = prompterOf(bench), n = prompter.prompt(texts[0]!).ids.length - prompter.frame.prefix;
  const m = both!.rationaleTokens;
  assertClose(
    both!.embedding,
    text!.embedding.map((x, j) => (n * x + m * alone!.embedding[j]!) / (n + m)),
    1e-5,
  );
});

backboneTest("promptRanges() refuses to pool nothing", folder, (bench) => {
  const prompter = prompterOf(bench), prompt = prompter.prompt("text");
  const nothing = { input: false, templateSuffix: false, rationale: false, eos: false };
  const written = { ...nothing, rationale: true };
  assert.throws(() => promptRanges(prompter, prompt, nothing, true), UsageError);
  assert.throws(() => promptRanges(prompter, prompt, written), UsageError);
  assert.deepEqual(promptRanges(prompter, prompt, written, true), []);
  return Promise.resolve();
});

backboneTest("embedTexts() refuses to normalise an embedding without a direction", folder, async (bench) => {
  const { device, config, weights } = bench;
  device.write(weights.get("model.norm.weight"), new Float32Array(config.hiddenSize));
  const [zero] = await embed(bench, ["text"], plain);
  assert.deepEqual(zero!.embedding, new Float32Array(config.hiddenSize));
  await assert.rejects(embed(bench, ["text"], { ...plain, normalize: true }), NumericError);
});

backboneTest(
  "embedWithRationales() gives what embedTexts() gives for the rationales that it writes, and the mean of several",
  folder,
  async (bench) => {
    const prompter = prompterOf(bench), pooling = { ...TRAINING_POOLING, eos: false };
    const { tokenizer } = bench.backbone;
    // A model with random weights writes tokens that do not stand in its own tokenisation, but for a single one.
    const short = { ...withRationale.rationale, maxNewTokens: 1 };
    const written = await embed(bench, texts, { ...plain, pooling, rationale: short });
    const same = texts.flatMap((text, i) => {
      const { rationales: [rationale], rationaleTokens, truncatedRationales } = written[i]!;
      const cut = truncatedRationales > 0, tokens = tokenizer.encode(rationale!).length;
      return cut && tokens === rationaleTokens
        ? [{ text, rationale: rationale!, vector: written[i]!.embedding }]
        : [];
    });
    assert.ok(same.length >= 2, `${same.length} rationales`);
    const given = (some: readonly string[], rationales: readonly (readonly string[])[]) =>
      embedWithRationales(bench.decoder, bench.backbone, prompter, some, rationales, { ...plain, pooling });
    const results = await given(same.map(({ text }) => text), same.map(({ rationale }) => [rationale]));
    for (const [i, { vector, rationale }] of same.entries()) {
      assertClose(results[i]!.embedding, vector, 1e-4);
      assert.deepEqual(results[i]!.rationales, [rationale]);
    }
    const [{ text, rationale }] = same as [typeof same[number]];
    const [alone] = await given([text], [[rationale]]), [other] = await given([text], [["another"]]);
    assertSameBits(alone!.embedding, results[0]!.embedding);
    assert.notDeepEqual([...other!.embedding], [...alone!.embedding]);
    const [both] = await given([text], [[rationale, "another"]]);
    assertClose(both!.embedding, alone!.embedding.map((x, i) => (x + other!.embedding[i]!) / 2), 1e-6);
    await assert.rejects(
      given([text], [["word ".repeat(9999)]]),
      (error) => error instanceof UsageError && /tokens, the model has \d+ positions/.test(error.message),
    );
  },
);
