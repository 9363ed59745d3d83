/**
 * The best documents of each query, found while the corpus goes by in blocks: memory is that of the queries, of one block and of
 * `k` hits for each query, however many documents there are.
 *
 * Exact: the same hits in the same order as sorting all documents gives, ties included, and in whatever blocks they come.
 *
 * @module
 */

/** A document among the best of a query. */
export interface TopDocument {
  /** Its place in the corpus, from 0. */
  readonly index: number;
  /** Dot product with the query, in float32. */
  readonly score: number;
}

/** The `k` best documents of each query so far. */
export class TopDocuments {
  readonly #queries: Float32Array;
  readonly #dimension: number;
  readonly #k: number;
  readonly #idOf: (index: number) => string;
  readonly #count: number;
  /** A heap for each query with its worst hit in front: [queries, k]. */
  readonly #scores: Float32Array;
  readonly #indices: Int32Array;
  readonly #sizes: Int32Array;

  /**
   * @param queries [queries, dimension], row by row
   * @param k documents kept for each query
   * @param idOf name of a document by its place in the corpus, which decides between equal scores: the greater one is better
   */
  constructor(queries: Float32Array, dimension: number, k: number, idOf: (index: number) => string) {
    this.#queries = queries;
    this.#dimension = dimension;
    this.#k = k;
    this.#idOf = idOf;
    this.#count = queries.length / dimension;
    this.#scores = new Float32Array(this.#count * k);
    this.#indices = new Int32Array(this.#count * k);
    this.#sizes = new Int32Array(this.#count);
  }

  /**
   * Compares the next documents with all queries.
   *
   * @param documents [documents, dimension], row by row
   * @param first place of the first of them in the corpus
   */
  add(documents: Float32Array, first: number): void {
    const rows = documents.length / this.#dimension;
    for (let query = 0; query < this.#count; query++) {
      let row = 0;
      for (; row + 4 <= rows; row += 4) this.#fourDots(query, documents, row, first);
      for (; row < rows; row++) this.#offer(query, this.#dot(query, documents, row), first + row);
    }
  }

  /** The hits of a query, best first. */
  ranking(query: number): TopDocument[] {
    const base = query * this.#k, hits: TopDocument[] = [];
    for (let at = base; at < base + this.#sizes[query]!; at++) {
      hits.push({ index: this.#indices[at]!, score: this.#scores[at]! });
    }
    return hits.sort((a, b) => this.#isWorse(a.score, a.index, b.score, b.index) ? 1 : -1);
  }

  /** One dot product: products and sums in float64, from the first value to the last, then rounded to float32. */
  #dot(query: number, documents: Float32Array, row: number): number {
    const queries = this.#queries, d = this.#dimension, q = query * d, r = row * d;
    let sum = 0;
    for (let i = 0; i < d; i++) sum += queries[q + i]! * documents[r + i]!;
    return Math.fround(sum);
  }

  /** Four of them side by side, each in the order of {@linkcode #dot}: no sum waits for the one before. */
  #fourDots(query: number, documents: Float32Array, row: number, first: number): void {
    const queries = this.#queries, d = this.#dimension, q = query * d;
    const r0 = row * d, r1 = r0 + d, r2 = r1 + d, r3 = r2 + d;
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let i = 0; i < d; i++) {
      const value = queries[q + i]!;
      s0 += value * documents[r0 + i]!;
      s1 += value * documents[r1 + i]!;
      s2 += value * documents[r2 + i]!;
      s3 += value * documents[r3 + i]!;
    }
    this.#offer(query, Math.fround(s0), first + row);
    this.#offer(query, Math.fround(s1), first + row + 1);
    this.#offer(query, Math.fround(s2), first + row + 2);
    this.#offer(query, Math.fround(s3), first + row + 3);
  }

  /** Keeps a hit if it is among the best so far. */
  #offer(query: number, score: number, index: number): void {
    const k = this.#k, base = query * k, size = this.#sizes[query]!;
    if (size < k) {
      this.#sizes[query] = size + 1;
      this.#rise(base, size, score, index);
    } else if (this.#isWorse(this.#scores[base]!, this.#indices[base]!, score, index)) {
      this.#sink(base, score, index);
    }
  }

  /** Puts a hit at the end of a heap and moves it up to its place. */
  #rise(base: number, at: number, score: number, index: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isWorse(score, index, this.#scores[base + parent]!, this.#indices[base + parent]!)) break;
      this.#move(base + parent, base + at);
      at = parent;
    }
    this.#scores[base + at] = score;
    this.#indices[base + at] = index;
  }

  /** Puts a hit in the place of the worst of a full heap and moves it down to its place. */
  #sink(base: number, score: number, index: number): void {
    const k = this.#k;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= k) break;
      const other = child + 1;
      if (other < k && this.#isWorseAt(base + other, base + child)) child = other;
      if (!this.#isWorse(this.#scores[base + child]!, this.#indices[base + child]!, score, index)) break;
      this.#move(base + child, base + at);
      at = child;
    }
    this.#scores[base + at] = score;
    this.#indices[base + at] = index;
  }

  #move(from: number, to: number): void {
    this.#scores[to] = this.#scores[from]!;
    this.#indices[to] = this.#indices[from]!;
  }

  #isWorseAt(a: number, b: number): boolean {
    return this.#isWorse(this.#scores[a]!, this.#indices[a]!, this.#scores[b]!, this.#indices[b]!);
  }

  /** trec_eval's order: by score, and of equal scores by id in byte order. */
  #isWorse(score: number, index: number, otherScore: number, otherIndex: number): boolean {
    if (score !== otherScore) return score < otherScore;
    return compareCodePoints(this.#idOf(index), this.#idOf(otherIndex)) < 0;
  }
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
