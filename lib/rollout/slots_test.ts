import { assert } from "#test";
import { lengthClasses, slotsFor } from "./slots.ts";

/** A token of one sequence takes 8 · 4 · 2 · 32 = 2 KB of the cache: 256 MB hold 131,072. */
const small = { layers: 4, kvHeads: 2, headDim: 32 };
const hints = { mostSlots: 192, cacheBytes: 256 * 2 ** 20 };
const requests = (count: number, samples: number, maxNewTokens: number) =>
  Array.from({ length: count }, () => ({ prompt: [1, 2], samples, maxNewTokens }));

Deno.test("slotsFor() gives every sequence a slot while they pay and fit", () => {
  assert.equal(slotsFor(requests(20, 8, 30), small, hints, undefined), 160);
  assert.equal(slotsFor(requests(1000, 1, 30), small, hints, undefined), 192);
  assert.equal(slotsFor(requests(1000, 1, 1022), small, hints, undefined), 128);
  assert.equal(slotsFor(requests(1000, 1, 9000), small, hints, undefined), 48);
  const roomy = { mostSlots: 512, cacheBytes: 2 ** 31 };
  assert.equal(slotsFor(requests(1000, 1, 1022), small, roomy, undefined), 512);
});

Deno.test("slotsFor() keeps to what is asked for, but for the samples of one prompt", () => {
  assert.equal(slotsFor(requests(1000, 1, 30), small, hints, 7), 7);
  assert.equal(slotsFor(requests(1000, 8, 30), small, hints, 7), 8);
  assert.equal(slotsFor(requests(2, 60, 90_000), small, hints, undefined), 60);
  assert.equal(slotsFor(requests(3, 1, 30), small, hints, 7), 3);
  assert.equal(slotsFor([], small, hints, undefined), 1);
});

Deno.test("slotsFor() keeps long sequences below 1.5 GB, where the engine has no more room than that", () => {
  // 90,002 tokens take 184 MB.
  assert.equal(slotsFor(requests(1000, 1, 90_000), small, hints, undefined), 8);
  assert.equal(slotsFor(requests(1000, 1, 90_000), small, { ...hints, cacheBytes: 2 ** 32 }, undefined), 23);
});

Deno.test("lengthClasses() keeps all together while they have enough slots", () => {
  const some = [...requests(40, 1, 9000), ...requests(100, 1, 10)];
  assert.deepEqual(lengthClasses(some, small, hints), [some.map((_, i) => i)]);
  const few = [...requests(2, 3, 90_000), ...requests(2, 1, 10)];
  assert.deepEqual(lengthClasses(few, small, hints), [[0, 1, 2, 3]], "8 slots for 8 samples");
  assert.deepEqual(lengthClasses([], small, hints), []);
});

Deno.test("lengthClasses() parts long requests from those that are half as long, short ones first", () => {
  const lengths = [90_000, 5, 30_000, 50_000, 40_000, 10], all = lengths.flatMap((n) => requests(1, 10, n));
  assert.deepEqual(lengthClasses(all, small, hints), [[1, 5], [2, 4], [0, 3]]);
});

Deno.test("lengthClasses() takes the requests of a corpus, more than a call may have arguments", () => {
  const corpus = requests(400_000, 1, 30);
  assert.deepEqual(lengthClasses(corpus, small, hints).map(({ length }) => length), [corpus.length]);
});
