import { NumericError, UsageError } from "#errors";
import { assert } from "#test";
import { applyLengthPenalty, isTruncated } from "./length_penalty.ts";

const eos = { tokenizer: 2, generation: [2, 9] };

Deno.test("isTruncated() asks for the last token only when every slot is filled", () => {
  assert.equal(isTruncated([5, 5, 5], 4, eos, "all"), false);
  assert.equal(isTruncated([5, 5, 5, 5], 4, eos, "all"), true);
  assert.equal(isTruncated([5, 5, 5, 2], 4, eos, "all"), false);
});

Deno.test("isTruncated() takes another end token for a cut when only the tokenizer's counts (released code)", () => {
  assert.equal(isTruncated([5, 5, 5, 9], 4, eos, "tokenizer"), true);
  assert.equal(isTruncated([5, 5, 5, 9], 4, eos, "all"), false);
});

Deno.test("isTruncated() refuses an empty rationale and one that is too long", () => {
  assert.throws(() => isTruncated([], 4, eos, "all"), NumericError);
  assert.throws(() => isTruncated([1, 1, 1, 1, 2], 4, eos, "all"), UsageError);
});

Deno.test("applyLengthPenalty() replaces, subtracts, or leaves the reward", () => {
  const apply = (lengthPenalty: "replace" | "subtract" | "off", truncated = true) =>
    applyLengthPenalty(-4, truncated, { lengthPenalty, gamma: 1 });
  assert.equal(apply("replace"), -1, "the reference's hazard: being cut off pays");
  assert.equal(apply("subtract"), -5);
  assert.equal(apply("off"), -4);
  assert.equal(apply("replace", false), -4);
});

Deno.test("applyLengthPenalty() refuses a negative or infinite gamma", () => {
  for (const gamma of [-1, Infinity, NaN]) {
    assert.throws(() => applyLengthPenalty(0, false, { lengthPenalty: "subtract", gamma }), UsageError);
  }
});
