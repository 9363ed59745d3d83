/**
 * Heaps of hits with the worst one in front, many in one pair of arrays: the score and the place in the corpus of each hit, those
 * of one heap side by side.
 *
 * @module
 */

/** Hits of all heaps. */
export interface Hits {
  readonly scores: Float32Array;
  /** Places in the corpus. */
  readonly indices: Int32Array;
  /** Name of a document by its place, which decides between equal scores: the smaller one is worse. */
  readonly idOf: (index: number) => string;
}

/** trec_eval's order: by score, and of equal scores by id in byte order. */
export function isWorse(
  score: number,
  index: number,
  otherScore: number,
  otherIndex: number,
  idOf: Hits["idOf"],
): boolean {
  if (score !== otherScore) return score < otherScore;
  return compareCodePoints(idOf(index), idOf(otherIndex)) < 0;
}

/** Makes a heap of the `size` hits from place `base` on, whatever their order is. */
export function makeHeap(hits: Hits, base: number, size: number): void {
  const { scores, indices } = hits;
  for (let at = (size >> 1) - 1; at >= 0; at--) {
    sink(hits, base, size, at, scores[base + at]!, indices[base + at]!);
  }
}

/** Puts a hit in the place of the worst one of a heap. */
export function replaceWorst(hits: Hits, base: number, size: number, score: number, index: number): void {
  sink(hits, base, size, 0, score, index);
}

/** Puts a hit at a place of which both branches are heaps, and moves it down to where it belongs. */
function sink(
  { scores, indices, idOf }: Hits,
  base: number,
  size: number,
  at: number,
  score: number,
  index: number,
) {
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    let worst = base + child;
    const other = worst + 1;
    if (child + 1 < size && isWorse(scores[other]!, indices[other]!, scores[worst]!, indices[worst]!, idOf)) {
      worst = other;
    }
    if (!isWorse(scores[worst]!, indices[worst]!, score, index, idOf)) break;
    scores[base + at] = scores[worst]!;
    indices[base + at] = indices[worst]!;
    at = worst - base;
  }
  scores[base + at] = score;
  indices[base + at] = index;
}

/** strcmp of the UTF-8 forms, which is the order of code points: negative if `a` comes first. */
export function compareCodePoints(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    // Halves of code points above U+FFFF, D800 to DFFF, come behind E000 to FFFF.
    return place(x) - place(y);
  }
  return a.length - b.length;
}

function place(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
