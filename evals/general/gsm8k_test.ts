import { assert, assertClose, sharedData, testWith } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { sha256Hex } from "../../lib/manifest/hash.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { answersMatch, flexibleAnswer, gsm8kItems, gsm8kName, scoreGsm8k, strictAnswer } from "./gsm8k.ts";
import { loadGsm8k } from "./load.ts";

interface Case {
  text: string;
  reference: string;
  "strict-match": { answer: string; match: number };
  "flexible-extract": { answer: string; match: number };
}

const reference = golden<{ gsm8k: Case[]; gsm8k_prompts: Record<string, string[]> }>("general/general.json");

Deno.test("strictAnswer(), flexibleAnswer() and answersMatch() agree with lm-eval's filters and exact match", () => {
  for (const one of reference.gsm8k) {
    for (
      const [name, extract] of [["strict-match", strictAnswer], ["flexible-extract", flexibleAnswer]] as const
    ) {
      const answer = extract(one.text);
      assert.equal(answer ?? "[invalid]", one[name].answer, `${name} of ${JSON.stringify(one.text)}`);
      assert.equal(Number(answersMatch(answer, one.reference)), one[name].match, `${name} of ${one.text}`);
    }
  }
});

const row = (n: number) => ({ question: `q${n}`, answer: `a #### ${n}` });
const generation = (text: string) => ({ text, tokens: 1, stopped: "eos" as const });

Deno.test("gsm8kItems() keeps a question's examples when shots are drawn for the whole split", () => {
  const train = Array.from({ length: 30 }, (_, i) => row(i));
  const options = { shots: 2, maxNewTokens: 8, fewShotSeed: 1234 };
  const items = gsm8kItems([row(100), row(101)], train, options);
  assert.match(
    items[1]!.prompt,
    /^Question: q\d+\nAnswer: a #### \d+\n\nQuestion: .*\n\nQuestion: q101\nAnswer:$/s,
  );
  assert.notEqual(items[0]!.prompt.split("\n\n")[0], items[1]!.prompt.split("\n\n")[0]);
  assert.equal(gsm8kItems([row(1)], [], { ...options, shots: 0 })[0]!.prompt, "Question: q1\nAnswer:");
});

Deno.test("scoreGsm8k() reports both filters, what it could not parse, and warns when the filters disagree", () => {
  const items = [1, 2, 3, 4].map((n) => ({ id: `${n}`, question: "q", prompt: "p", answer: `a #### ${n}` }));
  const score = scoreGsm8k(items, ["#### 1", "it is 2", "none", "4 Question: 5"].map(generation));
  assert.equal(score.metrics["exact_match,flexible-extract"], 3 / 4);
  assert.equal(score.metrics["exact_match,strict-match"], 1 / 4);
  assertClose([score.metrics["exact_match_stderr,flexible-extract"]!], [0.25], 1e-12);
  assert.deepEqual(score.counts, {
    items: 4,
    "correct,flexible-extract": 3,
    "correct,strict-match": 1,
    "unparsed,flexible-extract": 1,
    "unparsed,strict-match": 3,
    stopped_by_length: 0,
  });
  assert.match(score.warnings.join(), /differ by 50\.0 points/);
});

testWith(sharedData, "gsm8kItems() makes lm-eval's prompts from the real data", async (root) => {
  for (const [shots, hashes] of Object.entries(reference.gsm8k_prompts)) {
    const options = { shots: Number(shots), maxNewTokens: 256, fewShotSeed: 1234 };
    const { data } = await loadGsm8k(new Mirror(root), options);
    assert.equal(data.items.length, 1319);
    assert.deepEqual(data.items.slice(0, hashes.length).map((item) => sha256Hex(item.prompt)), hashes, shots);
  }
});

Deno.test("gsm8kName() keeps lm-eval's name for its 5 shots alone", () => {
  assert.deepEqual([5, 2, 0].map((shots) => gsm8kName({ shots })), ["gsm8k", "gsm8k-2shot", "gsm8k-0shot"]);
});
