import fc from "fast-check";
import { assert } from "#test";
import { streams } from "../conformance/attention_cases.ts";
import { visibleRows } from "../reference/attention.ts";
import { planAttention, Planner, tileFields, type Window } from "./attention_plan.ts";

/** Calls `see` for each (query row, head of the group, key row) that the tiles of a window make of it. */
function seenByTiles({ from, tiles }: Window, group: number, see: (pair: string) => void): void {
  for (const { list, pairs, count } of tiles) {
    assert.equal(list.length, tileFields * count);
    for (let at = 0; at < list.length; at += tileFields) {
      const [start, first, used, parent, before, keys] = list.subarray(at, at + tileFields);
      assert.ok(used! > 0 && used! <= pairs);
      for (let pair = first!; pair < first! + used!; pair++) {
        const own = Math.floor(pair / group), position = before! + own;
        assert.ok(position < keys!);
        for (let key = 0; key <= position; key++) {
          const row = key < before! ? parent! + key : start! + key - before!;
          see(`${from + start! + own}/${pair % group}/${from + row}`);
        }
      }
    }
  }
}

/** The same for the blocks of keys. */
function seenByBlocks({ from, keyBlocks }: Window, group: number, see: (pair: string) => void): void {
  const { list, ranges, count } = keyBlocks;
  assert.equal(list.length, 4 * count);
  for (let at = 0; at < list.length; at += 4) {
    const [firstKey, keys, firstRange, rangeCount] = list.subarray(at, at + 4);
    for (let r = firstRange!; r < firstRange! + rangeCount!; r++) {
      const [firstQuery, pairs, causal] = ranges.subarray(3 * r, 3 * r + 3);
      for (let key = firstKey!; key < firstKey! + keys!; key++) {
        for (let pair = 0; pair < pairs!; pair++) {
          const query = firstQuery! + Math.floor(pair / group);
          if (!causal || key <= query) see(`${from + query}/${pair % group}/${from + key}`);
        }
      }
    }
  }
}

Deno.test("planAttention() gives each query and each key the rows that see each other, once", () => {
  const cases = fc.record({ stream: streams, group: fc.integer({ min: 1, max: 7 }), slack: fc.nat(40) });
  fc.assert(fc.property(cases, ({ stream: { segments, n }, group, slack }) => {
    const expected = visibleRows(segments, n).flatMap((keys, row) =>
      Array.from({ length: group }, (_, head) => keys.map((key) => `${row}/${head}/${key}`)).flat()
    ).sort();
    // The longest family there can be has 20 + 2 + 3 · 12 rows.
    const { windows } = planAttention({ segments, total: n, group, maxRows: 58 + slack });
    for (const walk of [seenByTiles, seenByBlocks]) {
      const seen: string[] = [];
      for (const window of windows) {
        assert.ok(window.to - window.from <= 58 + slack);
        walk(window, group, (pair) => seen.push(pair));
      }
      assert.deepEqual(seen.sort(), expected);
    }
  }));
});

Deno.test("planAttention() says whether rows are left over", () => {
  const covers = (segments: { start: number; length: number }[], total: number) =>
    planAttention({
      segments: segments.map((segment) => ({ ...segment, parent: -1 })),
      total,
      group: 1,
      maxRows: 100,
    }).coversAll;
  assert.ok(covers([{ start: 3, length: 2 }, { start: 0, length: 3 }], 5));
  assert.ok(covers([], 0));
  assert.ok(!covers([{ start: 0, length: 4 }], 5));
  assert.ok(!covers([{ start: 1, length: 4 }], 5));
  assert.ok(!covers([{ start: 0, length: 2 }, { start: 2, length: 0 }, { start: 3, length: 2 }], 5));
});

Deno.test("planAttention() throws when a family is longer than a kernel can see", () => {
  const segments = [{ start: 0, length: 6, parent: -1 }, { start: 6, length: 5, parent: 0 }];
  const plan = (maxRows: number) => planAttention({ segments, total: 11, group: 1, maxRows });
  assert.equal(plan(11).windows.length, 1);
  assert.throws(() => plan(10), /rows \[0, 11\), a kernel sees 10 rows/);
});

Deno.test("planAttention() puts the work that takes longest first", () => {
  const segments = [
    { start: 0, length: 40, parent: -1 },
    { start: 40, length: 300, parent: -1 },
    { start: 340, length: 200, parent: 0 },
  ];
  const [window] = planAttention({ segments, total: 540, group: 1, maxRows: 1000 }).windows;
  const keys = window!.tiles[0]!.list.filter((_, i) => i % tileFields === 5);
  assert.deepEqual([...keys], [...keys].sort((a, b) => b - a));
  // The first rows of the long segment, which all 300 of its rows see.
  assert.equal(window!.keyBlocks.list[0], 40);
});

Deno.test("Planner makes a plan once for equal segments, and again when anything differs", () => {
  const planner = new Planner(), key = { total: 5, group: 2, maxRows: 9 };
  const plan = (length: number, more: Partial<typeof key> = {}) =>
    planner.plan({ ...key, ...more, segments: [{ start: 0, length, parent: -1 }] });
  const first = plan(4);
  assert.equal(plan(4), first);
  assert.notEqual(plan(3), first);
  for (const more of [{ total: 6 }, { group: 1 }, { maxRows: 8 }]) {
    const known = plan(4);
    assert.notEqual(plan(4, more), known);
  }
});
