import fc from "fast-check";
import { assert } from "#test";
import { jsonPieces } from "./task_data.ts";

Deno.test("jsonPieces() are the JSON of the whole, with maps as lists of pairs", () => {
  const plain = (value: unknown) =>
    JSON.stringify(value, (_key, inner) => inner instanceof Map ? [...inner] : inner);
  fc.assert(
    fc.property(
      fc.object({
        withMap: true,
        maxDepth: 4,
        values: [fc.string(), fc.double(), fc.constant(null), fc.boolean()],
      }),
      (value) => {
        assert.equal([...jsonPieces(value)].join(""), plain(value));
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
  assert.equal([...jsonPieces(data)].join(""), plain(data));
});
