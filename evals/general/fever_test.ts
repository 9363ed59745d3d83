import { assert, sharedData, testWith } from "#test";
import { UsageError } from "#errors";
import { Mirror } from "../../lib/data/mirror.ts";
import {
  FEVER_VARIANTS,
  feverItems,
  feverLikelihoodRequests,
  type FeverVariant,
  firstLabel,
  scoreFeverLikelihood,
  scoreFeverWritten,
} from "./fever.ts";
import { loadFever } from "./load.ts";

const claims = (labels: readonly string[], variant: FeverVariant) =>
  feverItems(labels.map((label) => ({ claim: "c", label })), { variant });
const written = (text: string) => ({ text, tokens: 1, stopped: "stop" as const });

Deno.test("firstLabel() finds the label that a text names first, in any case, and none where there is none", () => {
  for (
    const [text, label] of [
      ["SUPPORTS", "SUPPORTS"],
      [" supported by the facts", "SUPPORTS"],
      ["That is false, not true", "REFUTES"],
      ["Refuted", "REFUTES"],
      ["true", "SUPPORTS"],
      ["there is not enough information", "NOT ENOUGH INFO"],
      ["NOT ENOUGH INFO: it is neither true nor false", "NOT ENOUGH INFO"],
      ["I cannot support this", null],
      ["", null],
    ] as const
  ) assert.equal(firstLabel(text), label, text);
});

Deno.test("scoreFeverWritten() of fever-3way counts what it cannot read, and gives it no label", () => {
  const variant = "fever-3way";
  const items = claims(["SUPPORTS", "REFUTES", "NOT ENOUGH INFO", "SUPPORTS"], variant);
  const texts = [" SUPPORTS\nClaim: x", "true", "not enough info", "well"];
  const { metrics, counts, items: scored } = scoreFeverWritten(items, texts.map(written), { variant });
  assert.equal(metrics["acc"], 2 / 4);
  assert.deepEqual(counts, {
    items: 4,
    correct: 2,
    unparsed: 1,
    "chosen,SUPPORTS": 2,
    "chosen,NOT ENOUGH INFO": 1,
  });
  assert.equal(scored[3]!["chosen"], null);
});

Deno.test("scoreFeverWritten() of fever-kilt takes the label and nothing else", () => {
  const variant = "fever-kilt";
  const items = claims(["SUPPORTS", "SUPPORTS", "REFUTES"], variant);
  const { metrics, counts } = scoreFeverWritten(items, [" SUPPORTS", "SUPPORTS.", "refutes"].map(written), {
    variant,
  });
  assert.equal(metrics["acc"], 1 / 3);
  assert.equal(counts["unparsed"], 2);
});

Deno.test("scoreFeverLikelihood() takes the most likely of the variant's labels, the first of equal ones", () => {
  for (const variant of ["fever-hl", "fever-3way_likelihood"] as const) {
    const { labels } = FEVER_VARIANTS[variant];
    const items = claims(labels, variant);
    const requests = feverLikelihoodRequests(items, { variant });
    assert.deepEqual(
      requests.slice(0, labels.length),
      labels.map((label) => ({
        context: "Claim: c\nLabel:",
        continuation: ` ${label}`,
      })),
    );
    const likelihoods = requests.map(() => ({ logProb: -1, tokens: 1 }));
    likelihoods[labels.length + 1] = { logProb: -0.5, tokens: 1 };
    const { metrics, items: scored } = scoreFeverLikelihood(items, likelihoods, { variant });
    assert.equal(metrics["acc"], 2 / labels.length);
    assert.deepEqual(scored.slice(0, 2).map(({ chosen }) => chosen), labels.slice(0, 2));
  }
});

Deno.test("scoreFeverWritten() warns of a model that always says the same", () => {
  const variant = "fever-3way";
  const items = claims(Array.from({ length: 30 }, (_, i) => FEVER_VARIANTS[variant].labels[i % 3]!), variant);
  const { warnings } = scoreFeverWritten(items, items.map(() => written("SUPPORTS")), { variant });
  assert.match(warnings.join(), /30 of 30 answers are "SUPPORTS"/);
});

async function load(variant: FeverVariant, rows: readonly object[]) {
  const root = await Deno.makeTempDir();
  try {
    const { repo, split } = FEVER_VARIANTS[variant];
    await Deno.mkdir(`${root}/${repo}`, { recursive: true });
    await Deno.writeTextFile(
      `${root}/${repo}/${split}.jsonl`,
      rows.map((row) => JSON.stringify(row) + "\n").join(""),
    );
    return await loadFever(new Mirror(root), { variant });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("loadFever() takes a claim once that has a row for each piece of evidence, and reads KILT's form", async () => {
  const row = { id: 7, claim: "c", label: "SUPPORTS" };
  const { name, data } = await load("fever-3way", [row, { ...row, evidence: 2 }, { ...row, id: 8 }]);
  assert.deepEqual([name, data.items.length], ["fever-3way-2-of-9999", 2]);
  const kilt = await load("fever-kilt", [{ id: "1", input: "k", output: [{ answer: "REFUTES" }] }]);
  assert.deepEqual([kilt.data.items[0]!.claim, kilt.data.items[0]!.label], ["k", "REFUTES"]);
});

Deno.test("loadFever() refuses a label that is none of the variant's", async () => {
  await assert.rejects(
    load("fever-hl", [{ id: 1, claim: "c", label: "SUPPORTS" }]),
    (error) => error instanceof UsageError && /line 1: the label is "SUPPORTS"/.test(error.message),
  );
});

testWith(sharedData, "loadFever() reads the balanced 9,999 claims", async (root) => {
  const { name, data } = await loadFever(new Mirror(root), { variant: "fever-3way" });
  assert.deepEqual([name, data.items.length], ["fever-3way", 9999]);
  const { labels } = FEVER_VARIANTS["fever-3way"];
  assert.deepEqual(labels.map((label) => data.items.filter((item) => item.label === label).length), [
    3333,
    3333,
    3333,
  ]);
});
