import { assert } from "#test";
import { UsageError } from "#errors";
import { RowIds } from "./row_ids.ts";

Deno.test("RowIds.take() refuses an id that an earlier row has, in whichever file, and says where", () => {
  const rowIds = new RowIds();
  const take = (file: string, line: number, id: unknown) =>
    rowIds.take({ line, value: { _id: id } }, { task: "T", file });
  assert.deepEqual([take("a", 1, "x"), take("a", 2, 7), take("b", 1, "y"), take("b", 2, "z")], [
    "x",
    "7",
    "y",
    "z",
  ]);
  const refuses = (file: string, line: number, id: string, place: string) =>
    assert.throws(
      () => take(file, line, id),
      (error) =>
        error instanceof UsageError &&
        error.message === `T: "${file}" line ${line} has the id "${id}" of ${place}`,
    );
  refuses("b", 3, "z", "line 2");
});

Deno.test("RowIds.take() names the other file if an id is there twice in two", () => {
  const rowIds = new RowIds();
  for (const [file, line, id] of [["a", 1, "x"], ["a", 2, "y"], ["b", 1, "z"]] as const) {
    rowIds.take({ line, value: { _id: id } }, { task: "T", file });
  }
  assert.throws(
    () => rowIds.take({ line: 1, value: { _id: "y" } }, { task: "T", file: "c" }),
    { message: 'T: "c" line 1 has the id "y" of "a" line 2' },
  );
});
