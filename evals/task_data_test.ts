import fc from "fast-check";
import { assert } from "#test";
import { Corpus } from "./mteb/corpus.ts";
import { writeJson } from "./task_data.ts";

async function written(value: unknown): Promise<string> {
  let text = "";
  await writeJson(value, (piece) => text += piece);
  return text;
}

Deno.test("writeJson() writes the JSON of the whole, with maps as lists of pairs and a corpus as its documents", async () => {
  const plain = (value: unknown) =>
    JSON.stringify(value, (_key, inner) => inner instanceof Map ? [...inner] : inner);
  await fc.assert(
    fc.asyncProperty(
      fc.object({
        withMap: true,
        maxDepth: 4,
        values: [fc.string(), fc.double(), fc.constant(null), fc.boolean()],
      }),
      async (value) => {
        assert.equal(await written(value), plain(value));
      },
    ),
  );
  const judgements = new Map([["q", new Map([["d", 1]])]]);
  const data = {
    kind: "retrieval",
    queries: [{ id: "q", text: "é" }],
    judgements,
    absent: undefined,
    list: [undefined, 1],
  };
  assert.equal(await written(data), plain(data));
  const documents = [{ id: "1", text: "é" }, { id: "2", text: "\ud800" }];
  assert.equal(await written({ documents: Corpus.of(documents) }), plain({ documents }));
  assert.equal(await written(Corpus.of([])), "[]");
});
