import { assert, assertClose, sharedData, testWith } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import { sha256Hex } from "../../lib/manifest/hash.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { loadMmlu } from "./load.ts";
import {
  firstLine,
  mmluItems,
  mmluLikelihoodRequests,
  mmluName,
  scoreMmluGenerative,
  scoreMmluLikelihood,
} from "./mmlu.ts";

interface Golden {
  mmlu: { text: string; line: string; match: number }[];
  mmlu_prompts: Record<string, Record<string, string[]>>;
  mmlu_continuation_prompts: Record<string, Record<string, string[]>>;
  mmlu_continuation: {
    choices: string[];
    answer: number;
    logProbs: number[];
    requests: [string, string][];
    acc: number;
    acc_norm: number;
  }[];
}

const reference = golden<Golden>("general/general.json");
const item = (id: number, answer: number) => ({
  id: `${id}`,
  subject: "s",
  question: "q",
  prompt: `p${id}`,
  continuations: [" A", " B", " C", " D"],
  answer,
});

Deno.test("scoreMmluGenerative() agrees with lm-eval's filter and exact match", () => {
  const items = reference.mmlu.map((_, i) => item(i, 1));
  const generations = reference.mmlu.map(({ text }) => ({ text, tokens: 1, stopped: "stop" as const }));
  const score = scoreMmluGenerative(items, generations);
  reference.mmlu.forEach(({ text, line, match }, i) => {
    // lm-eval's generator cuts at "</s>", its filter does not see it.
    if (text.includes("</s>")) return;
    assert.equal(firstLine(text), line, JSON.stringify(text));
    assert.equal(score.items[i]!.value, match, JSON.stringify(text));
  });
  assert.equal(score.counts["unparsed"], 5);
});

Deno.test("scoreMmluLikelihood() takes the most likely letter, the first of equal ones", () => {
  const logProbs = [[-1, -2, -3, -4], [-5, -1, -1, -9], [-4, -3, -2, -1]];
  const likelihoods = logProbs.flat().map((logProb) => ({ logProb, tokens: 1 }));
  const score = scoreMmluLikelihood([item(0, 0), item(1, 2), item(2, 3)], likelihoods);
  assert.deepEqual(score.items.map((entry) => entry["chosen"]), ["A", "B", "D"]);
  assertClose([score.metrics["acc"]!], [2 / 3], 1e-15);
  assert.deepEqual(score.counts, { items: 3, correct: 2, "chosen,A": 1, "chosen,B": 1, "chosen,D": 1 });
  assert.deepEqual(score.warnings, []);
});

Deno.test("scoreMmluLikelihood() tells of a model that knows one letter only", () => {
  const items = Array.from({ length: 40 }, (_, i) => item(i, i % 4));
  const likelihoods = items.flatMap(() => [-1, -2, -3, -4].map((logProb) => ({ logProb, tokens: 1 })));
  assert.deepEqual(scoreMmluLikelihood(items, likelihoods).warnings, [
    '40 of 40 answers are "A": the score is that of a constant',
  ]);
});

Deno.test("mmluLikelihoodRequests() asks for the four letters with a leading blank", () => {
  const requests = mmluLikelihoodRequests([item(0, 0), item(1, 1)]);
  assert.deepEqual(requests.map((request) => request.context), [
    "p0",
    "p0",
    "p0",
    "p0",
    "p1",
    "p1",
    "p1",
    "p1",
  ]);
  assert.deepEqual(requests.slice(4).map((request) => request.continuation), [" A", " B", " C", " D"]);
});

Deno.test("mmluName() gives the official name to the official rows only, and carries the variant", () => {
  assert.equal(mmluName(14042, false, "loglikelihood"), "mmlu");
  assert.equal(mmluName(7021, true, "loglikelihood"), "mmlu-half");
  assert.equal(mmluName(7021, true, "generative"), "mmlu-half_generative");
  assert.equal(mmluName(7021, false, "generative"), "mmlu-7021-of-14042_generative");
});

Deno.test("mmluItems() refuses more shots than the subject has", () => {
  const row = { question: "q", subject: "a_b", choices: ["1", "2", "3", "4"], answer: 0 };
  assert.throws(() => mmluItems([row], [row], { variant: "loglikelihood", shots: 2 }), UsageError);
});

Deno.test("scoreMmluLikelihood() of continuations agrees with lm-eval, by likelihood and by length", () => {
  const options = { variant: "continuation", shots: 0 } as const;
  for (const { choices, answer, logProbs, requests, acc, acc_norm } of reference.mmlu_continuation) {
    const items = mmluItems([{ question: "q", subject: "s", choices, answer }], [], options);
    const asked = mmluLikelihoodRequests(items);
    assert.deepEqual(asked.map(({ continuation }) => continuation), requests.map(([, text]) => text));
    assert.ok(asked.every(({ context }) => context.endsWith(requests[0]![0])));
    const likelihoods = logProbs.map((logProb) => ({ logProb, tokens: 1 }));
    const { metrics, main } = scoreMmluLikelihood(items, likelihoods, "continuation");
    assert.deepEqual([main, metrics["acc"], metrics["acc_norm"]], ["acc", acc, acc_norm], choices.join());
  }
});

for (
  const [variant, hashes] of [
    ["loglikelihood", reference.mmlu_prompts],
    ["continuation", reference.mmlu_continuation_prompts],
  ] as const
) {
  testWith(sharedData, `mmluItems() makes lm-eval's prompts from the real data: ${variant}`, async (root) => {
    for (const shots of [0, 2]) {
      const { data, name } = await loadMmlu(new Mirror(root), { variant, shots });
      assert.equal(name, variant === "loglikelihood" ? "mmlu-half" : "mmlu-half_continuation");
      for (const [subject, expected] of Object.entries(hashes)) {
        const prompts = data.items.filter((entry) => entry.subject === subject).map((entry) => entry.prompt);
        assert.deepEqual(
          prompts.slice(0, 3).map(sha256Hex),
          expected[String(shots)],
          `${subject}, ${shots} shots`,
        );
      }
    }
  });
}
