import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { sha256Hex } from "../lib/manifest/hash.ts";
import { GivenRationales } from "./given_rationales.ts";

async function reading(lines: readonly object[], use: (given: GivenRationales) => void = () => {}) {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(path, lines.map((line) => JSON.stringify(line) + "\n").join(""));
    use(await GivenRationales.read(path));
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("GivenRationales.read() finds rationales by the text and by its hash, one or several", async () => {
  await reading([
    { text: "a", rationale: "about a" },
    { sha256: sha256Hex("b"), rationales: ["x", "y"] },
    { text: "a", rationales: ["about a"] },
  ], (given) => {
    assert.deepEqual([given.of("a"), given.of("b"), given.size], [["about a"], ["x", "y"], 2]);
    assert.match(given.placeOf("b"), /^rationales: ".*\.jsonl" line 2$/);
    assert.match(given.placeOf("a"), /line 1$/);
    assert.throws(() => given.of("c"), MissingError);
  });
});

Deno.test("GivenRationales.read() reads what another evaluation stored", async () => {
  await reading([
    { schema: "grace-embeddings/2", encoder: "e", dimension: 4 },
    { text: sha256Hex("a"), embedding: "0", rationales: ["about a"], rationaleTokens: 2 },
  ], (given) => assert.deepEqual(given.of("a"), ["about a"]));
});

Deno.test("GivenRationales.read() refuses lines without a rationale, hashes that are none, and two minds about a text", async () => {
  const cases: [lines: object[], complaint: RegExp][] = [
    [[{ text: "a" }], /line 1: column "rationale"/],
    [[{ text: "a", rationales: [] }], /line 1 has no rationale/],
    [[{ sha256: "12", rationale: "r" }], /line 1: "12" is no SHA-256/],
    [[{ text: "a", rationale: "r" }, { text: "a", rationale: "s" }], /line 2 has other rationales/],
    [[], /holds no rationales/],
  ];
  for (const [lines, complaint] of cases) {
    await assert.rejects(
      reading(lines),
      (error) => error instanceof UsageError && complaint.test(error.message),
    );
  }
});
