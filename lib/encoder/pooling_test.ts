import { assert, assertClose } from "#test";
import { type PoolingMode, poolTokens } from "./pooling.ts";

// Three tokens of two numbers.
const tokens = new Float32Array([1, 10, 2, -20, 6, 4]);
const pool = (mode: PoolingMode, skipped = 0) => poolTokens(tokens, 2, { modes: [mode] }, skipped);

Deno.test("poolTokens() pools by every mode", () => {
  const expected: [PoolingMode, number[]][] = [
    ["cls", [1, 10]],
    ["lasttoken", [6, 4]],
    ["max", [6, 10]],
    ["mean", [3, -2]],
    ["mean_sqrt_len_tokens", [9 / Math.sqrt(3), -6 / Math.sqrt(3)]],
    ["weightedmean", [(1 + 4 + 18) / 6, (10 - 40 + 12) / 6]],
  ];
  for (const [mode, values] of expected) assertClose(pool(mode), values, 1e-6, mode);
});

Deno.test("poolTokens() leaves out the tokens of a prompt, except where a mode takes one token by its place", () => {
  assertClose(pool("mean", 1), [4, -8], 0);
  assertClose(pool("max", 1), [6, 4], 0);
  assertClose(pool("mean_sqrt_len_tokens", 2), [6, 4], 0);
  // The weight of a token is that of its place, with the prompt.
  assertClose(pool("weightedmean", 1), [(4 + 18) / 5, (-40 + 12) / 5], 1e-6);
  assertClose(pool("cls", 1), [1, 10], 0);
});

Deno.test("poolTokens() puts several modes beside each other, in their order", () => {
  assertClose(poolTokens(tokens, 2, { modes: ["lasttoken", "cls"] }), [6, 4, 1, 10], 0);
});

Deno.test("poolTokens() does not hide a number that is none", () => {
  const broken = new Float32Array([1, 2, NaN, 3]);
  for (const mode of ["max", "mean"] as const) {
    assert.ok(Number.isNaN(poolTokens(broken, 2, { modes: [mode] })[0]), mode);
  }
});
