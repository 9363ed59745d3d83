import { assert } from "#test";
import { UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { type BackboneBench, backboneTest, logitsOf } from "../backbone/_decoder_bench.ts";
import { packSequences } from "../backbone/decoder.ts";
import { type ContinueRequest, continueTexts } from "./continue_text.ts";
import { Purpose, uniform } from "./philox.ts";

const folder = modelFolder("llama-tied");

backboneTest(
  "continueTexts() draws a sample by its random numbers alone, whatever stands beside it",
  folder,
  async (bench) => {
    const sampled = (seed: number, temperature = 1, topP = 1) => ({
      prompt: "The river",
      stops: [],
      maxNewTokens: 6,
      sampling: {
        temperature,
        topP,
        uniform: (position: number) => uniform(seed, { purpose: Purpose.answer, example: 1, position }, 24),
      },
    });
    const greedy = { prompt: "The river", stops: [], maxNewTokens: 6 };
    const requests = [sampled(1), greedy, sampled(2), sampled(1, 0.2), sampled(1, 1, 1e-9), sampled(1)];
    const run = (asked: readonly ContinueRequest[]) => continueTexts(bench.decoder, bench.backbone, asked);
    const together = await run(requests);
    for (const [i, request] of requests.entries()) assert.deepEqual(await run([request]), [together[i]]);
    assert.deepEqual(together[5], together[0]);
    assert.notEqual(together[2]!.text, together[0]!.text);
    // A bound that only the likeliest token passes leaves nothing to draw.
    assert.equal(together[4]!.text, together[1]!.text);
    const done: number[] = [];
    await continueTexts(bench.decoder, bench.backbone, requests, { onDone: (i) => done.push(i) });
    assert.deepEqual(done.sort(), [0, 1, 2, 3, 4, 5]);
  },
);

/** What a model writes greedily without any stop. */

async function written(bench: BackboneBench, prompt: string, maxNewTokens = 24) {
  const [free] = await continueTexts(bench.decoder, bench.backbone, [{ prompt, stops: [], maxNewTokens }]);
  return free!;
}

backboneTest("continueTexts() is the argmax of the logits at every step", folder, async (bench) => {
  const { tokenizer, eosIds } = bench.backbone, { vocabSize } = bench.config;
  const { text, tokens, stopped } = await written(bench, "The river", 8);
  assert.equal(stopped, "length");
  const ids = tokenizer.encode("The river"), start = ids.length;
  for (let i = 0; i < tokens; i++) {
    const logits = await logitsOf(bench, packSequences([{ ids }]));
    const row = logits.subarray(logits.length - vocabSize);
    ids.push(row.indexOf(Math.max(...row)));
  }
  assert.ok(!ids.slice(start).some((id) => eosIds.includes(id)));
  assert.equal(text, tokenizer.decode(ids.slice(start)));
});

backboneTest("continueTexts() cuts before the first of its stop strings", folder, async (bench) => {
  const { text } = await written(bench, "The river");
  const letters = [...text].filter((letter) => letter !== "\uFFFD");
  const late = letters.at(-4)!, early = letters[3]!;
  for (const stops of [[early], [late, early], [early, "never written"], [text.slice(5, 9)]]) {
    const [cut] = await continueTexts(bench.decoder, bench.backbone, [{
      prompt: "The river",
      stops,
      maxNewTokens: 24,
    }]);
    const at = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0));
    assert.deepEqual([cut!.text, cut!.stopped], [text.slice(0, at), "stop"], JSON.stringify(stops));
  }
});

backboneTest(
  "continueTexts() decodes no further than the token that completes a stop string",
  folder,
  async (bench) => {
    const { text } = await written(bench, "The river");
    const stop = text.slice(2, 6);
    const [cut] = await continueTexts(bench.decoder, bench.backbone, [{
      prompt: "The river",
      stops: [stop],
      maxNewTokens: 24,
    }]);
    const { text: before } = await written(bench, "The river", cut!.tokens - 1);
    const { text: after } = await written(bench, "The river", cut!.tokens);
    assert.ok(!before.includes(stop) && after.includes(stop));
  },
);

backboneTest("continueTexts() gives a prompt the same text alone and among others", folder, async (bench) => {
  const requests = ["The river", "a", "x ".repeat(60), "The town", "The river"].map((prompt, i) => ({
    prompt,
    stops: i === 1 ? ["e"] : [],
    maxNewTokens: 10 + i,
  }));
  let done = 0;
  const reported: unknown[] = [];
  const together = await continueTexts(bench.decoder, bench.backbone, requests, {
    onDone: (i, result) => reported[i] = result,
    onProgress: (count, total) => assert.deepEqual([count, total], [++done, 5]),
  });
  assert.equal(done, 5);
  assert.deepEqual(reported, together);
  for (const [i, one] of requests.entries()) {
    assert.deepEqual(await continueTexts(bench.decoder, bench.backbone, [one]), [together[i]]);
  }
});

backboneTest("continueTexts() leaves the end-of-sequence token out of the text", folder, async (bench) => {
  const free = await written(bench, "The river");
  const ids = bench.backbone.tokenizer.encode("The river");
  const logits = await logitsOf(bench, packSequences([{ ids }])),
    row = logits.subarray(-bench.config.vocabSize);
  const first = row.indexOf(Math.max(...row));
  const backbone = { ...bench.backbone, eosIds: [first] };
  const [ended] = await continueTexts(bench.decoder, backbone, [{
    prompt: "The river",
    stops: [],
    maxNewTokens: 24,
  }]);
  assert.deepEqual(ended, { text: "", tokens: 1, stopped: "eos" });
  assert.notEqual(free.text, "");
});

backboneTest("continueTexts() refuses an empty prompt", folder, async (bench) => {
  const request = { prompt: "", stops: [], maxNewTokens: 3 };
  await assert.rejects(continueTexts(bench.decoder, bench.backbone, [request]), UsageError);
});
