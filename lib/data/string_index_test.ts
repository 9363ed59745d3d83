import fc from "fast-check";
import { assert } from "#test";
import { StringIndex } from "./string_index.ts";

Deno.test("StringIndex does what an array does: the strings in order, and the first place of each", () => {
  const string = fc.oneof(
    fc.string({ unit: "binary", maxLength: 6 }).map((text) => text.toWellFormed()),
    fc.constantFrom("", "a", "aa", "é", "\u{1f600}", "\ufeffid"),
    fc.nat(50).map((n) => `d${n}`),
  );
  fc.assert(
    fc.property(fc.array(string, { maxLength: 200 }), fc.array(string, { maxLength: 20 }), (list, others) => {
      const index = new StringIndex();
      list.forEach((text, i) => {
        const before = list.indexOf(text);
        assert.equal(index.push(text), before < i ? before : -1);
      });
      assert.equal(index.size, list.length);
      assert.deepEqual(list.map((_, i) => index.at(i)), list);
      for (const text of [...list, ...others]) assert.equal(index.find(text), list.indexOf(text));
    }),
  );
});

Deno.test("StringIndex finds strings that lie over the borders of its parts, and ones longer than a part", () => {
  const index = new StringIndex(), long = "x".repeat(3 << 20), count = 90_000;
  const idOf = (i: number) => `document number ${i}`;
  for (let i = 0; i < count; i++) index.push(idOf(i));
  index.push(long);
  for (let i = 0; i < count; i++) if (index.find(idOf(i)) !== i) assert.equal(index.find(idOf(i)), i);
  assert.equal(index.at(count - 1), idOf(count - 1));
  assert.ok(index.at(count) === long && index.find(long) === count);
  assert.equal(index.find(long.slice(1)), -1);
});

Deno.test("StringIndex takes its strings and some bytes more, and gives the memory back when it is disposed of", () => {
  const held = () => Deno.memoryUsage().external, count = 200_000, before = held();
  const index = new StringIndex();
  for (let i = 0; i < count; i++) index.push(`${i}`.padStart(22));
  // Memory is taken in parts of 1 and 4 MiB.
  const most = count * (22 + 4 + 12) + 5 * 2 ** 20;
  assert.ok(held() - before < most, `${(held() - before) / count} bytes a string`);
  index[Symbol.dispose]();
  assert.ok(held() - before < 2 ** 17, `${held() - before} bytes are left`);
  assert.deepEqual([index.size, index.find("7"), index.push("7"), index.at(0)], [0, -1, -1, "7"]);
});

Deno.test("StringIndex.at() refuses a place that is not there", () => {
  const index = new StringIndex();
  index.push("a");
  for (const place of [-1, 1, NaN]) assert.throws(() => index.at(place), RangeError);
});
