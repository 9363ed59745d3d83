import { assert } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import { sha256Hex } from "../../lib/manifest/hash.ts";
import { Pcg64 } from "./pcg64.ts";
import { stratifiedSample } from "./stratified_sample.ts";

interface Golden {
  readonly generators: { readonly seed: number; readonly raw: string[]; readonly permutation: number[] }[];
  readonly samples: {
    readonly labels: (string | number)[] | null;
    readonly period?: number;
    readonly n: number;
    readonly size: number;
    readonly rows: number[] | null;
    readonly sha256: string;
  }[];
}

const { generators, samples } = golden<Golden>("mteb/stratified.json");

Deno.test("Pcg64 draws what numpy's default_rng draws", () => {
  for (const { seed, raw, permutation } of generators) {
    const random = new Pcg64(seed);
    assert.deepEqual(raw.map(() => String(random.next64())), raw);
    assert.deepEqual(new Pcg64(seed).permutation(permutation.length), permutation);
  }
});

Deno.test("stratifiedSample() takes the rows that mteb's subsampling takes", () => {
  for (const { labels, period, n, size, rows, sha256 } of samples) {
    const all = labels ?? Array.from({ length: n }, (_, i) => Number(i % period! === 0));
    const taken = stratifiedSample(all, size, 42);
    if (rows !== null) assert.deepEqual(taken, rows);
    assert.equal(sha256Hex(taken.join(",")), sha256);
  }
});

Deno.test("stratifiedSample() takes all rows of a short split, and no side where labels tie for the last row", () => {
  assert.deepEqual(stratifiedSample(["a", "b", "a"], 3, 42), [0, 1, 2]);
  assert.throws(() => stratifiedSample([0, 0, 0, 1, 1, 1], 3, 42), UsageError);
});
