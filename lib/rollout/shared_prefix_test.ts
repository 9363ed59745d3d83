import fc from "fast-check";
import { assert } from "#test";
import { packPrompts, PromptPacking } from "./shared_prefix.ts";

const common = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const other = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

Deno.test("packPrompts() puts the tokens that all prompts begin with first, once", () => {
  const { batch, prompts } = packPrompts([[...common, 20, 21], [...common, 30], [...common, 40, 41, 42]]);
  assert.deepEqual(
    prompts.map(({ shared, sharedStart, start, origin }) => [shared, sharedStart, start, origin]),
    [
      [9, 0, 9, 0],
      [9, 0, 11, 2],
      [9, 0, 12, 3],
    ],
  );
  assert.deepEqual([...batch.ids], [...common, 20, 21, 30, 40, 41, 42]);
  assert.deepEqual([...batch.positions].slice(9), [9, 10, 9, 9, 10, 11]);
  assert.deepEqual(batch.segments.map(({ parent }) => parent), [-1, 0, 0, 0]);
});

Deno.test("packPrompts() shares the beginning of each family, and none between families", () => {
  const { batch, prompts } = packPrompts([
    [...common, 20],
    [...common, 30],
    [...other, 20],
    [...other, 21],
    [...other, 22],
    [77],
  ]);
  assert.deepEqual(prompts.map(({ shared, sharedStart }) => [shared, sharedStart]), [
    [9, 0],
    [9, 0],
    [10, 11],
    [10, 11],
    [10, 11],
    [0, 24],
  ]);
  assert.deepEqual(batch.segments.map(({ parent }) => parent), [-1, 0, 0, -1, 3, 3, 3, -1]);
  assert.equal(batch.ids.length, 9 + 2 + 10 + 3 + 1);
});

Deno.test("packPrompts() shares less with more prompts where that saves more", () => {
  const long = [...common, ...other];
  const few = packPrompts([[...long, 1], [...long, 2], [...common, 3]]);
  assert.deepEqual(few.prompts.map(({ shared }) => shared), [19, 19, 0], "2 · 9 < 1 · 19");
  const many = packPrompts([[...common, 9, 5], [...common, 9, 6], [...common, 3]]);
  assert.deepEqual(many.prompts.map(({ shared }) => shared), [9, 9, 9], "2 · 9 > 1 · 10");
});

Deno.test("packPrompts() leaves every prompt a token of its own", () => {
  const { batch, prompts } = packPrompts([common, [...common, 20], common]);
  assert.deepEqual(prompts.map(({ shared, start }) => [shared, start]), [[8, 8], [8, 9], [8, 11]]);
  assert.deepEqual([...batch.ids.slice(8)], [9, 9, 20, 9]);
});

Deno.test("packPrompts() shares no more than it may", () => {
  const prompts = [[...common, 20], [...common, 30]];
  const sharedUpTo = (limit: number) => packPrompts(prompts, limit).prompts.map(({ shared }) => shared);
  assert.deepEqual([8, 7, 0].map(sharedUpTo), [[8, 8], [0, 0], [0, 0]]);
});

Deno.test("packPrompts() shares nothing where there is one prompt, or little in common", () => {
  for (const given of [[common], [[1, 2, 3], [1, 2, 3]], [common, [9, ...common]]]) {
    const { prompts, batch } = packPrompts(given);
    assert.deepEqual([...batch.ids], given.flat());
    assert.deepEqual(prompts.map(({ start }) => start), batch.segments.map(({ start }) => start));
    assert.ok(prompts.every(({ shared }) => shared === 0));
    assert.ok(batch.segments.every(({ parent }) => parent === -1));
  }
});

/** Prompts in families of a beginning each, with the most that each may share. */
const anyPrompts = fc.array(
  fc.tuple(
    fc.array(fc.nat(1), { maxLength: 12 }),
    fc.array(fc.tuple(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), fc.nat(30)), {
      minLength: 1,
      maxLength: 5,
    }),
  ),
  { minLength: 1, maxLength: 4 },
).map((families) =>
  families.flatMap(([beginning, ends]) =>
    ends.map(([end, limit]) => ({ ids: [...beginning, ...end], limit }))
  )
);

Deno.test("PromptPacking keeps every token of every prompt at its position, where its children see it", () => {
  fc.assert(
    fc.property(anyPrompts, (given) => {
      const packing = new PromptPacking();
      for (const { ids, limit } of given) packing.add(ids, limit);
      const { batch, prompts } = packing.pack();
      assert.equal(packing.rows, batch.ids.length);
      assert.ok(packing.rows <= given.reduce((sum, { ids }) => sum + ids.length, 0));
      given.forEach(({ ids, limit }, i) => {
        const { shared, sharedStart, start, origin } = prompts[i]!, own = ids.length - shared;
        const of = (list: Int32Array) => [
          ...list.slice(sharedStart, sharedStart + shared),
          ...list.slice(start, start + own),
        ];
        assert.ok(own >= 1 && shared <= limit && origin === start - shared);
        assert.deepEqual(of(batch.ids), ids);
        assert.deepEqual(of(batch.positions), ids.map((_, position) => position));
        const segment = batch.segments.find((one) => one.start === start)!;
        assert.deepEqual(segment.length, own);
        if (shared === 0) return assert.equal(segment.parent, -1);
        assert.deepEqual(batch.segments[segment.parent], { start: sharedStart, length: shared, parent: -1 });
      });
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("PromptPacking.rowsWith() counts what one more prompt makes of the stream, without its beginning", () => {
  fc.assert(
    fc.property(anyPrompts, (given) => {
      const packing = new PromptPacking();
      for (const { ids, limit } of given) {
        const counted = packing.rowsWith(ids, limit);
        packing.add(ids, limit);
        const { shared } = packing.pack().prompts.at(-1)!;
        assert.equal(counted, packing.rows - shared);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
