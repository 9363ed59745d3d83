import { assert, assertClose } from "#test";
import * as fc from "fast-check";
import { golden } from "../../fixtures/golden_data.ts";
import { passAtK } from "./pass_at_k.ts";

interface Triple {
  n: number;
  c: number;
  k: number;
  value: number;
}

Deno.test("passAtK() agrees with OpenAI's estimator", () => {
  const { humaneval } = golden<{ humaneval: { passAtK: Triple[] } }>("general/answers.json");
  for (const { n, c, k, value } of humaneval.passAtK) assertClose([passAtK(n, c, k)], [value], 1e-12);
});

Deno.test("passAtK() is the share that passed for one sample, and grows with k", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), fc.nat(), (n, some, other) => {
      const c = some % (n + 1), k = 1 + other % (n - 1);
      assertClose([passAtK(n, c, 1)], [c / n], 1e-12);
      assert.ok(passAtK(n, c, k + 1) >= passAtK(n, c, k) - 1e-12);
    }),
  );
});

Deno.test("passAtK() refuses more than there is", () => {
  for (const [n, c, k] of [[1, 2, 1], [3, 1, 4], [3, 1, 0], [3, -1, 1]] as const) {
    assert.throws(() => passAtK(n, c, k), RangeError);
  }
});
