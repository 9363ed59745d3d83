import { assert, assertClose } from "#test";
import { assertGradient, inner } from "./_gradient_test_helper.ts";
import { lmHead, lmHeadBackward, logSumExp } from "./lm_head.ts";
import { TestRandom } from "./random.ts";

const n = 4, vocab = 9, dim = 5, temperature = 0.7;
const random = new TestRandom(1);
const h = random.normals(n * dim), w = random.normals(vocab * dim), ids = Int32Array.of(3, 0, 8, 3);

Deno.test("logSumExp() stands huge scores and scores of minus infinity", () => {
  assertClose([logSumExp(Float64Array.of(1000, 1000, -Infinity))], [1000 + Math.log(2)], 1e-12);
});

Deno.test("lmHead() of a zero hidden row is the uniform distribution", () => {
  const { logProb, logSumExp, entropy } = lmHead(new Float64Array(dim), w, Int32Array.of(4), 0.5, 1);
  assertClose([logProb[0]!, logSumExp[0]!, entropy[0]!], [-Math.log(9), Math.log(9), Math.log(9)], 1e-14);
});

Deno.test("lmHead() gives probabilities that sum to 1 over the vocabulary", () => {
  let total = 0;
  for (let id = 0; id < vocab; id++) {
    total += Math.exp(lmHead(h, w, Int32Array.from(ids, () => id), temperature, n).logProb[1]!);
  }
  assert.ok(Math.abs(total - 1) < 1e-14);
});

Deno.test("lmHeadBackward() is the gradient of log-probabilities and entropies, at a temperature", () => {
  const dLogProb = random.normals(n), dEntropy = random.normals(n);
  const { dh, dw } = lmHeadBackward(h, w, ids, temperature, n, { dLogProb, dEntropy });
  const f = (h: Float64Array, w: Float64Array) => {
    const statistics = lmHead(h, w, ids, temperature, n);
    return inner(dLogProb, statistics.logProb) + inner(dEntropy, statistics.entropy);
  };
  assertGradient(f, [h, w], [dh, dw]);
});

Deno.test("lmHeadBackward() leaves the entropy out when it has no gradient", () => {
  const dLogProb = random.normals(n);
  const { dh, dw } = lmHeadBackward(h, w, ids, temperature, n, { dLogProb });
  assertGradient((h, w) => inner(dLogProb, lmHead(h, w, ids, temperature, n).logProb), [h, w], [dh, dw]);
});
