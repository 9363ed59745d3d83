import { assert, assertClose } from "#test";
import { UsageError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { type BackboneBench, backboneTest, logitsOf } from "../backbone/_decoder_bench.ts";
import { packSequences } from "../backbone/decoder.ts";
import { continueTexts } from "./continue_text.ts";
import { logLikelihoods } from "./log_likelihoods.ts";

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

backboneTest("logLikelihoods() runs the shots of several tasks once for each task", folder, async (bench) => {
  const { tokenizer } = bench.backbone;
  const shots = ["rivers", "towns"].map((task) => `About ${task}. ${"Is it long? A\n".repeat(8)}`);
  const contexts = Array.from({ length: 6 }, (_, i) => `${shots[i % 2]!}Question ${i}?\nAnswer:`);
  const asked = contexts.flatMap((context) =>
    ["A", "B"].map((answer) => ({ context, continuation: answer }))
  );
  let rows = 0;
  const results = await logLikelihoods(bench.decoder, bench.backbone, asked, {
    onTokens: (count) => rows += count,
  });
  assert.ok(results.every(({ tokens }) => tokens === 1));
  const count = (texts: readonly string[]) =>
    texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
  // Each task's shots are run once instead of three times; merges at their end may cost a token or two.
  const most = count(contexts) - 2 * count(shots) + 12;
  assert.ok(rows <= most, `${rows} rows, ${most} would do`);
  for (const i of [0, 5, 11]) {
    const { context, continuation } = asked[i]!;
    assert.deepEqual(await likelihoods(bench, [[context, continuation]]), [results[i]]);
  }
});
