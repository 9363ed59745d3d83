import fc from "fast-check";
import { assert } from "#test";
import { packPrompts } from "./shared_prefix.ts";

const common = [1, 2, 3, 4, 5, 6, 7, 8, 9];

Deno.test("packPrompts() puts the tokens that all prompts begin with first, once", () => {
  const { batch, shared, starts } = packPrompts([[...common, 20, 21], [...common, 30], [
    ...common,
    40,
    41,
    42,
  ]]);
  assert.deepEqual([shared, starts], [9, [9, 11, 12]]);
  assert.deepEqual([...batch.ids], [...common, 20, 21, 30, 40, 41, 42]);
  assert.deepEqual([...batch.positions].slice(9), [9, 10, 9, 9, 10, 11]);
  assert.deepEqual(batch.segments.map(({ parent }) => parent), [-1, 0, 0, 0]);
});

Deno.test("packPrompts() leaves every prompt a token of its own", () => {
  const { shared, starts, batch } = packPrompts([common, [...common, 20], common]);
  assert.deepEqual([shared, starts], [8, [8, 9, 11]]);
  assert.deepEqual([...batch.ids.slice(8)], [9, 9, 20, 9]);
});

Deno.test("packPrompts() shares no more than it may", () => {
  const prompts = [[...common, 20], [...common, 30]];
  assert.equal(packPrompts(prompts, 8).shared, 8);
  assert.equal(packPrompts(prompts, 7).shared, 0);
  assert.equal(packPrompts(prompts, 0).shared, 0);
});

Deno.test("packPrompts() shares nothing where there is one prompt, or little in common", () => {
  for (const prompts of [[common], [[1, 2, 3], [1, 2, 3]], [common, [9, ...common]]]) {
    const { shared, starts, batch } = packPrompts(prompts);
    assert.equal(shared, 0);
    assert.deepEqual([...batch.ids], prompts.flat());
    assert.deepEqual(starts, batch.segments.map(({ start }) => start));
    assert.ok(batch.segments.every(({ parent }) => parent === -1));
  }
});

Deno.test("packPrompts() keeps every token of every prompt at its position", () => {
  const tokens = fc.array(fc.nat(3), { minLength: 1, maxLength: 12 });
  const prompts = fc.tuple(
    fc.array(fc.nat(3), { maxLength: 12 }),
    fc.array(tokens, { minLength: 1, maxLength: 5 }),
  )
    .map(([beginning, ends]) => ends.map((end) => [...beginning, ...end]));
  fc.assert(
    fc.property(prompts, fc.nat(14), (some, limit) => {
      const { batch, shared, starts } = packPrompts(some, limit);
      assert.ok(shared <= limit);
      some.forEach((ids, i) => {
        const own = ids.length - shared, at = starts[i]!;
        assert.ok(own >= 1);
        assert.deepEqual([...batch.ids.slice(0, shared), ...batch.ids.slice(at, at + own)], ids);
        assert.deepEqual(
          [...batch.positions.slice(0, shared), ...batch.positions.slice(at, at + own)],
          ids.map((_, position) => position),
        );
      });
    }),
    { seed: 1 },
  );
});
