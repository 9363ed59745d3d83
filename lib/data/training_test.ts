import { assert, sharedData, testWith } from "#test";
import { UsageError } from "#errors";
import { pythonStrip } from "./python_strip.ts";
import { loadTexts, loadTriplets } from "./training.ts";

async function withText(text: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

const triplet = (change: Record<string, unknown>) =>
  JSON.stringify({ query: "q", positive: "p", negative: "n", source: "s", ...change });

Deno.test("loadTriplets() strips white space and keeps the order", async () => {
  await withText(
    `${triplet({ query: " \u0085q\t\n" })}\n${triplet({ negative: "\u3000other" })}\n`,
    async (path) => {
      const { rows, file } = await loadTriplets(path, { label: "train" });
      assert.deepEqual(rows, [
        { query: "q", positive: "p", negative: "n", source: "s" },
        { query: "q", positive: "p", negative: "other", source: "s" },
      ]);
      assert.equal(file.path, "train");
    },
  );
});

Deno.test("loadTriplets() names the line and column when a text is missing, blank or of another type", async () => {
  for (const value of [undefined, "", " \u2003 ", 5, null, ["q"]]) {
    await withText(`${triplet({})}\n${triplet({ positive: value })}\n`, async (path) => {
      await assert.rejects(
        loadTriplets(path),
        (error) => error instanceof UsageError && /line 2: column "positive"/.test(error.message),
      );
    });
  }
});

Deno.test("loadTriplets() does not need to know where a triplet is from", async () => {
  await withText(`${triplet({ source: undefined })}\n${triplet({ source: "" })}\n`, async (path) => {
    assert.deepEqual((await loadTriplets(path)).rows.map(({ source }) => source), ["", ""]);
  });
  await withText(`${triplet({ source: 5 })}\n`, async (path) => {
    await assert.rejects(loadTriplets(path), /line 1: column "source" must be a string, found 5/);
  });
});

Deno.test("loadTexts() refuses an empty file", async () => {
  await withText("", async (path) => {
    await assert.rejects(
      loadTexts(path),
      (error) => error instanceof UsageError && /no rows/.test(error.message),
    );
  });
});

Deno.test("pythonStrip() removes what Python's isspace() names and nothing else", () => {
  // ''.join(chr(c) for c in range(0x10000) if chr(c).isspace()) under Python 3.11.
  const spaces = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007" +
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";
  assert.equal(pythonStrip(`${spaces}a${spaces}b${spaces}`), `a${spaces}b`);
  assert.equal(pythonStrip(spaces), "");
  for (const kept of ["\ufeff", "\u200b", "\u180e", "\x1b"]) assert.equal(pythonStrip(kept), kept);
});

testWith(sharedData, "the training loaders read the real mirror files whole", async (root) => {
  const triplets = await loadTriplets(`${root}/mini/supervised-triplets/train.jsonl.gz`);
  assert.equal(triplets.rows.length, 4650);
  assert.equal(new Set(triplets.rows.map((row) => row.positive)).size, 4110);
  const texts = await loadTexts(`${root}/mini/wiki-sentences/train.jsonl.gz`);
  assert.equal(texts.rows.length, 14750);
});
