/**
 * A real model from end to end: SmolLM2-135M-Instruct against transformers, and against itself in decoding, prefill
 * and training. Ignored where the model was not downloaded (`GRACE_SMOLLM2`, or the default place).
 *
 * @module
 */
import { assert, assertClose, assertRelative, testWith } from "#test";
import { loadSmolLm2Golden } from "../../fixtures/golden/models/read.ts";
import { type BackboneBench, engine, gather, take } from "../backbone/_decoder_bench.ts";
import { SMOLLM2 } from "../backbone/_golden.ts";
import { Decoder, packSequences } from "../backbone/decoder.ts";
import { openBackbone } from "../backbone/open.ts";
import { Weights } from "../backbone/weights.ts";
import { assertRepooled, assertRescored, assertSameRollout, request, single } from "./_rollout_bench.ts";
import { generate } from "./generate.ts";
import { Prompter } from "./prompt.ts";
import type { GenerateOptions } from "./request.ts";

const golden = loadSmolLm2Golden();
let loaded: Promise<BackboneBench> | undefined;

/** The model, read once for all tests of this file. */
function load(path: string): Promise<BackboneBench> {
  return loaded ??= (async () => {
    const backbone = await openBackbone(path);
    const weights = Weights.read(engine(), backbone.config, backbone.tensors);
    backbone.close();
    return { device: engine(), config: backbone.config, weights, decoder: new Decoder(weights), backbone };
  })();
}

testWith(SMOLLM2, "SmolLM2 gives transformers' hidden states, likeliest tokens and logits", async (path) => {
  const { device, decoder, weights, config } = await load(path);
  const batch = packSequences(golden.prompts);
  const hidden = decoder.forward(batch);
  for (const [p, prompt] of golden.prompts.entries()) {
    const part = gather(device, hidden, prompt.positions.map((at) => batch.segments[p]!.start + at));
    assertRelative(await device.read(part), prompt.hidden.values, 2e-5, `hidden of prompt ${p}`);
    const logits = device.alloc([prompt.positions.length, config.vocabSize]);
    device.logits(part, weights.head, logits);
    device.free(part);
    const values = await take(device, logits);
    prompt.positions.forEach((_, i) => {
      const row = values.subarray(i * config.vocabSize, (i + 1) * config.vocabSize);
      const topIds = prompt.topIds.values.slice(i * 50, (i + 1) * 50);
      const topLogits = prompt.topLogits.values.slice(i * 50, (i + 1) * 50);
      assertClose(
        Array.from(topIds, (id) => row[id]!),
        topLogits,
        1e-3,
        `top logits of prompt ${p}, row ${i}`,
      );
      assert.equal(row.indexOf(row.reduce((a, b) => Math.max(a, b))), topIds[0]);
      const fixed = prompt.fixedLogits.values.slice(i * 200, (i + 1) * 200);
      assertClose(golden.fixedIds.map((id) => row[id]!), fixed, 1e-3, `logits of prompt ${p}, row ${i}`);
    });
  }
  device.free(hidden);
});

testWith(SMOLLM2, "SmolLM2 gives transformers' normalising constants", async (path) => {
  const { device, decoder, weights } = await load(path);
  for (const { ids, positions, topIds, topLogits, logSumExp } of golden.prompts) {
    const hidden = decoder.forward(packSequences([{ ids }])), part = gather(device, hidden, positions);
    const first = positions.map((_, i) => 50 * i);
    const statistics = await device.lmHead(
      part,
      weights.head,
      Int32Array.from(first, (i) => topIds.values[i]!),
      1,
    );
    device.free(hidden, part);
    assertClose(statistics.logSumExp, logSumExp.values, 1e-4, "log Σ exp");
    const expected = first.map((at, i) => topLogits.values[at]! - logSumExp.values[i]!);
    assertClose(statistics.logProb, expected, 2e-4, "log-probability of the likeliest token");
  }
});

