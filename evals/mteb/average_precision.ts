/**
 * Average precision of a ranking by scores, as `sklearn.metrics.average_precision_score` defines it.
 *
 * @module
 */

/**
 * Σ (R_n - R_{n-1}) P_n over the distinct scores from the highest to the lowest, with precision P and recall R of all items
 * that score at least as high. Equal scores are one step, so their order does not matter. NaN without a relevant item.
 *
 * @param scores higher means more relevant
 * @param relevant 1 for relevant items, 0 for others
 */
export function rankedAveragePrecision(scores: ArrayLike<number>, relevant: ArrayLike<number>): number {
  return countedAveragePrecision(scores, relevant)(new Uint8Array(scores.length).fill(1));
}

/**
 * The same where an item may count several times or not at all, for resampling: sorts once.
 *
 * @returns average precision of the items, each taken as often as `counts` says
 */
export function countedAveragePrecision(
  scores: ArrayLike<number>,
  relevant: ArrayLike<number>,
): (counts: ArrayLike<number>) => number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  return (counts) => {
    let taken = 0, hits = 0, sum = 0;
    for (let start = 0; start < order.length;) {
      const score = scores[order[start]!]!;
      let newHits = 0, end = start;
      for (; end < order.length && scores[order[end]!] === score; end++) {
        const i = order[end]!;
        taken += counts[i]!;
        newHits += counts[i]! * relevant[i]!;
      }
      hits += newHits;
      if (newHits > 0) sum += newHits * hits / taken;
      start = end;
    }
    return sum / hits;
  };
}
