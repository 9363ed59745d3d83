import { assert, assertClose } from "#test";
import { golden } from "../../fixtures/golden_data.ts";
import { moreThuente } from "./more_thuente.ts";

/** Functions 1 and 2 of section 5 of Moré and Thuente (1994) and a parabola, as in `golden/mteb/line_search.py`. */
const problems: [name: string, phi: (a: number) => number, slope: (a: number) => number][] = [
  ["-α/(α²+2)", (a) => -a / (a * a + 2), (a) => (a * a - 2) / (a * a + 2) ** 2],
  [
    "(α+β)⁵ - 2(α+β)⁴",
    (a) => (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
    (a) => 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
  ],
  ["(α-1)²", (a) => (a - 1) ** 2, (a) => 2 * (a - 1)],
];

interface Case {
  problem: number;
  first: number;
  steps: number[];
}

for (const { problem, first, steps } of golden<{ cases: Case[] }>("mteb/line_search.json").cases) {
  const [name, phi, slope] = problems[problem]!;
  Deno.test(`moreThuente() tries the steps that MINPACK-2 tries on ${name} from ${first}`, () => {
    const tried: number[] = [];
    const evaluate = (step: number) => {
      tried.push(step);
      return { step, value: phi(step), slope: slope(step) };
    };
    const found = moreThuente({ step: 0, value: phi(0), slope: slope(0) }, first, evaluate, 50);
    assertClose(tried, steps, 1e-9 * first + 1e-12, "steps");
    assert.equal(found?.step, tried.at(-1));
  });
}

Deno.test("moreThuente() gives up when its evaluations run out", () => {
  const evaluate = (step: number) => ({ step, value: step, slope: -1 });
  assert.equal(moreThuente({ step: 0, value: 0, slope: -1 }, 1, evaluate, 5), null);
});
