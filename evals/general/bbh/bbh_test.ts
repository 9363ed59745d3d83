import { assert, assertClose, sharedData, testWith } from "#test";
import { golden } from "../../../fixtures/golden_data.ts";
import { Mirror } from "../../../lib/data/mirror.ts";
import { sha256Hex } from "../../../lib/manifest/hash.ts";
import { loadBbh } from "../load.ts";
import { BBH_SUBTASKS, bbhItems, bbhRequests, type BbhVariant, scoreBbh } from "./bbh.ts";

interface Case {
  text: string;
  target: string;
  answer: string;
  match: number;
}

const { bbh } = golden<
  { bbh: { prompts: Record<BbhVariant, Record<string, string[]>>; cases: Record<BbhVariant, Case[]> } }
>("general/answers.json");

const VARIANTS = ["cot_fewshot", "fewshot"] as const;
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
