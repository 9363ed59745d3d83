import { assert } from "#test";
import { UsageError } from "#errors";
import { strftime } from "./strftime.ts";

Deno.test("strftime() formats a day as Python does", () => {
  // python3 -c "import datetime; print(datetime.datetime(2024, 2, 9).strftime(...))"
  const cases: [string, string][] = [
    ["%d %b %Y", "09 Feb 2024"],
    ["%A, %B %-d, %Y", "Friday, February 9, 2024"],
    ["%a %e %m/%y %F %H:%M:%S %T %-m %%", "Fri  9 02/24 2024-02-09 00:00:00 00:00:00 2 %"],
  ];
  for (const [format, expected] of cases) assert.equal(strftime("2024-02-09", format), expected);
});

Deno.test("strftime() refuses a directive that it does not know", () => {
  assert.throws(() => strftime("2024-02-09", "%d %q"), { name: "UsageError", message: /"%q"/ });
});

Deno.test("strftime() refuses what is not a date", () => {
  for (const day of ["2024-02-30", "26 Jul 2024", "2024-7-26", ""]) {
    assert.throws(() => strftime(day, "%d"), UsageError);
  }
});
