/**
 * Python's `str.strip()` and `str.split()`, which the reference implementations apply to texts. JavaScript's `trim()` is not the
 * same: it also removes U+FEFF, and keeps U+001C..U+001F and U+0085.
 *
 * @module
 */

/** Character class of what Python's `str.isspace()` holds for, which is also its `\s`. */
export const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING_CHARACTER = new RegExp(SPACE);

/** The text without leading and trailing characters for which Python's `str.isspace()` holds. */
export function pythonStrip(text: string): string {
  const start = text.replace(LEADING, "");
  // A loop and not /SPACE+$/, which takes quadratic time on long runs of blanks inside a text.
  let end = start.length;
  while (end > 0 && TRAILING_CHARACTER.test(start[end - 1]!)) end--;
  return start.slice(0, end);
}

const SPACES = new RegExp(`${SPACE}+`);

/** The words between runs of such characters; none of an empty text. */
export function pythonSplit(text: string): string[] {
  const stripped = pythonStrip(text);
  return stripped === "" ? [] : stripped.split(SPACES);
}
