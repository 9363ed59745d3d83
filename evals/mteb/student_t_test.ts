import { assertClose } from "#test";
import { correlationPValue, regularisedBeta } from "./student_t.ts";

Deno.test("correlationPValue() agrees with scipy", () => {
  // scipy.stats.spearmanr on the two examples of statistics_test.ts, and 2 * scipy.stats.t.sf(t, n - 2) elsewhere.
  const cases: [rho: number, n: number, p: number][] = [
    [0.6150136106446527, 8, 0.1046337394057846],
    [0.5970588235294118, 16, 0.014609731954981],
    [0.1, 3, 0.9362314391414803],
    [-0.9, 3, 0.2871325862574125],
    [0.35, 5, 0.5636394821727098],
    [-0.72, 16, 0.0016596020088570672],
    [0.05, 200, 0.48198436848550463],
    [0.999, 30, 2.4337102825806517e-39],
    [0, 9, 1],
    [1, 9, 0],
    [-1, 9, 0],
  ];
  for (const [rho, n, p] of cases) assertClose([correlationPValue(rho, n)], [p], 1e-12, `rho ${rho}, n ${n}`);
});

Deno.test("regularisedBeta() agrees with closed forms", () => {
  for (const x of [0.01, 0.3, 0.5, 0.8, 0.99]) {
    assertClose([regularisedBeta(x, 1, 4)], [1 - (1 - x) ** 4], 1e-14, `1, 4 at ${x}`);
    assertClose(
      [regularisedBeta(x, 0.5, 0.5)],
      [2 / Math.PI * Math.asin(Math.sqrt(x))],
      1e-13,
      `½, ½ at ${x}`,
    );
  }
});
