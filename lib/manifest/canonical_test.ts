import { isDeepStrictEqual } from "node:util";
import { assert } from "#test";
import { NumericError, UsageError } from "#errors";
import fc from "fast-check";
import { canonicalHash, canonicalJson } from "./canonical.ts";

/** The same JSON value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, entry]) => [key, reordered(entry)]));
}

const json = fc.jsonValue({ depthSize: "medium" }).map((value) =>
  JSON.parse(JSON.stringify(value)) as unknown
);

Deno.test("canonicalHash() is the same for any order of keys", () => {
  fc.assert(fc.property(json, (value) => canonicalHash(reordered(value)) === canonicalHash(value)));
});

Deno.test("canonicalHash() differs for values that differ", () => {
  fc.assert(fc.property(json, json, (a, b) => {
    fc.pre(!isDeepStrictEqual(a, b));
    return canonicalHash(a) !== canonicalHash(b);
  }));
});

Deno.test("canonicalJson() can be parsed back to the same value", () => {
  fc.assert(fc.property(json, (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), value)));
});

// RFC 8785 section 3.2.2 (the example) and 3.2.3 (the sorting example: UTF-16 code units, not code points).
Deno.test("canonicalJson() gives the texts of RFC 8785", () => {
  const example = {
    numbers: [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    literals: [null, true, false],
  };
  assert.equal(
    canonicalJson(example),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const keys = { "\u20ac": 5, "\r": 1, "\ufb33": 7, "1": 2, "\ud83d\ude00": 6, "\u0080": 3, "\u00f6": 4 };
  assert.deepEqual(Object.values(JSON.parse(canonicalJson(keys))).filter((v) => v !== 2), [1, 3, 4, 5, 6, 7]);
});

Deno.test("canonicalJson() fails, naming the place, when a value has no JSON text", () => {
  assert.throws(() => canonicalJson({ a: { b: [1, NaN] } }), (e) => {
    return e instanceof NumericError && e.message.includes('"a.b[1]" is NaN');
  });
  for (const value of [undefined, () => 1, 1n, new Float32Array(1), new Date(0)]) {
    assert.throws(() => canonicalJson({ value }), UsageError);
  }
});
