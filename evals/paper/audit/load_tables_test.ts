import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MissingError, UsageError } from "#errors";
import { assert } from "#test";
import { audit } from "./audit.ts";
import { loadTables, paperTables } from "./load_tables.ts";

const example = (name: string) => fileURLToPath(new URL(`../../../fixtures/audit/${name}`, import.meta.url));

Deno.test("paperTables() are every cell of Tables 1, 2, 4 and 5, at the digits that are printed", () => {
  const printed = paperTables().tables.filter(({ name }) => name.startsWith("Table "));
  assert.deepEqual(printed.map(({ name, rows }) => [name, rows.length]), [
    ["Table 1", 16],
    ["Table 2", 16],
    ["Table 4", 4],
    ["Table 5", 16],
  ]);
  for (const { rows } of printed) {
    for (const { scores, average } of rows) {
      for (const cell of [...scores, average]) assert.equal(cell?.decimals, 2);
    }
  }
});

Deno.test("the example in JSON holds the mistakes that were put into it", () => {
  const findings = audit(loadTables(example("own_tables.json"))).findings.filter(({ severity }) =>
    severity !== "note"
  );
  assert.deepEqual(findings.map(({ rule, table, row, column }) => [rule, table, row, column]), [
    ["average", "embedding", "SmolLM2-135M-Instruct, grace", "average"],
    ["mixed", "embedding", null, "average"],
    ["delta", "embedding", "SmolLM2-135M-Instruct, grace", "delta"],
    ["grim", "general", "SmolLM2-135M-Instruct, grace", "humaneval"],
    ["gain", "README", "GRACE gains 4.6 points", "average"],
  ]);
});

Deno.test("the example in CSV holds no mistake", () => {
  const { findings, rules } = audit(loadTables(example("own_table.csv")));
  assert.deepEqual(findings, []);
  assert.equal(rules.find(({ rule }) => rule === "delta")!.checked, 1);
});

Deno.test("loadTables() refuses what it cannot read", () => {
  assert.throws(() => loadTables("nowhere.json"), MissingError);
  assert.throws(
    () => loadTables("tables.xlsx"),
    (error) =>
      error instanceof UsageError && /"tables\.xlsx" is neither \.json nor \.csv/.test(error.message),
  );
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(join(folder, "t.csv"), new Uint8Array([0xff, 0xfe, 0x41]));
    assert.throws(() => loadTables(join(folder, "t.csv")), /is not UTF-8/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
