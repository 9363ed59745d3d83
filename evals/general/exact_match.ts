/**
 * The pieces of lm-evaluation-harness's `exact_match`: normalisation, and cutting at stop strings.
 *
 * @module
 */

/** What is removed or ignored before two answers are compared. */
export interface MatchRules {
  /** Patterns removed one after the other from both sides; each must have the g flag. */
  readonly ignored: readonly RegExp[];
  readonly ignorePunctuation: boolean;
}

/** Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** Whether two answers are equal under the rules; case is always ignored. */
export function exactMatch(prediction: string, reference: string, rules: MatchRules): boolean {
  return normalise(prediction, rules) === normalise(reference, rules);
}

function normalise(answer: string, rules: MatchRules): string {
  const kept = rules.ignored.reduce((text, pattern) => text.replace(pattern, ""), answer).toLowerCase();
  return rules.ignorePunctuation ? kept.replace(PUNCTUATION, "") : kept;
}

/** The text before the first occurrence of any stop string. */
export function cutAtStop(text: string, stops: readonly string[]): string {
  return stops.reduce((kept, stop) => {
    const at = kept.indexOf(stop);
    return at < 0 ? kept : kept.slice(0, at);
  }, text);
}
