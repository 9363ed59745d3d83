import { MissingError } from "#errors";
import { assert } from "#test";
import { VectorFile } from "./vector_file.ts";

Deno.test("VectorFile reads every row in any order, over the borders of its blocks", async () => {
  const path = await Deno.makeTempFile();
  try {
    const dimension = 1000, rows = 200;
    const values = Float32Array.from({ length: rows * dimension }, (_, i) => i);
    await Deno.writeFile(path, new Uint8Array(values.buffer));
    const file = new VectorFile(path, dimension);
    const expected = (row: number) => values.slice(row * dimension, (row + 1) * dimension);
    for (const row of [0, 1, 64, 65, 66, 199, 0, 131]) assert.deepEqual(file.row(row), expected(row));
    // A row that was handed out stays what it is when another block is read.
    const first = file.row(0);
    file.row(199);
    assert.deepEqual(first, expected(0));
    assert.equal(file.bytes(200).length, 0);
    await Deno.truncate(path, rows * dimension * 4 - 3);
    assert.equal(new VectorFile(path, dimension).bytes(199).length, dimension * 4 - 3);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("VectorFile.row() names the file that is not there", () => {
  assert.throws(
    () => new VectorFile("nowhere/embeddings.f32", 2).row(0),
    MissingError,
    "nowhere/embeddings.f32",
  );
});
