import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { type BackboneBench, backboneTest, logitsOf } from "../backbone/_decoder_bench.ts";
import { packSequences } from "../backbone/decoder.ts";
import { type ContinueRequest, continueTexts, logLikelihoods } from "./continue_text.ts";
import { Purpose, uniform } from "./philox.ts";

const folder = modelFolder("llama-tied");

/** log P(ids[from..]) given what is before, from the logits of the whole sequence, in float64. */
async function manualLogProb(bench: BackboneBench, ids: readonly number[], from: number): Promise<number> {
  const logits = await logitsOf(bench, packSequences([{ ids }])), { vocabSize } = bench.config;
  let sum = 0;
  for (let i = from; i < ids.length; i++) {
    const row = [...logits.subarray((i - 1) * vocabSize, i * vocabSize)], max = Math.max(...row);
    sum += row[ids[i]!]! - max - Math.log(row.reduce((total, z) => total + Math.exp(z - max), 0));
  }
  return sum;
}

const likelihoods = (bench: BackboneBench, questions: readonly [string, string][]) =>
  logLikelihoods(
    bench.decoder,
    bench.backbone,
    questions.map(([context, continuation]) => ({ context, continuation })),
  );

const questions: readonly [string, string][] = [
  ["The river", " rose 12 metres"],
  ["The river", " rose"],
  ["The capital of the country is", " a"],
  ["The river", " was very long and wide, and no one had seen it"],
  ["The river", "s"],
  ["x", "y"],
  ["The river", " rose 12 metres"],
];

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

backboneTest(
  "logLikelihoods() gives the sum of the log-probabilities of the continuation's tokens",
  folder,
  async (bench) => {
    const encode = (text: string) => bench.backbone.tokenizer.encode(text);
    const results = await likelihoods(bench, questions);
    for (const [i, [context, continuation]] of questions.entries()) {
      const ids = encode(context + continuation), from = encode(context).length;
      assert.equal(results[i]!.tokens, ids.length - from);
      assertClose([results[i]!.logProb], [await manualLogProb(bench, ids, from)], 1e-4, continuation);
    }
    assert.ok(results.some(({ tokens }) => tokens > 1), "some continuations have several tokens");
    assert.ok(results.some(({ tokens }) => tokens === 1), "some have one");
  },
);

backboneTest(
  "logLikelihoods() gives a question the same number alone and among others",
  folder,
  async (bench) => {
    const together = await likelihoods(bench, questions),
      reversed = await likelihoods(bench, questions.toReversed());
    assert.deepEqual(reversed.reverse(), together);
    for (const [i, question] of questions.entries()) {
      assert.deepEqual(await likelihoods(bench, [question]), [
        together[i],
      ]);
    }
    assert.deepEqual(together[0], together[6]);
  },
);

backboneTest(
  "logLikelihoods() gives single letters after long shared shots their log-probabilities",
  folder,
  async (bench) => {
    const shots = "Question: is it long?\nA. yes\nB. no\nAnswer: A\n\n".repeat(3);
    const asked = ["a", "b", "c"].flatMap((letter) =>
      ["A", "B"].map((answer): [string, string] => [`${shots}Question: ${letter}?\nAnswer:`, answer])
    );
    const results = await likelihoods(bench, asked), { tokenizer } = bench.backbone;
    for (const [i, [context, continuation]] of asked.entries()) {
      assert.equal(results[i]!.tokens, 1);
      const ids = tokenizer.encode(context + continuation);
      assertClose([results[i]!.logProb], [await manualLogProb(bench, ids, ids.length - 1)], 1e-4, `${i}`);
    }
  },
);

backboneTest(
  "logLikelihoods() counts blanks at the end of the context to the continuation",
  folder,
  async (bench) => {
    for (const blanks of [" ", "  ", "\n", " \n\t"]) {
      const [trailing, leading] = await likelihoods(bench, [
        [`The river${blanks}`, "rose"],
        ["The river", `${blanks}rose`],
      ]);
      assert.deepEqual(trailing, leading, JSON.stringify(blanks));
    }
  },
);

backboneTest(
  "logLikelihoods() splits one tokenisation of the whole, as merges across the border require",
  folder,
  async (bench) => {
    const { tokenizer } = bench.backbone;
    const merged = questions.concat([["The", "re"], ["a", "nd"], ["ther", "e was"]]);
    for (const [context, continuation] of merged) {
      const whole = tokenizer.encode(context + continuation), from = tokenizer.encode(context).length;
      if (whole.length <= from) {
        await assert.rejects(likelihoods(bench, [[context, continuation]]), UsageError);
        continue;
      }
      const [result] = await likelihoods(bench, [[context, continuation]]);
      assertClose([result!.logProb], [await manualLogProb(bench, whole, from)], 1e-4, context + continuation);
    }
  },
);

backboneTest("logLikelihoods() refuses what has no tokens", folder, async (bench) => {
  for (const question of [["", "a"], [" ", "a"], ["a", ""]] as [string, string][]) {
    await assert.rejects(likelihoods(bench, [question]), UsageError, JSON.stringify(question));
  }
  assert.deepEqual(await likelihoods(bench, []), []);
});

backboneTest(
  "logLikelihoods() and continueTexts() refuse what is longer than the positions",
  folder,
  async (bench) => {
    const long = "a b ".repeat(300);
    await assert.rejects(likelihoods(bench, [[long, "x"]]), /exceeds 512 positions/);
    const request = { prompt: "a b ".repeat(100), stops: [], maxNewTokens: 400 };
    await assert.rejects(
      continueTexts(bench.decoder, bench.backbone, [request]),
      /with 400 to come exceeds 512 positions/,
    );
  },
);

backboneTest("logLikelihoods() runs many questions in several passes", folder, async (bench) => {
  const many = Array.from(
    { length: 40 },
    (_, i): [string, string] => [`Number ${i}: ${"word ".repeat(i)}`, "is it"],
  );
  const progress: number[] = [];
  const results = await logLikelihoods(
    bench.decoder,
    bench.backbone,
    many.map(([context, continuation]) => ({ context, continuation })),
    { onProgress: (done, total) => progress.push(done) && assert.equal(total, 40) },
  );
  assert.ok(progress.length > 1);
  assert.equal(progress.at(-1), 40);
  assert.deepEqual(progress, progress.toSorted((a, b) => a - b));
  for (const i of [0, 17, 39]) assert.deepEqual(await likelihoods(bench, [many[i]!]), [results[i]]);
});

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
