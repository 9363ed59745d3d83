import { assert } from "#test";
import { ApiError } from "./api_error.ts";
import { parseEmbeddingRequest } from "./embedding_request.ts";

const model = { id: "org/tiny", dimension: 4, rationales: true };
const parse = (fields: object, served = model) => parseEmbeddingRequest(JSON.stringify(fields), served, 3);
const asked = { model: "org/tiny", input: "a cat" };

Deno.test("parseEmbeddingRequest() reads what OpenAI's clients send", () => {
  const plain = { texts: ["a cat"], encoding: "float", rationales: false };
  assert.deepEqual(parse(asked), plain);
  assert.deepEqual(parse({ ...asked, user: "u-1", dimensions: 4, encoding_format: "float" }), plain);
  assert.deepEqual(parse({ ...asked, dimensions: null, encoding_format: null, rationales: null }), plain);
  assert.deepEqual(parse({ ...asked, input: ["a", "b"], encoding_format: "base64", rationales: true }), {
    texts: ["a", "b"],
    encoding: "base64",
    rationales: true,
  });
});

Deno.test("parseEmbeddingRequest() refuses what it does not understand, and names it", () => {
  const cases: [body: object | string, message: RegExp, param?: string, status?: number][] = [
    ["{", /the body is not JSON/],
    ["[]", /no JSON object/],
    ["null", /no JSON object/],
    [{ input: "a" }, /no model is named: this server has "org\/tiny"/, "model"],
    [{ ...asked, model: "text-embedding-3-small" }, /no model "text-embedding-3-small"/, "model", 404],
    [{ model: "org/tiny" }, /no input/, "input"],
    [{ ...asked, input: [] }, /input is empty/, "input"],
    [{ ...asked, input: " \n" }, /text 1 of input is blank/, "input"],
    [{ ...asked, input: ["a", ""] }, /text 2 of input is blank/, "input"],
    [{ ...asked, input: ["a", 7] }, /text 2 of input is 7/, "input"],
    [{ ...asked, input: null }, /text 1 of input is null/, "input"],
    [{ ...asked, input: [1, 2, 3, 4] }, /made of tokens/, "input"],
    [{ ...asked, input: [[1, 2], [3]] }, /made of tokens/, "input"],
    [{ ...asked, input: ["a", "b", "c", "d"] }, /has 4 texts, at most 3/, "input"],
    [{ ...asked, encoding_format: "int8" }, /encoding_format is "int8"/, "encoding_format"],
    [{ ...asked, dimensions: 2 }, /dimensions is 2, the embeddings of "org\/tiny" have 4/, "dimensions"],
    [{ ...asked, dimensions: "4" }, /dimensions is "4"/, "dimensions"],
    [{ ...asked, rationales: 1 }, /rationales is 1/, "rationales"],
    [{ ...asked, rationale: true }, /unknown field "rationale": did you mean "rationales"\?/, "rationale"],
    [{ ...asked, truncate: true }, /unknown field "truncate": allowed are model, input/, "truncate"],
    [`{"__proto__": {}, "model": "org/tiny", "input": "a"}`, /unknown field "__proto__"/, "__proto__"],
    [{ ...asked, encoding_format: "x".repeat(1000) }, /^.{0,200}$/, "encoding_format"],
  ];
  for (const [body, message, param, status = 400] of cases) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    assert.throws(() => parseEmbeddingRequest(text, model, 3), (error: unknown) => {
      assert.ok(error instanceof ApiError, text);
      assert.match(error.message, message);
      assert.equal(error.status, status, text);
      assert.equal(error.details.param, param, text);
      return true;
    });
  }
  assert.throws(
    () => parse({ ...asked, rationales: true }, { ...model, rationales: false }),
    /without rationales/,
  );
});
