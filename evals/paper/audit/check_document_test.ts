import { UsageError } from "#errors";
import { assert } from "#test";
import { parseTablesJson } from "./load_tables.ts";

const example = `{
  "schema": "grace-repro/tables/1",
  "source": "a test",
  "tables": [
    {
      "name": "T",
      "baseline": "Base",
      "columns": [{ "name": "a", "tasks": 2 }, { "name": "b", "items": [3, 4], "runs": 2 }],
      "rows": [
        { "model": "m", "method": "Base", "scores": { "a": 1.50, "b": null } },
        { "model": "m", "method": "X", "scores": { "b": 2.0, "a": 1.00 }, "average": 1.33, "delta": 0.10 }
      ]
    }
  ],
  "claims": [
    { "kind": "improves", "where": "p. 1", "text": "better", "table": "T", "steps": ["Base", "X"] }
  ]
}
`;

Deno.test("parseTablesJson() fills in what is left out, and puts scores in the order of the columns", () => {
  const [table] = parseTablesJson(example, "t.json").tables;
  assert.deepEqual([table!.fullScore, table!.weighting, table!.baseline], [100, "tasks", "Base"]);
  assert.deepEqual(table!.columns.map(({ tasks, items, runs }) => [tasks, items, runs]), [[2, [], 1], [1, [
    3,
    4,
  ], 2]]);
  assert.deepEqual(table!.rows[1]!.scores.map(String), ["1.00", "2.0"]);
  assert.equal(table!.rows[0]!.scores[1], null);
  assert.equal(table!.rows[0]!.average, null);
});

Deno.test("parseTablesJson() restores zeros that a program dropped, if the table says how many digits it has", () => {
  const text = example.replace('"baseline"', '"decimals": 2, "baseline"');
  assert.deepEqual(parseTablesJson(text, "t.json").tables[0]!.rows[1]!.scores.map(String), ["1.00", "2.00"]);
});

Deno.test("parseTablesJson() names line and field of whatever is wrong", () => {
  const cases: [from: string, to: string, message: RegExp][] = [
    ['"source": "a test"', '"source": ""', /line 3, "source": must not be empty/],
    ["tables/1", "tables/2", /line 2, "schema": expected "grace-repro\/tables\/1"/],
    [
      '"baseline"',
      '"baselin"',
      /line 7, "tables\.0\.baselin": unknown key "baselin", did you mean "baseline"\?/,
    ],
    ['"runs"', '"run"', /line 8, "tables\.0\.columns\.1\.run": unknown key "run", did you mean "runs"\?/],
    ['"tasks": 2', '"tasks": 0', /line 8, .*expected a whole number from 1/],
    ['"tasks": 2', '"tasks": 1.5', /expected a whole number/],
    ["[3, 4]", "[]", /expected at least one size/],
    ["[3, 4]", "[3, 0]", /expected a whole number from 1/],
    ["[3, 4]", '"all"', /expected a whole number of at least 1, or a list/],
    ["1.50", '"1.50"', /line 10, "tables\.0\.rows\.0\.scores\.a": expected a number/],
    ["1.50", "1e2", /line 10: 1e2 is not a number as it is printed/],
    ['"b": 2.0', '"c": 2.0', /line 11, .*unknown column "c".*no score for "b"; write null/],
    ['"b": 2.0, ', "", /line 11, "tables\.0\.rows\.1\.scores": no score for "b"/],
    ['"method": "X"', '"method": "Base"', /line 11, "tables\.0\.rows\.1": there is a row "m, Base" already/],
    ['"name": "b"', '"name": "a"', /there is a column "a" already/],
    ['"name": "b"', '"name": "average"', /a column cannot be called "average"/],
    [
      '"baseline": "Base",',
      "",
      /line 11, "tables\.0\.rows\.1\.delta": a delta, but the table names no "baseline"/,
    ],
    ['"baseline": "Base"', '"baseline": "Bass"', /there is no row "m, Bass" to compare with/],
    ['["Base", "X"]', '["Base", "Y"]', /line 16, "claims\.0\.steps\.1": unknown method "Y"/],
    ['["Base", "X"]', '["Base"]', /at least two methods/],
    ['"table": "T"', '"table": "U"', /line 16, "claims\.0\.table": unknown table "U"/],
    ['"improves"', '"worsens"', /line 16, "claims\.0\.kind": expected a claim/],
    [
      "1.33, ",
      '1.33, "copyOf": { "table": "V", "method": "X" }, ',
      /"tables\.0\.rows\.1\.copyOf\.table": unknown table/,
    ],
    ["1.33, ", '1.33, "copyOf": { "table": "T", "method": "X" }, ', /table "T" has no row "X"/],
    [
      '"improves", "where": "p. 1", "text": "better", "table": "T", "steps": ["Base", "X"]',
      '"meanGain", "where": "p. 1", "text": "b", "table": "T", "printed": 1, "unit": "points", "from": "Base", "to": "X"',
      /line 16, "claims\.0": no model has averages of both "Base" and "X"/,
    ],
    [
      '"improves", "where": "p. 1", "text": "better", "table": "T", "steps": ["Base", "X"]',
      '"greater", "where": "p. 1", "text": "b", "higher": {"table": "T", "model": "m", "method": "X", "column": "c"}, ' +
      '"lower": {"table": "T", "model": "m", "method": "Base", "column": "b"}',
      /"claims\.0\.higher\.column": unknown column "c".*"claims\.0\.lower": that cell is empty/,
    ],
  ];
  for (const [from, to, message] of cases) {
    assert.ok(example.includes(from), from);
    assert.throws(() => parseTablesJson(example.replace(from, to), "t.json"), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, /^"t\.json" /);
      assert.match(error.message, message, to);
      return true;
    }, to);
  }
});

Deno.test("parseTablesJson() tells five problems and counts the others", () => {
  const rows = Array.from({ length: 9 }, (_, i) => `{ "method": "${i}", "scores": { "a": "x" } }`);
  const text =
    `{"schema": "grace-repro/tables/1", "source": "s", "tables": [{"name": "T", "columns": [{"name": "a"}],
    "rows": [${rows.join(",")}]}]}`;
  assert.throws(() => parseTablesJson(text, "t.json"), /; and 4 more$/);
});

Deno.test("parseTablesJson() takes names of the prototype for names", () => {
  const text = example.replaceAll('"a"', '"constructor"').replaceAll('"b"', '"toString"');
  assert.deepEqual(parseTablesJson(text, "t.json").tables[0]!.rows[1]!.scores.map(String), ["1.00", "2.0"]);
});
