/**
 * Orders of prompts in which those that share much of their beginning are neighbours, so that it can be run once
 * (see `shared_prefix.ts`): the questions of a few-shot task, wherever a batch has them.
 *
 * @module
 */

/** Number of tokens that two prompts begin with alike. */
function commonPrefix(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && a[same] === b[same]) same++;
  return same;
}

/** Order of token sequences like that of words in a dictionary. */
function lexicographic(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const same = commonPrefix(a, b);
  return (a[same] ?? -1) - (b[same] ?? -1);
}

/** Indices of prompts in the order of their tokens, as words in a dictionary; equal ones keep their order. */
export function byBeginning(prompts: readonly ArrayLike<number>[]): number[] {
  return prompts.map((_, index) => index).sort((a, b) => lexicographic(prompts[a]!, prompts[b]!) || a - b);
}

/**
 * Indices of prompts with relatives together: two are relatives if they share at least half of the longer one, and so are
 * the relatives of relatives. Families come in the order of their longest prompt, and their prompts in that of their
 * lengths; equal ones keep their order.
 */
export function relativesTogether(prompts: readonly ArrayLike<number>[]): number[] {
  const at = (index: number) => prompts[index]!;
  const byLength = (a: number, b: number) => at(a).length - at(b).length || a - b;
  const families: number[][] = [];
  for (const index of byBeginning(prompts)) {
    const family = families.at(-1), before = family?.at(-1);
    const longer = before === undefined ? 0 : Math.max(at(before).length, at(index).length);
    if (before !== undefined && 2 * commonPrefix(at(before), at(index)) >= longer) family!.push(index);
    else families.push([index]);
  }
  for (const family of families) family.sort(byLength);
  return families.sort((a, b) => byLength(a.at(-1)!, b.at(-1)!)).flat();
}
