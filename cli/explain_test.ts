import { assert, assertClose } from "#test";
import type { Explanation, TokenPart } from "./explanation.ts";
import { Lab, type Sections } from "./_lab.ts";
import { launch } from "./_launch.ts";

const texts = [
  ...["--query", "what do cats eat"],
  ...["--positive", "Cats are carnivores."],
  ...["--negative", "Dogs bark."],
];

async function explain(lab: Lab, changes: Sections, ...args: string[]): Promise<Explanation> {
  const { code, stdout, stderr } = await launch([
    "explain",
    "--manifest",
    lab.manifest(changes),
    "--json",
    ...texts,
    ...args,
  ]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const term = ({ terms }: Explanation, name: string) => terms.find(({ term }) => term === name)!;

Deno.test("explain shows the template, and pools all tokens behind the system prefix", async () => {
  using lab = await Lab.create();
  const { template, systemTokens, tokens } = await explain(lab, {});
  assert.equal(
    template,
    "<|im_start|>system\nThink.<|im_end|>\n<|im_start|>user\nCats are carnivores.<|im_end|>\n<|im_start|>assistant\n",
  );
  assert.deepEqual(tokens.map(({ pooled }) => pooled), tokens.map((_, i) => i >= systemTokens));
  const textOf = (part: TokenPart) =>
    tokens.filter((token) => token.part === part).map(({ token }) => token).join("");
  assert.equal(textOf("system"), "<|im_start|>system\nThink.<|im_end|>\n<|im_start|>user\n");
  assert.equal(textOf("text"), "Cats are carnivores.");
  assert.equal(textOf("suffix"), "<|im_end|>\n<|im_start|>assistant\n");
  assert.ok(textOf("rationale") !== "");
});

Deno.test("explain marks as pooled what the pooling settings say", async () => {
  using lab = await Lab.create();
  const { tokens } = await explain(lab, {
    arms: ["grace"],
    pooling: { input: false, templateSuffix: false },
  });
  for (const { part, pooled } of tokens) assert.equal(pooled, part === "rationale" || part === "eos", part);
});

Deno.test("explain says that the negative cancels under preset code, and counts under fixed", async () => {
  using lab = await Lab.create();
  const sizes = { train: { promptsPerStep: 4, miniBatches: 2 } };
  const code = await explain(lab, sizes, "--preset", "code");
  assert.equal(term(code, "negative").cancels, true);
  assert.equal(new Set(code.rationales.map(({ negative }) => negative)).size, 1);
  assert.match(term(code, "negative").why, /whatever the rationale is \(reward\.negatives is "shared"\)/);
  assert.equal(term(code, "positive").cancels, false);
  assert.equal(term(code, "crossGroup").cancels, true);

  const fixed = await explain(lab, sizes, "--preset", "fixed");
  assert.equal(term(fixed, "negative").cancels, false);
  assert.equal(term(fixed, "crossGroup").cancels, false);
  assert.deepEqual([term(fixed, "crossGroup").mean, term(fixed, "crossGroup").weight], [null, 0.2]);
  // Both presets sample alike, so what differs is what the reward does with the same embeddings.
  const positives = (one: Explanation) => one.rationales.map(({ positive }) => positive);
  assert.deepEqual(positives(code), positives(fixed));
});

Deno.test("explain computes reward and advantage from the terms that it shows", async () => {
  using lab = await Lab.create();
  const { rationales } = await explain(lab, { reward: { lengthPenalty: "off" } });
  const rewards = rationales.map(({ positive, negative, consistency }) =>
    10 * (positive + negative + 0.2 * consistency)
  );
  assertClose(rationales.map(({ reward }) => reward), rewards, 1e-12, "reward");
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  assertClose(
    rationales.map(({ advantage }) => advantage),
    rewards.map((reward) => reward - mean),
    1e-12,
    "A",
  );
});

Deno.test("explain tells of a group that teaches nothing because all of it was cut off", async () => {
  using lab = await Lab.create();
  const { rationales, remarks } = await explain(lab, {
    sampling: { maxNewTokens: 1 },
    reward: { lengthPenalty: "replace" },
  });
  assert.ok(rationales.every(({ truncated, reward }) => truncated && reward === -1));
  assert.deepEqual(rationales.map(({ advantage }) => advantage), [0, 0, 0]);
  assert.match(remarks.join("\n"), /3 rationales were cut off .*: their reward is -1/);
  assert.match(remarks.join("\n"), /every advantage is 0: this group teaches nothing/);
});

Deno.test("explain keeps the template whole when a text is longer than the prompt's limit", async () => {
  using lab = await Lab.create();
  const { template, tokens, remarks } = await explain(
    lab,
    { prompt: { promptTokens: 50 } },
    "--positive",
    "one two three four five six seven eight nine ten",
  );
  assert.match(
    template,
    /^<\|im_start\|>system\nThink\..*<\|im_start\|>user\none two .*<\|im_end\|>\n<\|im_start\|>assistant\n$/s,
  );
  assert.doesNotMatch(template, /ten/);
  assert.ok(tokens.filter(({ part }) => part !== "rationale" && part !== "eos").length <= 50);
  assert.match(
    remarks[0]!,
    /^A text lost its end, because prompt\.promptTokens is 50: what is left is "one two /,
  );
});

Deno.test("explain prints the same as a table for people", async () => {
  using lab = await Lab.create();
  const { stdout } = await launch(["explain", "--manifest", lab.manifest(), ...texts]);
  assert.match(stdout, /^system \(L_sys\) +0\.\.17 +no +<\|im_start\|> /m);
  assert.match(stdout, /^text +18\.\.32 +yes +C at s ␣a/m);
  assert.match(stdout, /^rationale +positive +negative +consistency +reward +advantage$/m);
  assert.match(stdout, /^ {2}cross-group +weight 0\.2 +absent +counts: /m);
});

Deno.test("explain refuses settings for data without triplets", async () => {
  using lab = await Lab.create();
  const { code, stderr } = await launch([
    "explain",
    "--manifest",
    lab.manifest({ arms: ["grace"], data: { kind: "unsupervised" } }),
    ...texts,
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /data\.kind is "unsupervised", which has no triplets/);
});

Deno.test("explain says what each estimator compares a rationale with", async () => {
  using lab = await Lab.create();
  const run = (estimator: string) =>
    explain(lab, { advantage: { estimator }, reward: { negatives: "shared" } });
  const remax = await run("remax");
  const [, told] = remax.remarks.join("\n").match(/is rewarded with (.*): the baselines of remax/)!;
  const baselines = told!.split(", ").map(Number);
  assertClose(
    remax.rationales.map(({ reward, advantage }) => reward - advantage),
    baselines,
    1e-4,
    "baselines",
  );
  assert.equal(term(remax, "negative").cancels, true);
  const whitened = await run("reinforce++");
  assert.match(whitened.remarks.join("\n"), /reinforce\+\+ whitens over all tokens of a batch/);
  // No group has a baseline of its own, so what its rationales share counts.
  assert.equal(term(whitened, "negative").cancels, false);
  const tokens = whitened.rationales.map(({ tokens }) => tokens);
  const sum = whitened.rationales.reduce((sum, { advantage }, i) => sum + tokens[i]! * advantage, 0);
  assertClose([sum], [0], 1e-9);
});
