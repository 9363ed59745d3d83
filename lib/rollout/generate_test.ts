import { assert, assertSameBits } from "#test";
import { NumericError } from "#errors";
import { modelFolder } from "../../fixtures/golden/models/read.ts";
import { backboneTest, type Bench, withRandomDecoder } from "../backbone/_decoder_bench.ts";
import { assertRepooled, request, single, tokens } from "./_rollout_bench.ts";
import { generate } from "./generate.ts";
import type { GenerateOptions, PoolSpec, Rollout } from "./request.ts";

const sampled: GenerateOptions = { sampling: { temperature: 1, topP: 1, topK: 0 }, eosIds: [] };
const greedy: GenerateOptions = { sampling: { temperature: 0, topP: 1, topK: 0 }, eosIds: [] };
const prompt = tokens(1, 12);

/** A rollout of 20 tokens that nothing ends early. */
const free = (bench: Bench) => single(bench.decoder, request(1, prompt), sampled);

/** Position of the first token that did not occur before it, from `from` on: where it ends a rollout as EOS. */
const firstNew = ({ tokens }: Rollout, from: number) =>
  tokens.findIndex((id, i) => i >= from && tokens.indexOf(id) === i);

Deno.test("generate() ends at the limit, with as many tokens as asked for", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    for (const maxNewTokens of [1, 2, 9]) {
      const rollout = await single(decoder, request(1, prompt, { maxNewTokens }), sampled);
      assert.deepEqual([rollout.tokens.length, rollout.stopped, rollout.pooled], [
        maxNewTokens,
        "length",
        null,
      ]);
      assert.deepEqual([rollout.logProbs.length, rollout.entropies.length], [maxNewTokens, maxNewTokens]);
    }
  }));

Deno.test("generate() ends with an end-of-sequence token, whichever of them it is", () =>
  withRandomDecoder({}, async (bench) => {
    const whole = await free(bench);
    for (const at of [0, firstNew(whole, 4), firstNew(whole, 9)]) {
      for (const eosIds of [[whole.tokens[at]!, 299], [299, whole.tokens[at]!]]) {
        const rollout = await single(bench.decoder, request(1, prompt), { ...sampled, eosIds });
        assert.equal(rollout.stopped, "eos");
        assert.deepEqual(rollout.tokens, whole.tokens.slice(0, at + 1));
        assertSameBits(rollout.logProbs, whole.logProbs.slice(0, at + 1));
      }
    }
  }));

for (const name of ["llama-tied", "qwen2"] as const) {
  backboneTest(
    `generate() ends at both end-of-sequence tokens of ${name}`,
    modelFolder(name),
    async (bench) => {
      const { eosIds } = bench.backbone;
      assert.equal(eosIds.length, 2);
      const ends = new Set<number>();
      const requests = Array.from({ length: 300 }, (_, i) => request(i, tokens(i, 4), { maxNewTokens: 16 }));
      for (const [rollout] of await generate(bench.decoder, requests, { ...sampled, eosIds })) {
        const at = rollout!.tokens.findIndex((id) => eosIds.includes(id));
        if (rollout!.stopped === "eos") ends.add(rollout!.tokens.at(-1)!);
        assert.equal(at, rollout!.stopped === "eos" ? rollout!.tokens.length - 1 : -1);
      }
      assert.deepEqual([...ends].sort(), [...eosIds].sort());
    },
  );
}

Deno.test("generate() ends when the stop callback says so, with the tokens so far", () =>
  withRandomDecoder({}, async (bench) => {
    const whole = await free(bench);
    for (const end of [1, 5]) {
      const seen: number[][] = [];
      const stop = (tokens: readonly number[]) => seen.push([...tokens]) === end;
      const rollout = await single(bench.decoder, request(1, prompt, { stop }), sampled);
      assert.equal(rollout.stopped, "stop");
      assert.deepEqual(rollout.tokens, whole.tokens.slice(0, end));
      assert.deepEqual(seen, Array.from({ length: end }, (_, i) => [...whole.tokens.slice(0, i + 1)]));
    }
  }));

