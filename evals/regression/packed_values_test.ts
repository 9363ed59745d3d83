import fc from "fast-check";
import { assert } from "#test";
import { packValues, unpackValues } from "./packed_values.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0));

Deno.test("unpackValues() gives back every bit of what packValues() packed, whatever its form", () => {
  const narrow = finite.map(Math.fround).filter((x) => Number.isFinite(x) && !Object.is(x, -0));
  for (const number of [finite, narrow, fc.constantFrom(0, 0.1, 1 / 3, 1)]) {
    fc.assert(fc.property(fc.array(fc.option(number, { nil: undefined }), { maxLength: 200 }), (values) => {
      assert.deepEqual(unpackValues(JSON.parse(JSON.stringify(packValues(values))), values.length), values);
    }));
  }
});

Deno.test("packValues() takes a letter for few different numbers, four bytes for similarities, eight for others", () => {
  const accuracies = Array.from({ length: 500 }, (_, i) => i % 11 / 10);
  const packed = packValues([...accuracies, undefined]);
  assert.equal(packed.levels, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 none");
  assert.equal(packed.lines.join("").length, 501);
  assert.ok(packed.lines.every((line) => line.length <= 96));
  const wide = Array.from({ length: 300 }, (_, i) => Math.sin(i));
  assert.equal(packValues(wide.map(Math.fround)).form, "float32");
  assert.equal(packValues(wide).form, "float64");
});

Deno.test("unpackValues() refuses what was damaged, and packValues() what is no number", () => {
  const packed = packValues([0, 1, 1]);
  assert.throws(() => unpackValues(packed, 4), /3 values of 4 items/);
  assert.throws(() => unpackValues({ ...packed, lines: ["ABZ"] }, 3), /"Z" is none of the levels/);
  assert.throws(() => unpackValues({ ...packed, levels: "0 x" }, 3), /no list of numbers/);
  assert.throws(() => unpackValues({ form: "float32", lines: ["AAAA"] }, 1), /3 bytes/);
  assert.throws(() => packValues([NaN]), /cannot hold NaN/);
});
