import { assert, assertClose } from "#test";
import { column, row, table } from "./_tables.ts";
import { checkDeltas } from "./check_deltas.ts";

const pair = [column("a"), column("b")];
const against = (...rows: string[]) =>
  checkDeltas(table(pair, ["m | Base | 10.00 20.00 | 15.00", ...rows], { baseline: "Base" }));

Deno.test("checkDeltas() has nothing to say about deltas of cells and averages", () => {
  const { checked, findings } = against(
    "m | up | 10.50 20.51 | 15.51 | 0.51",
    "m | down | 9.00 20.00 | 14.50 | -0.50",
    "m | no delta | 1.00 1.00 | 99.00",
  );
  assert.deepEqual(findings, []);
  assert.equal(checked.delta, 2);
});

Deno.test("checkDeltas() finds a delta that only the printed averages give", () => {
  const [finding] = against("m | up | 10.20 20.14 | 15.34 | 0.34").findings;
  assert.equal(finding!.severity, "medium");
  assertClose([finding!.derived!, finding!.difference!], [0.17, 0.17], 1e-9);
  assert.equal(finding!.text, "from the cells of both rows; it is the difference of the printed averages");
});

Deno.test("checkDeltas() takes a delta of the other sign for worse", () => {
  const [finding] = against("m | up | 10.00 19.84 | 15.10 | 0.10").findings;
  assert.equal(finding!.severity, "major");
  assertClose([finding!.derived!], [-0.08], 1e-9);
  assert.match(finding!.text, /The sign is the other one$/);
});

Deno.test("checkDeltas() finds a delta that is not that of the printed averages", () => {
  const [finding] = against("m | up | 11.00 21.00 | 16.50 | 1.00").findings;
  assert.equal(finding!.text, "the printed averages differ by 1.50");
  const [both] = against("m | up | 11.00 21.00 | 16.50 | 2.00").findings;
  assert.match(both!.text, /^from the cells of both rows; the printed averages differ by 1\.50$/);
});

Deno.test("checkDeltas() compares with the baseline of the same model, and with what is there", () => {
  const rows = [
    "m | Base | 10.00 20.00 | 15.00",
    "n | Base | 50.00 - | 50.00",
    "n | up | 51.00 - | 51.00 | 1.00",
    "n | far | 51.00 - | 51.00 | 36.00",
  ];
  const { findings } = checkDeltas(table(pair, rows, { baseline: "Base" }));
  assert.deepEqual(findings.map(({ row }) => row), ["n, far"]);
});

Deno.test("checkDeltas() allows for a row that was rounded to fewer digits", () => {
  const four = ["a", "b", "c", "d"].map((name) => column(name));
  const base = "m | Base | 57.90 62.60 28.80 71.50 | 55.20";
  // The cells give 0.175, each of them known to 0.05 only.
  const some = (delta: string) =>
    checkDeltas(
      table(four, [base, row(`m | up | 58.10 62.80 29.00 71.60 | 55.40 | ${delta}`)], { baseline: "Base" }),
    );
  assert.deepEqual(some("0.20").findings, []);
  assert.equal(some("0.40").findings.length, 1);
});
