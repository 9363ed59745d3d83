import { MTEB_CATEGORIES } from "../../category.ts";
import { assert } from "#test";
import { column, table } from "./_tables.ts";
import { MOST_COLUMNS, ordersMatter, shiftedColumns } from "./column_order.ts";
import { averagedRows } from "./explain_average.ts";
import { declaredWeighting } from "./weighting.ts";

const mteb = Object.entries(MTEB_CATEGORIES).map(([name, tasks]) => column(name, { tasks }));
const shifts = (some: ReturnType<typeof table>) => shiftedColumns(some, averagedRows(some));

Deno.test("shiftedColumns() finds the order of other papers under the headings of this one", () => {
  const some = table(mteb, [
    " | RoBERTa | 62.63 29.05 56.95 41.92 8.62 55.24 28.64 | 37.86",
    " | Echo | 71.63 33.51 72.31 47.43 22.85 73.64 31.02 | 49.02",
  ]);
  const found = [...shifts(some).values()];
  assert.equal(found.length, 2);
  for (const { order, why } of found) {
    assert.deepEqual(order, Object.keys(MTEB_CATEGORIES).sort());
    assert.match(why, /of 5040 orders give it, only this one gives 2 rows, it is the alphabetical one$/);
  }
});

Deno.test("shiftedColumns() believes an order that two rows share, though it has no name", () => {
  // Retrieval and clustering were exchanged.
  const some = table(mteb, [
    "m | 1 | 44.73 54.85 49.42 79.64 68.25 74.65 30.10 | 58.70",
    "m | 2 | 36.21 43.88 38.95 52.02 53.87 56.39 28.43 | 45.59",
  ]);
  const found = [...shifts(some).values()];
  assert.equal(found.length, 2);
  assert.equal(found[0]!.order[0], "clustering");
  assert.equal(found[0]!.order[2], "retrieval");
  assert.match(found[0]!.why, /only this one gives 2 rows$/);
});

Deno.test("shiftedColumns() takes what chance gives one row for chance", () => {
  const some = table(mteb, ["m | 1 | 44.73 54.85 49.42 79.64 68.25 74.65 30.10 | 58.70"]);
  assert.equal(shifts(some).size, 0);
  const wrong = table(mteb, ["m | 1 | 44.73 54.85 49.42 79.64 68.25 74.65 30.10 | 99.00"]);
  assert.equal(shifts(wrong).size, 0);
});

Deno.test("ordersMatter() is false where no order changes the average, and where there are too many", () => {
  const equal = table([column("a"), column("b")], []);
  assert.equal(ordersMatter(equal, declaredWeighting(equal)), false);
  const many = table(
    Array.from({ length: MOST_COLUMNS + 1 }, (_, i) => column(`${i}`, { tasks: i + 1 })),
    [],
  );
  assert.equal(ordersMatter(many, declaredWeighting(many)), false);
  const few = table(mteb, []);
  assert.equal(ordersMatter(few, declaredWeighting(few)), true);
});
