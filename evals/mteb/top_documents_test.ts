import fc from "fast-check";
import { assert } from "#test";
import { rank } from "./retrieval.ts";
import { dot } from "./similarity.ts";
import { compareCodePoints, TopDocuments } from "./top_documents.ts";

/** Few distinct values, so that ties are common. */
const coarse = fc.integer({ min: -2, max: 2 }).map((i) => i / 3);

Deno.test("TopDocuments gives the hits of a full sort, the first ones and ranks, in whatever blocks the corpus comes", () => {
  const dimension = 3;
  fc.assert(fc.property(
    fc.array(fc.array(coarse, { minLength: dimension, maxLength: dimension }), {
      minLength: 1,
      maxLength: 60,
    }),
    fc.array(fc.array(coarse, { minLength: dimension, maxLength: dimension }), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.uniqueArray(fc.string({ maxLength: 3, unit: "binary" }), { minLength: 60, maxLength: 60 }),
    fc.integer({ min: 1, max: 70 }),
    fc.integer({ min: 1, max: 11 }),
    (documents, queries, ids, k, block) => {
      const top = new TopDocuments(Float32Array.from(queries.flat()), dimension, k, (index) => ids[index]!);
      for (let first = 0; first < documents.length; first += block) {
        top.add(Float32Array.from(documents.slice(first, first + block).flat()), first);
      }
      queries.forEach((query, q) => {
        const hits = documents.map((document, i) => ({
          id: ids[i]!,
          score: dot(Float32Array.from(query), Float32Array.from(document)),
        }));
        const ranking = top.ranking(q), expected = rank(hits).slice(0, k);
        assert.deepEqual(ranking.map(({ index, score }) => ({ id: ids[index]!, score })), expected);
        assert.deepEqual(top.first(q, block), ranking.slice(0, block));
        const ranks = documents.map((_, index) => top.rankOf(q, index));
        assert.deepEqual(
          ranks,
          ids.slice(0, ranks.length).map((id) => expected.findIndex((hit) => hit.id === id) + 1),
        );
        assert.equal(top.rankOf(q, -1), 0);
      });
    },
  ));
});

Deno.test("TopDocuments has the scores of its definition to the last bit, whatever a matrix product rounds", () => {
  const dimension = 300, documents = 600, queries = 3;
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31;
  const rows = new Float32Array(documents * dimension).map(next);
  const asked = new Float32Array(queries * dimension).map(next);
  // Query and some documents whose products lie half-way between two float32: 1 + 2⁻²⁴ and 1 + 3·2⁻²⁴.
  asked.fill(0, 0, dimension).set([1, 2 ** -12]);
  for (let i = 0; i < documents; i += 3) {
    rows.fill(0, i * dimension, (i + 1) * dimension).set([1, (1 + i % 2 * 2) * 2 ** -12], i * dimension);
  }
  const top = new TopDocuments(asked, dimension, documents, (index) => `${index}`);
  top.add(rows, 0);
  for (let query = 0; query < queries; query++) {
    for (const { index, score } of top.ranking(query)) {
      const row = (list: Float32Array, i: number) => list.subarray(i * dimension, (i + 1) * dimension);
      assert.equal(score, dot(row(asked, query), row(rows, index)));
    }
  }
});

Deno.test("compareCodePoints() orders as the bytes of UTF-8 do", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const compareBytes = (a: string, b: string) => {
    const x = bytes(a), y = bytes(b);
    for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
    return x.length - y.length;
  };
  const text = fc.string({ unit: "binary", maxLength: 4 });
  const both = fc.oneof(fc.tuple(text, text), fc.tuple(text, text).map(([a, b]) => [a, a + b] as const));
  fc.assert(
    fc.property(both, ([a, b]) => {
      assert.equal(Math.sign(compareCodePoints(a, b)), Math.sign(compareBytes(a, b)));
    }),
    { numRuns: 1000 },
  );
  assert.ok(compareCodePoints("\u{1f600}", "\uff5e") > 0);
});
