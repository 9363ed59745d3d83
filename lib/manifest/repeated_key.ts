/**
 * Keys that stand twice in one object of a JSON text: `JSON.parse` keeps the last of them and says nothing.
 *
 * @module
 */

/** Strings, and what objects and lists are made of; the rest of a JSON text cannot hold any of these. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/** An object or list that is open, and the keys of an object so far. */
interface Open {
  readonly keys: Set<string> | null;
  /** The key whose value is being read. */
  key: string;
}

/**
 * The first key that repeats one of its own object.
 *
 * @param text valid JSON
 * @returns its path, such as `train.steps`; undefined if there is none
 */
export function repeatedKey(text: string): string | undefined {
  const open: Open[] = [];
  let last = "";
  for (const [token] of text.matchAll(TOKENS)) {
    const inner = open.at(-1);
    if (token === "{" || token === "[") open.push({ keys: token === "{" ? new Set() : null, key: "" });
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && inner?.keys) {
      inner.key = JSON.parse(last);
      if (inner.keys.has(inner.key)) return open.map(({ key }) => key).filter(Boolean).join(".");
      inner.keys.add(inner.key);
    } else if (token.startsWith('"')) last = token;
  }
  return undefined;
}
