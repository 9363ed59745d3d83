import { assert } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { blasRowSums, blasSum, numpySum } from "./float32_sums.ts";

interface Golden {
  readonly cases: {
    readonly length: number;
    readonly numpy: number[];
    readonly dot: number[];
    readonly rows: Record<string, number[]>;
  }[];
}

/** The rows that `sums.py` makes. */
function rowsOf(length: number): Float32Array[] {
  let state = length;
  const next = () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
  return Array.from({ length: 7 }, () => Float32Array.from({ length }, next));
}

Deno.test("numpySum(), blasSum() and blasRowSums() add in the order of numpy and of OpenBLAS for AVX2, to the last bit", () => {
  const { cases } = golden<Golden>("clustering/sums.json");
  let other = 0;
  for (const { length, numpy, dot, rows } of cases) {
    const values = rowsOf(length);
    assert.deepEqual(values.map(numpySum), numpy, `numpy, ${length}`);
    assert.deepEqual(values.map(blasSum), dot, `dot, ${length}`);
    for (const [count, expected] of Object.entries(rows)) {
      assert.deepEqual(blasRowSums(values.slice(0, Number(count))), expected, `${count} rows of ${length}`);
    }
    other += values.filter((_, i) => dot[i] !== numpy[i] || dot[i] !== rows["7"]![i]).length;
  }
  // Otherwise nothing would have been shown.
  assert.ok(other > 20);
});
