import { assert } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { PythonRandom } from "./python_random.ts";

interface Sampling {
  seed: number;
  n: number;
  k: number;
  draws: number[][];
}

Deno.test("PythonRandom.sampleRange() draws as CPython does, on both sides of its pool limit", () => {
  for (const { seed, n, k, draws } of golden<{ sampling: Sampling[] }>("general/general.json").sampling) {
    const random = new PythonRandom(seed);
    for (const draw of draws) assert.deepEqual(random.sampleRange(n, k), draw, `seed ${seed}, ${k} of ${n}`);
  }
});

Deno.test("PythonRandom.sampleRange() refuses more than there is", () => {
  assert.throws(() => new PythonRandom(1).sampleRange(3, 4), RangeError);
});
