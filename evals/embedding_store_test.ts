import { assert } from "#test";
import { MissingError, NumericError, UsageError } from "#errors";
import { EmbeddingStore, readEmbeddings } from "./embedding_store.ts";
import type { Encoded } from "./encoder.ts";
import { GenerationStore, readGenerations } from "./generation_store.ts";

const encoder = { digest: "e1", dimension: 3 };
const encoded = (...values: number[]): Encoded => ({
  embedding: new Float32Array(values),
  rationales: ["why", ""],
  rationaleTokens: 5,
  truncatedRationales: 1,
  truncatedPrompt: true,
});

async function withFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readEmbeddings() returns what EmbeddingStore.add() was given", async () => {
  await withFolder((folder) => {
    {
      using store = EmbeddingStore.open(folder, encoder);
      // A view into a larger buffer: only its own values may be stored.
      const view = new Float32Array([9, 1, 2, 3, 9]).subarray(1, 4);
      store.add(["a", "b"], [{ ...encoded(), embedding: view }, { ...encoded(4, 5, 6), rationales: [] }]);
      assert.deepEqual([store.has("a"), store.has("b"), store.has("c")], [true, true, false]);
    }
    const stored = readEmbeddings(folder);
    assert.deepEqual([stored.encoder, stored.dimension], ["e1", 3]);
    assert.deepEqual(stored.get("a"), encoded(1, 2, 3));
    assert.deepEqual(stored.get("b"), { ...encoded(4, 5, 6), rationales: [] });
    assert.throws(() => stored.get("c"), MissingError);
  });
});

Deno.test("EmbeddingStore.add() refuses values that are not finite and results that break the contract", async () => {
  await withFolder((folder) => {
    using store = EmbeddingStore.open(folder, encoder);
    assert.throws(() => store.add(["a"], [encoded(1, NaN, 2)]), NumericError);
    assert.throws(() => store.add(["a"], [encoded(1, 2)]), /dimension is 3/);
    assert.throws(() => store.add(["a", "b"], [encoded(1, 2, 3)]), /1 results for 2 texts/);
    assert.equal(store.has("a"), false);
    assert.equal(Deno.statSync(`${folder}/embeddings.f32`).size, 0);
  });
});

Deno.test("EmbeddingStore.open() refuses another dimension, and records without embeddings", async () => {
  await withFolder((folder) => {
    {
      using store = EmbeddingStore.open(folder, encoder);
      store.add(["a"], [encoded(1, 2, 3)]);
    }
    assert.throws(() => EmbeddingStore.open(folder, { ...encoder, dimension: 4 }), UsageError);
    Deno.truncateSync(`${folder}/embeddings.f32`, 11);
    assert.throws(
      () => EmbeddingStore.open(folder, encoder),
      (error) => error instanceof UsageError && /holds fewer rows/.test(error.message),
    );
  });
});

Deno.test("GenerationStore tells requests apart by every field", async () => {
  await withFolder((folder) => {
    const request = { prompt: "p", stops: ["\n"], maxNewTokens: 5 };
    const likelihood = { context: "p", continuation: " A" };
    const answer = { text: "t", tokens: 2, stopped: "stop" as const };
    {
      using store = GenerationStore.open(folder, "g1");
      store.add([request], [answer]);
      store.add([likelihood], [{ logProb: -1.5, tokens: 1 }]);
      const others = [
        { ...request, prompt: "q" },
        { ...request, stops: [] },
        { ...request, maxNewTokens: 6 },
        { ...likelihood, continuation: " B" },
        { context: "", continuation: "p A" },
      ];
      assert.deepEqual([request, likelihood, ...others].map((r) => store.has(r)), [
        true,
        true,
        ...others.map(() => false),
      ]);
    }
    const stored = readGenerations(folder);
    assert.equal(stored.generator, "g1");
    assert.equal(stored.generation(request).text, "t");
    assert.equal(stored.likelihood(likelihood).logProb, -1.5);
    assert.throws(() => stored.likelihood({ ...likelihood, continuation: " C" }), MissingError);
  });
});

Deno.test("GenerationStore.add() refuses a log-probability that is not one", async () => {
  await withFolder((folder) => {
    using store = GenerationStore.open(folder, "g1");
    for (const logProb of [NaN, 0.5, -Infinity]) {
      assert.throws(
        () => store.add([{ context: "c", continuation: "d" }], [{ logProb, tokens: 1 }]),
        NumericError,
      );
    }
  });
});
