/**
 * Which answers a model chose: one that always chooses the same has a score that says nothing of it.
 *
 * @module
 */

/** Fewer answers than these may be alike by chance. */
const FEWEST = 20;

/** Share above which a model chooses the same always. */
const ALWAYS = 0.95;

/** How often each answer was chosen, as the counts of a score, and a sentence if it is the same (nearly) always. */
export function chosenAnswers(
  chosen: readonly (string | null)[],
): { counts: Record<string, number>; warnings: string[] } {
  const counts: Record<string, number> = {};
  for (const answer of chosen) {
    if (answer !== null) counts[`chosen,${answer}`] = (counts[`chosen,${answer}`] ?? 0) + 1;
  }
  const [most] = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const read = chosen.filter((answer) => answer !== null).length;
  const constant = most !== undefined && read > FEWEST && most[1] > ALWAYS * read;
  return {
    counts,
    warnings: constant
      ? [
        `${most[1]} of ${read} answers are "${
          most[0].replace("chosen,", "")
        }": the score is that of a constant`,
      ]
      : [],
  };
}
