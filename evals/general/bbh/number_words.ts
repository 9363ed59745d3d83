/**
 * Numbers in English words, as lm-evaluation-harness reads them in answers of BBH: its pattern, and `word_to_num` of the
 * package word2number 1.1 that it hands the words to, with what is wrong in both. The pattern finds number words inside of
 * others ("ten" in "often"), and "six" to "nine" only before another one. The package reads "hundred twenty five" as
 * 100 * 20 + 5, and "two million three thousand" as 2,004,003.
 *
 * @module
 */
import { pythonSplit, SPACE } from "../../../lib/data/python_strip.ts";

const VALUES: ReadonlyMap<string, number> = new Map(
  [
    ...[
      "zero",
      "one",
      "two",
      "three",
      "four",
      "five",
      "six",
      "seven",
      "eight",
      "nine",
      "ten",
      "eleven",
      "twelve",
    ],
    ...["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
  ].map((word, value): [string, number] => [word, value]).concat([
    ...["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"].map((
      word,
      i,
    ): [string, number] => [word, 20 + 10 * i]),
    ["hundred", 100],
    ["thousand", 1e3],
    ["million", 1e6],
    ["billion", 1e9],
  ]),
);

const UNIT = "zero|one|two|three|four|five";
const STEM = "twen|thir|for|fif|six|seven|nine";
const LATER = "ten|eleven|twelve|fourteen|hundred|thousand|(?:m|b|tr)illion";
const BLANK = `(?![\\r\\n])${SPACE}`;
const NUMBER = `(?:(?:${UNIT}|(?:${STEM})(?:teen|ty)|eight(?:|een|y)|${LATER})` +
  `(?:${UNIT}|(?:${STEM})(?:|teen|ty)|eight(?:een|y)|${LATER}|${BLANK}|,|and|&)+)?` +
  `(?:${UNIT}|(?:${STEM})(?:teen|ty)|eight(?:een|y)|${LATER})`;

/** All runs of number words in a text that is in lower case, in their order. */
export function numberPhrases(text: string): string[] {
  return [...text.matchAll(new RegExp(NUMBER, "g"))].map(([phrase]) => phrase);
}

/** The number that a phrase is read as; null where the package raises an exception. */
export function phraseValue(phrase: string): number | null {
  const words = pythonSplit(phrase.replaceAll("-", " ")).filter((word) => VALUES.has(word));
  const [billion, million, thousand] = ["billion", "million", "thousand"].map((scale) =>
    words.indexOf(scale)
  );
  const repeated = ["billion", "million", "thousand"].some((scale) =>
    words.indexOf(scale) !== words.lastIndexOf(scale)
  );
  if (words.length === 0 || repeated || outOfOrder(billion!, million!, thousand!)) return null;
  if (words.length === 1) return VALUES.get(words[0]!)!;
  let sum = 0, from = 0;
  for (const [scale, at] of [[1e9, billion!], [1e6, million!], [1e3, thousand!]] as const) {
    if (at < 0) continue;
    const factor = groupValue(words.slice(from, at));
    if (factor === null) return null;
    sum += factor * scale;
    from = at + 1;
  }
  if (from === 0) return groupValue(words);
  // What is behind the smallest scale that is not the last word, with the smaller one that may be there.
  const inner = [thousand!, million!, billion!].find((at) => at >= 0 && at < words.length - 1);
  return inner === undefined ? sum : sum + groupValue(words.slice(inner + 1))!;
}

function outOfOrder(billion: number, million: number, thousand: number): boolean {
  return thousand >= 0 && (thousand < million || thousand < billion) || million >= 0 && million < billion;
}

/** The package's sum of up to four words: not always what they say. Of more the first; null of none. */
function groupValue(words: readonly string[]): number | null {
  const [a, b, c, d] = words.map((word) => VALUES.get(word)!);
  switch (words.length) {
    case 0:
      return null;
    case 4:
      return a! * b! + c! + d!;
    case 3:
      return a! * b! + c!;
    case 2:
      return a === 100 || b === 100 ? a! * b! : a! + b!;
    default:
      return a!;
  }
}