testWith(SMOLLM2, "SmolLM2 gives transformers' pooled embedding of the golden prompt", async (path) => {
  const { device, decoder, backbone, config } = await load(path);
  const [system, user] = golden.chat.messages;
  const prompter = new Prompter(backbone, {
    system: system!.content,
    dateString: "2024-07-26",
    promptTokens: 512,
  });
  const { prompt, start, end } = golden.pool, { ids } = prompter.prompt(user!.content);
  assert.deepEqual([...ids], golden.prompts[prompt]!.ids);
  assert.deepEqual([prompter.frame.prefix, ids.length], [start, end]);
  const hidden = decoder.forward(packSequences([{ ids }]));
  const pooled = device.alloc([1, config.hiddenSize]), unit = device.alloc([1, config.hiddenSize]);
  device.meanPool(hidden, [[{ start, end }]], pooled);
  device.l2Normalize(pooled, unit);
  device.free(hidden, pooled);
  assertClose(await take(device, unit), golden.embedding.values, 1e-5, "embedding");
});

testWith(SMOLLM2, "SmolLM2 writes greedily what transformers writes", async (path) => {
  const { decoder, backbone } = await load(path), { completion, prompt, text } = golden.greedy;
  const one = request(0, golden.prompts[prompt]!.ids, { maxNewTokens: completion.length });
  const rollout = await single(decoder, one, { sampling: { temperature: 0, topP: 1, topK: 0 }, eosIds: [] });
  assert.deepEqual([...rollout.tokens], completion);
  assert.equal(backbone.tokenizer.decode(completion), text);
});

testWith(
  SMOLLM2,
  "SmolLM2 gives decoding, prefill and training the same bits, alone and together",
  async (path) => {
    const bench = await load(path), { eosIds } = bench.backbone;
    const options: GenerateOptions = { sampling: { temperature: 1, topP: 1, topK: 0 }, eosIds };
    const requests = golden.prompts.map(({ ids }, i) => {
      const pool = { prompt: [{ start: 0, end: ids.length }], rationale: true, eos: true };
      return request(i, ids, { maxNewTokens: 8 + 8 * i, samples: 2, pool });
    });
    const together = await generate(bench.decoder, requests, options);
    for (const [i, one] of requests.entries()) {
      const [alone] = await generate(bench.decoder, [one], options);
      for (const [s, rollout] of together[i]!.entries()) {
        assertSameRollout(rollout, alone![s]!, `prompt ${i}, sample ${s}`);
        await assertRescored(bench, one.prompt, rollout, 1, `prompt ${i}, sample ${s}`);
        await assertRepooled(bench, one.prompt, one.pool!, rollout, `prompt ${i}, sample ${s}`);
      }
    }
  },
);

testWith(SMOLLM2, "SmolLM2 begins to pool at the first token that is the text's alone", async (path) => {
  const { backbone } = await load(path), { tokenizer } = backbone;
  const prompter = new Prompter(backbone, { system: "Read it.", dateString: "2024-07-26", promptTokens: 64 });
  const { prefix, suffix } = prompter.frame;
  // Two blanks at the start melt into one token with the newline that ends the template's prefix.
  for (const text of ["Danube", " Danube", "  Danube", "\n\nDanube", "\n\n\nDanube", "2,850 km", "é"]) {
    const { ids } = prompter.prompt(text);
    const before = tokenizer.decode([...ids.slice(0, prefix)]),
      after = tokenizer.decode([...ids.slice(-suffix)]);
    assert.ok(
      before.startsWith("<|im_start|>system\nRead it.<|im_end|>\n<|im_start|>user\n"),
      JSON.stringify(text),
    );
    assert.equal(
      before.slice("<|im_start|>system\nRead it.<|im_end|>\n<|im_start|>user\n".length).trim(),
      "",
    );
    assert.equal(after, "<|im_end|>\n<|im_start|>assistant\n");
  }
});
