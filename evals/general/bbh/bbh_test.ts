import { assert, assertClose, sharedData, testWith } from "#test";
import { golden } from "../../../fixtures/golden_data.ts";
import { Mirror } from "../../../lib/data/mirror.ts";
import { sha256Hex } from "../../../lib/manifest/hash.ts";
import { loadBbh } from "../load.ts";
import { BBH_SUBTASKS, bbhItems, bbhRequests, scoreBbh } from "./bbh.ts";

type FewShot = typeof VARIANTS[number];

const zeroShot = golden<{ prompts: Record<"cot_zeroshot" | "zeroshot", Record<string, string>> }>(
  "general/bbh_zeroshot.json",
);

const VARIANTS = ["cot_fewshot", "fewshot"] as const, ZERO_SHOT = ["cot_zeroshot", "zeroshot"] as const;

interface Case {
  text: string;
  target: string;
  answer: string;
  match: number;
}

const { bbh } = golden<
  { bbh: { prompts: Record<FewShot, Record<string, string[]>>; cases: Record<FewShot, Case[]> } }
>("general/answers.json");

const generation = (text: string) => ({ text, tokens: 1, stopped: "eos" as const });

for (const variant of VARIANTS) {
  Deno.test(`scoreBbh() agrees with lm-eval's stop strings, filter and exact match: ${variant}`, () => {
    for (const { text, target, answer, match } of bbh.cases[variant]) {
      const items = bbhItems([{ subtask: "snarks", input: "q", target }], { variant });
      const [scored] = scoreBbh(items, [generation(text)], { variant }).items;
      const what = `${JSON.stringify(text)} against "${target}"`;
      if (variant === "cot_fewshot") {
        assert.equal(scored!["answer"] ?? "[invalid]", answer, what);
        assert.equal(scored!.value, match, what);
      } else {
        assert.equal(scored!["verbatim"], match, what);
      }
    }
  });

  testWith(sharedData, `loadBbh() makes lm-eval's prompts from the real data: ${variant}`, async (root) => {
    const { name, data, files } = await loadBbh(new Mirror(root), { variant });
    assert.deepEqual([name, data.items.length, files.length], [`bbh_${variant}`, 6511, 27]);
    for (const [subtask, hashes] of Object.entries(bbh.prompts[variant])) {
      const prompts = data.items.filter((item) => item.subtask === subtask).map(({ prompt }) => prompt);
      assert.deepEqual(prompts.slice(0, hashes.length).map(sha256Hex), hashes, subtask);
    }
  });
}

for (const variant of ZERO_SHOT) {
  testWith(sharedData, `loadBbh() makes lm-eval's prompts from the real data: ${variant}`, async (root) => {
    const { name, data } = await loadBbh(new Mirror(root), { variant });
    assert.deepEqual([name, data.items.length], [`bbh_${variant}`, 6511]);
    const first = Object.fromEntries(
      data.items.filter(({ id }) => id.endsWith("/1")).map((
        { subtask, prompt },
      ) => [subtask, sha256Hex(prompt)]),
    );
    assert.deepEqual(first, zeroShot.prompts[variant]);
  });
}

Deno.test("scoreBbh() shows both zero-shot readings, of each item and in the means", () => {
  const rows = [["navigate", "No"], ["navigate", "Yes"], ["object_counting", "8"]] as const;
  const items = bbhItems(rows.map(([subtask, target]) => ({ subtask, input: "q", target })), {
    variant: "cot_zeroshot",
  });
  const texts = [" No, wait. The answer is Yes.", "The answer is Yes.", "eighty eight"].map(generation);
  const score = scoreBbh(items, texts, { variant: "cot_zeroshot" });
  assert.equal(score.main, "exact_match,flexible-extract");
  assertClose(
    [score.metrics["exact_match,flexible-extract"]!, score.metrics["exact_match,strict-match"]!],
    [1 / 3, 1 / 3],
    1e-15,
  );
  assert.deepEqual(score.items.map(({ value, strict, answer }) => [value, strict, answer]), [
    [0, 0, "Yes"],
    [1, 1, "Yes"],
    [0, 0, "80"],
  ]);
  const [request] = bbhRequests(items, { variant: "cot_zeroshot" });
  assert.match(request!.prompt, /\n\nQ: q\nA: Let's think step by step\.$/);
  assert.deepEqual([request!.maxNewTokens, request!.stops], [256, ["</s>", "Q:", "<|im_end|>"]]);
});

Deno.test("BBH_SUBTASKS are 27, and each direct example answers with what its worked example ends in", () => {
  assert.equal(BBH_SUBTASKS.length, 27);
  for (const subtask of BBH_SUBTASKS) {
    const [item] = bbhItems([{ subtask, input: "new", target: "t" }], { variant: "fewshot" });
    const answers = [...item!.prompt.matchAll(/\nA: (.*)\n\n/g)].map(([, answer]) => answer);
    assert.equal(answers.length, 3, subtask);
    assert.match(item!.prompt, /\n\nQ: new\nA:$/);
  }
});

Deno.test("scoreBbh() weighs subtasks by their size, shows each, and counts what it cannot read", () => {
  const rows = [["snarks", "(A)"], ["snarks", "(B)"], ["snarks", "(A)"], ["web_of_lies", "yes"]] as const;
  const items = bbhItems(rows.map(([subtask, target]) => ({ subtask, input: "q", target })), {
    variant: "fewshot",
  });
  assert.deepEqual(items.map(({ id }) => id), ["snarks/1", "snarks/2", "snarks/3", "web_of_lies/1"]);
  const { metrics, counts, warnings, main } = scoreBbh(
    items,
    [" (A)", "(B)", "(B)", "\n\n"].map(generation),
    { variant: "fewshot" },
  );
  assertClose([metrics[main]!, metrics["exact_match,none"]!], [0.5, 0.25], 1e-15);
  assertClose([metrics[`snarks/${main}`]!, metrics[`web_of_lies/${main}`]!], [2 / 3, 0], 1e-15);
  assert.equal(main, "exact_match,stripped");
  assert.deepEqual(counts, {
    items: 4,
    subtasks: 2,
    "correct,stripped": 2,
    "correct,none": 1,
    "unparsed,stripped": 1,
    stopped_by_length: 0,
    "snarks/items": 3,
    "snarks/correct": 2,
    "web_of_lies/items": 1,
    "web_of_lies/correct": 0,
  });
  assert.match(warnings.join(), /differ by 25\.0 points/);
});

Deno.test("bbhRequests() gives reasoning 1,024 tokens", () => {
  const items = bbhItems([{ subtask: "snarks", input: "q", target: "t" }], { variant: "cot_fewshot" });
  assert.deepEqual(VARIANTS.map((variant) => bbhRequests(items, { variant })[0]!.maxNewTokens), [1024, 256]);
});
