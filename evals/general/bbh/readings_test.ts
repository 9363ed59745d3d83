import { assert } from "#test";
import { golden } from "../../../fixtures/golden_data.ts";
import { BBH_READINGS, type BbhVariant } from "./readings.ts";

type Row = [
  text: string,
  zeroFlexible: string | null,
  zeroFlexibleRight: number,
  zeroStrictRight: number,
  cotFlexible: string | null,
  cotFlexibleRight: number,
  cotStrictRight: number,
  cotStrict: string | null,
];

const { cases } = golden<{ cases: Record<string, { input: string; target: string; rows: Row[] }> }>(
  "general/bbh_zeroshot.json",
);

/** Stop strings are tried elsewhere; here they only bound the text as lm-eval's do. */
const cut = (text: string) => text.split(/<\/s>|Q:|<\|im_end\|>/)[0]!;

for (const [subtask, { input, target, rows }] of Object.entries(cases)) {
  Deno.test(`BBH_READINGS agree with lm-eval's zero-shot filters and exact match: ${subtask}`, () => {
    const read = (variant: BbhVariant, which: 0 | 1, text: string) => {
      const { answer, correct } = BBH_READINGS[variant][which]!.read(cut(text), { subtask, input, target });
      return { answer: answer ?? "[invalid]", right: Number(correct) };
    };
    for (const [text, zero, zeroRight, zeroStrictRight, cot, cotRight, cotStrictRight, cotStrict] of rows) {
      const what = JSON.stringify(text), flexible = read("zeroshot", 0, text);
      const reasoned = read("cot_zeroshot", 0, text), strict = read("cot_zeroshot", 1, text);
      // An exception of lm-eval, and a sorted list without words, are an answer that cannot be read.
      assert.deepEqual(flexible, { answer: zero || "[invalid]", right: zeroRight }, what);
      assert.deepEqual(reasoned, { answer: cot || "[invalid]", right: cotRight }, what);
      assert.equal(read("zeroshot", 1, text).right, zeroStrictRight, what);
      assert.deepEqual(strict, { answer: cotStrict || "[invalid]", right: cotStrictRight }, what);
    }
  });
}
