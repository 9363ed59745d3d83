import { assert } from "#test";
import { MissingError, NumericError, UsageError } from "#errors";
import { EmbeddingStore, readEmbeddings } from "./embedding_store.ts";
import type { Encoded } from "./encoder.ts";
import { GenerationStore, readGenerations } from "./generation_store.ts";
import { keyOf } from "./texts.ts";

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
    const [a, b] = ["a", "b"].map((text) => stored.row(text));
    assert.deepEqual(stored.vector(a!), new Float32Array([1, 2, 3]));
    assert.deepEqual(stored.vector(b!), new Float32Array([4, 5, 6]));
    const counts = { rationaleTokens: 5, truncatedRationales: 1, truncatedPrompt: true };
    assert.deepEqual(stored.counts(a!), { ...counts, rationales: 2, emptyRationales: 1 });
    assert.deepEqual(stored.counts(b!), { ...counts, rationales: 0, emptyRationales: 0 });
    assert.deepEqual([stored.row({ key: keyOf("b") }), stored.size], [b, 2]);
    assert.throws(() => stored.row("c"), MissingError);
  });
});

Deno.test("readEmbeddings() tells the results of a text behind two prompts apart", async () => {
  await withFolder((folder) => {
    {
      using store = EmbeddingStore.open(folder, encoder);
      store.add(["a"], [encoded(1, 2, 3)], "query: ");
      store.add(["a"], [encoded(4, 5, 6)]);
    }
    using store = EmbeddingStore.open(folder, encoder);
    assert.deepEqual([store.has("a", "query: "), store.has("a"), store.has("a", "other: ")], [
      true,
      true,
      false,
    ]);
    const stored = readEmbeddings(folder);
    assert.deepEqual([stored.row("a", "query: "), stored.row("a")], [0, 1]);
    assert.equal(stored.row({ key: keyOf("a") }, "query: "), 0);
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

Deno.test("EmbeddingStore.open() refuses another dimension", async () => {
  await withFolder((folder) => {
    {
      using store = EmbeddingStore.open(folder, encoder);
      store.add(["a"], [encoded(1, 2, 3)]);
    }
    assert.throws(() => EmbeddingStore.open(folder, { ...encoder, dimension: 4 }), UsageError);
  });
});

Deno.test("EmbeddingStore.open() forgets the texts whose rows a power cut took, cut short or zero, and no others", async () => {
  for (
    const [spoil, kept] of [
      [(path: string) => Deno.truncateSync(path, 29), ["a", "b"]],
      [(path: string) => Deno.truncateSync(path, 11), []],
      [(path: string) => {
        using file = Deno.openSync(path, { write: true });
        file.seekSync(12, Deno.SeekMode.Start);
        file.writeSync(new Uint8Array(24));
      }, ["a"]],
    ] as const
  ) {
    await withFolder(async (folder) => {
      const vectors = { a: encoded(1, 2, 3), b: encoded(4, 5, 6), c: encoded(7, 8, 9) };
      {
        using store = EmbeddingStore.open(folder, encoder);
        for (const [text, vector] of Object.entries(vectors)) store.add([text], [vector]);
      }
      spoil(`${folder}/embeddings.f32`);
      {
        using store = EmbeddingStore.open(folder, encoder);
        assert.deepEqual(["a", "b", "c"].filter((text) => store.has(text)), kept);
        for (const [text, vector] of Object.entries(vectors)) {
          if (!store.has(text)) store.add([text], [vector]);
        }
      }
      const stored = await readEmbeddings(folder);
      for (const [text, vector] of Object.entries(vectors)) {
        assert.deepEqual(stored.vector(stored.row(text)), vector.embedding);
      }
    });
  }
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
