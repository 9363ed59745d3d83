import { UsageError } from "#errors";
import { assert } from "#test";
import { parseTablesCsv } from "./tables_csv.ts";

const example = `model,method,a,"b, ""quoted""",average,delta
#tasks,,2,3,,
#items,,,100|200,,
#baseline,Base
#decimals,2

m,Base,1.50,2,1.80,
m,"X
Y",1.00,,1.33,-0.10
`;

Deno.test("parseTablesCsv() reads columns, rows and what the columns are", () => {
  for (const text of [example, example.replaceAll("\n", "\r\n"), `\uFEFF${example.trimEnd()}`]) {
    const [table] = parseTablesCsv(text, "dir/results.csv").tables;
    assert.equal(table!.name, "results");
    assert.deepEqual(table!.columns.map(({ name, tasks, items }) => [name, tasks, items]), [
      ["a", 2, []],
      ['b, "quoted"', 3, [100, 200]],
    ]);
    assert.deepEqual(
      table!.rows.map(({ model, scores, average, delta }) => [model, ...scores, average, delta].map(String)),
      [
        ["m", "1.50", "2.00", "1.80", "null"],
        ["m", "1.00", "null", "1.33", "-0.10"],
      ],
    );
    assert.match(table!.rows[1]!.method, /^X\r?\nY$/);
  }
});

Deno.test("parseTablesCsv() does without models, averages and deltas", () => {
  const [table] = parseTablesCsv("method,a\nX,1\n", "t.csv").tables;
  assert.deepEqual(table!.rows.map(({ model, method, average }) => [model, method, average]), [[
    "",
    "X",
    null,
  ]]);
});

Deno.test("parseTablesCsv() names line and column of whatever is wrong", () => {
  const cases: [from: string, to: string, message: RegExp][] = [
    ["1.50", "1.5x", /line 7: "a": "1\.5x" is not a number as it is printed/],
    ["1.33", "133%", /line 8: "average": "133%" is not/],
    ["m,Base,1.50,2,1.80,", "m,Base,1.50,2,1.80", /line 7: 5 cells below 6 headings/],
    ["#tasks", "#task", /line 2: unknown line "#task", did you mean "#tasks"\?/],
    ["#items", "#tasks", /line 3: there is a line "#tasks" already/],
    ["#tasks,,2", "#tasks,,0", /line 2, "a": expected a whole number from 1/],
    ["100|200", "many", /line 3, "b, "quoted"": expected a whole number of at least 1, or a list/],
    ["#baseline,Base", "#baseline,Bas", /line 8, "delta": there is no row "m, Bas" to compare with/],
    ["#decimals,2", "#decimals,two", /line 5: expected a number/],
    ['"X\nY"', "Base", /line 8: there is a row "m, Base" already/],
    ["model,method", "model,methods", /line 1: there is no column "method"/],
    [",average,", ",a,", /line 1: there is a column "a" already/],
    [",average,", ",,", /line 1: a column has no name/],
    ['"X\nY"', '"X"Y', /line 8: a quotation mark is out of place/],
    ['"X\nY"', 'X"Y"', /line 8: a quotation mark is out of place/],
  ];
  for (const [from, to, message] of cases) {
    assert.ok(example.includes(from), from);
    assert.throws(() => parseTablesCsv(example.replace(from, to), "t.csv"), (error) => {
      assert.ok(error instanceof UsageError, `${to}: ${error}`);
      assert.match(error.message, /^"t\.csv" /);
      assert.match(error.message, message, to);
      return true;
    }, to);
  }
  assert.throws(() => parseTablesCsv("", "t.csv"), /line 1: the file is empty/);
  assert.throws(() => parseTablesCsv("method,a\n", "t.csv"), /expected at least one row/);
});
