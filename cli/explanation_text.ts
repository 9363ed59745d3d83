/**
 * An explanation as text for people.
 *
 * @module
 */
import type { ExplainedTerm, ExplainedToken, Explanation, TokenPart } from "./explanation.ts";
import { layOut, oneLine } from "./table.ts";

/** Characters of tokens on one line. */
const tokenColumns = 84;

const termNames = {
  positive: "positive",
  negative: "negative",
  consistency: "consistency",
  crossGroup: "cross-group",
} as const;

/** Lines for stdout. */
export function renderExplanation(explanation: Explanation): string[] {
  const { template, systemTokens, tokens, queryRationale, negativeRationale, rationales, terms } =
    explanation;
  const pooled = tokens.filter((token) => token.pooled).length;
  const number = (value: number) => value.toFixed(4);
  return [
    "The positive in the chat template:",
    ...template.split("\n").map((line) => `  | ${line}`.trimEnd()),
    "",
    `Tokens of it and its first rationale: ${pooled} of ${tokens.length} are pooled; ` +
    `the first ${systemTokens} (L_sys) never are.`,
    ...layOut([["part", "tokens", "pooled", ""], ...tokenRows(tokens)]),
    "",
    `Query's rationale: ${oneLine(queryRationale)}`,
    `Negative's rationale: ${oneLine(negativeRationale)}`,
    "",
    "Rationales of the positive:",
    ...rationales.map(({ rationale, tokens, truncated }, i) =>
      `  ${i + 1} (${tokens} tokens${truncated ? ", cut off" : ""}): ${oneLine(rationale)}`
    ),
    "",
    ...layOut([
      ["rationale", "positive", "negative", "consistency", "reward", "advantage"],
      ...rationales.map((one, i) => [
        String(i + 1),
        ...[one.positive, one.negative, one.consistency, one.reward, one.advantage].map(number),
      ]),
    ], new Set([1, 2, 3, 4, 5])),
    "",
    "What the advantage sees of the reward:",
    ...layOut(terms.map(termRow)).map((line) => `  ${line}`),
    ...explanation.remarks.map((remark) => `Remark: ${oneLine(remark)}`),
  ];
}

function termRow({ term, weight, deviation, cancels, why }: ExplainedTerm): string[] {
  return [
    termNames[term],
    `weight ${weight}`,
    deviation === null ? "absent" : `deviation ${deviation.toFixed(4)}`,
    `${cancels ? "CANCELS" : "counts"}: ${why}`,
  ];
}

/** One row for each part, with as many further rows as its tokens need. */
function tokenRows(tokens: readonly ExplainedToken[]): string[][] {
  const rows: string[][] = [];
  for (let start = 0; start < tokens.length;) {
    const { part, pooled } = tokens[start]!;
    let end = start;
    while (end < tokens.length && tokens[end]!.part === part) end++;
    const lines = wrap(tokens.slice(start, end).map(({ token }) => visible(token)));
    lines.forEach((line, i) =>
      rows.push(
        i === 0 ? [partNames[part], `${start}..${end - 1}`, pooled ? "yes" : "no", line] : ["", "", "", line],
      )
    );
    start = end;
  }
  return rows;
}

const partNames: Record<TokenPart, string> = {
  system: "system (L_sys)",
  text: "text",
  suffix: "template's suffix",
  rationale: "rationale",
  eos: "end of sequence",
};

/** A token on one line, spaces visible. */
function visible(token: string): string {
  return token.replaceAll("\n", "⏎").replaceAll(" ", "␣").replace(/\p{Cc}/gu, "\uFFFD");
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= tokenColumns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
