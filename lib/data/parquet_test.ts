import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { MissingError, UsageError } from "#errors";
import { digestFile } from "../manifest/hash.ts";
import type { JsonlRow } from "./jsonl.ts";
import { readRows } from "./rows.ts";

const folder = fileURLToPath(new URL("../../fixtures/golden/parquet/", import.meta.url));

async function rowsOf(path: string, options = {}): Promise<JsonlRow[]> {
  const rows: JsonlRow[] = [];
  await readRows(path, (row) => void rows.push(row), options);
  return rows;
}

for (const codec of ["none", "snappy", "gzip", "zstd"]) {
  Deno.test(`readRows() reads from Parquet what pyarrow does when it is packed as ${codec}`, async () => {
    const golden = JSON.parse(await Deno.readTextFile(`${folder}rows.json`)) as { rows: unknown[] };
    const rows = await rowsOf(`${folder}${codec}.parquet`);
    assert.deepEqual(rows.map(({ value }) => value), golden.rows);
    assert.deepEqual(rows.map(({ line }) => line), golden.rows.map((_, i) => i + 1));
  });
}

Deno.test("readRows() records a Parquet file as it is stored", async () => {
  const path = `${folder}zstd.parquet`;
  const file = await readRows(path, () => {}, { label: "x/test.parquet" });
  assert.deepEqual(file, { path: "x/test.parquet", ...digestFile(path), rows: 25 });
});

Deno.test("readRows() gives Parquet values as JSON would have them", async () => {
  const rows = (await rowsOf(`${folder}types.parquet`)).map(({ value }) => value);
  assert.deepEqual(rows, [
    { f: Math.fround(0.1), i: 1, t: "1970-01-01T00:00:00.000Z", d: "x", large: "p" },
    { f: 2.5, i: -2, t: "2023-11-14T22:13:20.000Z", d: "y", large: "q" },
  ]);
  await assert.rejects(
    rowsOf(`${folder}wide.parquet`),
    (error) =>
      error instanceof UsageError &&
      /row 1 \(row group 1\): column "n" holds 4611686018427387904/.test(error.message),
  );
});

Deno.test("readRows() names file and row group of a damaged Parquet file", async () => {
  const root = await Deno.makeTempDir();
  try {
    const whole = await Deno.readFile(`${folder}snappy.parquet`);
    const refused = async (bytes: Uint8Array, complaint: RegExp) => {
      await Deno.writeFile(`${root}/t.parquet`, bytes);
      await assert.rejects(
        rowsOf(`${root}/t.parquet`, { label: "d/t.parquet" }),
        (error) => error instanceof UsageError && complaint.test(error.message),
      );
    };
    await refused(whole.subarray(0, whole.length - 40), /^"d\/t.parquet" is damaged or not Parquet/);
    await refused(new Uint8Array(100), /^"d\/t.parquet" is damaged or not Parquet/);
    // A page of the third row group; more than half of this small file is its footer.
    const torn = whole.slice();
    torn.fill(0xff, Math.floor(whole.length * 0.36), Math.floor(whole.length * 0.4));
    await refused(torn, /^"d\/t.parquet" row group 3 \(rows 21 to 25\) is damaged/);
    await assert.rejects(rowsOf(`${root}/none.parquet`), MissingError);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
