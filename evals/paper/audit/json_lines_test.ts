import fc from "fast-check";
import { UsageError } from "#errors";
import { assert } from "#test";
import { parseNumberedJson } from "./json_lines.ts";
import { Printed } from "./printed.ts";

const text = `{
  "a": [1.50, {"b \\"{": "x}\\n,"},
    -2],
  "c": {},
  "d": [], "e": null, "f": true
}
`;

Deno.test("parseNumberedJson() keeps digits, and knows the line of every value", () => {
  const { value, lineOf } = parseNumberedJson(text, "t.json");
  const { a } = value as { a: [Printed, unknown, Printed] };
  assert.equal(a[0].text, "1.50");
  assert.equal(lineOf([]), 1);
  assert.equal(lineOf(["a", 0]), 2);
  assert.equal(lineOf(["a", 2]), 3);
  assert.equal(lineOf(["c"]), 4);
  assert.equal(lineOf(["c", "missing", 3]), 4);
  assert.equal(lineOf(["f"]), 5);
});

Deno.test("parseNumberedJson() reads what JSON.parse() reads", () => {
  const plain = (value: unknown): unknown =>
    value instanceof Printed
      ? value.value
      : Array.isArray(value)
      ? value.map(plain)
      : value !== null && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
      : value;
  assert.deepEqual(plain(parseNumberedJson(text, "t").value), JSON.parse(text));
  const anything = fc.jsonValue({ maxDepth: 4 }).map((value) =>
    JSON.stringify(
      value,
      (_, inner) => typeof inner === "number" ? Math.round(inner * 100) % 1e9 / 100 || 0 : inner,
    )
  );
  fc.assert(fc.property(anything, fc.constantFrom(0, 2), (json, indent) => {
    if (/[0-9]e[-+]?[0-9]/i.test(json)) return;
    const spaced = JSON.stringify(JSON.parse(json), null, indent);
    assert.deepEqual(plain(parseNumberedJson(spaced, "t").value), JSON.parse(json));
  }));
});

Deno.test("parseNumberedJson() names the line of what it refuses", () => {
  const cases: [json: string, message: RegExp][] = [
    ['{\n"a": 1e2}', /^"t\.json" line 2: 1e2 is not a number as it is printed/],
    ['{"a": 1,\n\n"a": 2}', /^"t\.json" line 3: the key "a" is there twice/],
    ['{\n"a": 1,\n}', /^"t\.json" is not JSON: .*line 3/],
    ["", /^"t\.json" is not JSON/],
  ];
  for (const [json, message] of cases) {
    assert.throws(() => parseNumberedJson(json, "t.json"), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});