const poolings: Record<string, PoolSpec> = {
  "the whole": { prompt: [{ start: 0, end: 12 }], rationale: true, eos: true },
  "all but the end-of-sequence token": { prompt: [{ start: 3, end: 12 }], rationale: true, eos: false },
  "the prompt": { prompt: [{ start: 3, end: 12 }], rationale: false, eos: false },
  "two ranges of the prompt": {
    prompt: [{ start: 1, end: 4 }, { start: 7, end: 9 }],
    rationale: true,
    eos: true,
  },
  "the prompt and the end-of-sequence token": { prompt: [{ start: 0, end: 2 }], rationale: false, eos: true },
  "the rationale": { prompt: [], rationale: true, eos: false },
};

for (const [name, pool] of Object.entries(poolings)) {
  Deno.test(`generate() pools ${name}`, () =>
    withRandomDecoder({}, async (bench) => {
      const whole = await free(bench);
      const fromPrompt = pool.prompt.reduce((sum, { start, end }) => sum + end - start, 0);
      const end = firstNew(whole, 5);
      for (const stopped of ["length", "eos", "stop"] as const) {
        const stop = (tokens: readonly number[]) => stopped === "stop" && tokens.length === 7;
        const options = { ...sampled, eosIds: stopped === "eos" ? [whole.tokens[end]!] : [] };
        const one = request(1, prompt, { stop, pool });
        const rollout = await single(bench.decoder, one, options);
        assert.equal(rollout.stopped, stopped);
        const rationale = { length: 20, eos: end, stop: 7 }[stopped];
        const written = (pool.rationale ? rationale : 0) + (stopped === "eos" && pool.eos ? 1 : 0);
        assert.equal(rollout.pooled!.count, fromPrompt + written);
        if (rollout.pooled!.count > 0) {
          await assertRepooled(bench, prompt, pool, rollout, `ended by ${stopped}`);
        }
      }
    }));
}

Deno.test("generate() reports every request once, when its last sample is done, and every token", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const eosIds = Array.from({ length: 30 }, (_, i) => 10 * i);
    const done = new Map<number, readonly Rollout[]>();
    let reported = 0;
    const requests = Array.from({ length: 9 }, (_, i) =>
      request(i, tokens(i, 1 + 3 * i), {
        samples: 1 + i % 3,
        ...(i % 2 === 0 && { pool: { prompt: [], rationale: true, eos: i === 4 } }),
      }));
    const results = await generate(decoder, requests, {
      ...sampled,
      eosIds,
      slots: 4,
      onTokens: (count) => reported += count,
      onDone: (index, rollouts) => {
        assert.ok(!done.has(index), `request ${index} is done twice`);
        assert.ok(rollouts.every((rollout) => rollout !== undefined));
        done.set(index, rollouts);
      },
    });
    assert.deepEqual(requests.map((_, i) => done.get(i)), results);
    assert.deepEqual(results.map((rollouts) => rollouts.length), requests.map(({ samples }) => samples));
    assert.equal(reported, results.flat().reduce((sum, { tokens }) => sum + tokens.length, 0));
  }));

Deno.test("generate() decodes all sequences together where they pay and fit", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    let most = 0;
    const requests = Array.from({ length: 100 }, (_, i) => request(i, tokens(i, 2), { maxNewTokens: 2 }));
    await generate(decoder, requests, { ...sampled, onTokens: (drawn) => most = Math.max(most, drawn) });
    assert.equal(most, 100);
  }));

Deno.test("generate() stops with the signal's reason and leaves no tensors behind when it is aborted", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    for (const after of [0, 1, 5]) {
      const controller = new AbortController(), reason = new Error("enough");
      let calls = 0;
      const onTokens = () => ++calls === after && controller.abort(reason);
      if (after === 0) controller.abort(reason);
      const options = { ...sampled, signal: controller.signal, onTokens };
      await assert.rejects(generate(decoder, [request(1, prompt)], options), (error) => error === reason);
      // The step that follows the first draw may still be taken.
      assert.ok(after === 0 ? calls === 0 : calls <= after + 1, `${calls} steps, aborted in step ${after}`);
    }
  }));

Deno.test("generate() lets timers run while it decodes", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    let ticked = false;
    const timer = setTimeout(() => ticked = true, 1);
    const one = { maxNewTokens: 480, stop: () => ticked };
    const rollouts = await generate(
      decoder,
      Array.from({ length: 64 }, (_, i) => request(i, prompt, one)),
      sampled,
    );
    clearTimeout(timer);
    assert.ok(rollouts.every(([rollout]) => rollout!.stopped === "stop"));
  }));

