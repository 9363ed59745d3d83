/**
 * The part of a split that mteb scores where it is too long: rows in the proportion of their labels.
 *
 * Reference: `Dataset.train_test_split(test_size, seed, stratify_by_column)` of datasets, which mteb 1.38.33 and 2 call for
 * ToxicConversationsClassification.
 *
 * @module
 */
import { UsageError } from "#errors";
import { Pcg64 } from "./pcg64.ts";

/**
 * Indices of the sampled rows, ascending; all rows if there are not more than `size`.
 *
 * @throws UsageError if labels have equal claims to the last row, which numpy settles by a draw that is not repeated here
 */
export function stratifiedSample(labels: readonly (string | number)[], size: number, seed: number): number[] {
  if (labels.length <= size) return labels.map((_, i) => i);
  const rows = new Map<string, number[]>();
  labels.forEach((label, i) => {
    const found = rows.get(String(label));
    if (found === undefined) rows.set(String(label), [i]);
    else found.push(i);
  });
  const classes = [...rows.keys()].sort((a, b) => a < b ? -1 : 1).map((label) => rows.get(label)!);
  const left = apportion(classes.map((members) => members.length), labels.length - size);
  const taken = apportion(classes.map((members, i) => members.length - left[i]!), size);
  const random = new Pcg64(seed);
  return classes.flatMap((members, i) =>
    random.permutation(members.length).slice(left[i], left[i]! + taken[i]!).map((place) => members[place]!)
  ).sort((a, b) => a - b);
}

/** `total` shared out in the proportion of `counts`: rounded down, and one more for those with the largest remainders. */
function apportion(counts: readonly number[], total: number): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => count / all * total);
  const shares = exact.map(Math.floor);
  const missing = total - shares.reduce((sum, share) => sum + share, 0);
  const remainders = exact.map((value, i) => value - shares[i]!);
  const order = counts.map((_, i) => i).sort((a, b) => remainders[b]! - remainders[a]!);
  const [last, next] = [order[missing - 1], order[missing]];
  if (last !== undefined && next !== undefined && remainders[last] === remainders[next]) {
    throw new UsageError(
      `a sample of ${total} of ${all} rows is not settled by their labels: two of them have equal remainders`,
      "score the whole split, or the part of it that the reference draws",
    );
  }
  for (const i of order.slice(0, missing)) shares[i]!++;
  return shares;
}