Deno.test("generate() never asks for a random number where it chooses greedily", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const one = request(1, prompt, { uniform: () => assert.fail("asked for a random number") });
    assert.equal((await single(decoder, one, greedy)).tokens.length, 20);
  }));

Deno.test("generate() asks once for the random number of every sample and position", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const asked: string[] = [];
    const uniform = (sample: number, position: number) => {
      asked.push(`${sample}/${position}`);
      return 0.5;
    };
    await generate(decoder, [request(1, prompt, { samples: 3, maxNewTokens: 4, uniform })], sampled);
    const expected = [0, 1, 2].flatMap((sample) => [0, 1, 2, 3].map((position) => `${sample}/${position}`));
    assert.deepEqual(asked.sort(), expected);
  }));

Deno.test("generate() refuses to go on when a log-probability is not a number", () =>
  withRandomDecoder({}, async ({ device, decoder, weights }) => {
    device.fill(weights.get("model.norm.weight"), NaN);
    await assert.rejects(generate(decoder, [request(1, prompt)], sampled), NumericError);
  }));

Deno.test("generate() gives the same rollouts but for entropies where they are not wanted", () =>
  withRandomDecoder({}, async ({ decoder }) => {
    const [[expected]] = await generate(decoder, [request(1, prompt)], sampled) as [[Rollout]];
    const [[actual]] = await generate(decoder, [request(1, prompt)], { ...sampled, entropies: false }) as [
      [Rollout],
    ];
    assert.deepEqual({ ...actual, entropies: null }, { ...expected, entropies: null });
    assert.ok(expected.entropies.every(Number.isFinite));
  }));

Deno.test("generate() refuses requests that do not fit", () =>
  withRandomDecoder({ maxPositions: 24 }, async ({ decoder }) => {
    const pool = (start: number, end: number) => ({
      pool: { prompt: [{ start, end }], rationale: true, eos: true },
    });
    const overlapping = { prompt: [{ start: 0, end: 4 }, { start: 3, end: 5 }], rationale: true, eos: true };
    for (
      const [misfit, message] of [
        [request(1, []), /request 0 has an empty prompt/],
        [request(1, prompt, { maxNewTokens: 13 }), /needs 25 of 24 positions/],
        [request(1, prompt, { maxNewTokens: 0 }), /asks for 1 samples of 0 tokens/],
        [request(1, prompt, { maxNewTokens: 4, samples: 0 }), /asks for 0 samples/],
        [request(1, prompt, { maxNewTokens: 4, ...pool(3, 13) }), /pools tokens 3 to 13 of a prompt of 12/],
        [request(1, prompt, { maxNewTokens: 4, ...pool(5, 5) }), /pools tokens 5 to 5/],
        [request(1, prompt, { maxNewTokens: 4, pool: overlapping }), /pools tokens 3 to 5/],
      ] as const
    ) await assert.rejects(generate(decoder, [misfit], sampled), message);
    const fits = await single(decoder, request(1, prompt, { maxNewTokens: 12 }), sampled);
    assert.equal(fits.tokens.length, 12);
    assert.deepEqual(await generate(decoder, [], sampled), []);
  }));

Deno.test("generate() draws tokens as often as they are likely", () =>
  withRandomDecoder({}, async (bench) => {
    const samples = 2000;
    const requests = [request(5, prompt, { samples, maxNewTokens: 1 })];
    const [rollouts] = await generate(bench.decoder, requests, sampled);
    const counts = new Map<number, { seen: number; p: number }>();
    for (const { tokens, logProbs } of rollouts!) {
      const seen = (counts.get(tokens[0]!)?.seen ?? 0) + 1;
      counts.set(tokens[0]!, { seen, p: Math.exp(logProbs[0]!) });
    }
    for (const { seen, p } of counts.values()) {
      // Five standard deviations of a binomial count.
      assert.ok(
        Math.abs(seen - samples * p) <= 5 * Math.sqrt(samples * p) + 1,
        `${seen} of ${samples} at p = ${p}`,
      );
    }
  }));
