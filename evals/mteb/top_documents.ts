/**
 * The best documents of each query, found while the corpus goes by in blocks: memory is that of the queries, of one block and of
 * `k` hits for each query, however many documents there are.
 *
 * Exact: the same hits in the same order as sorting all documents gives, ties included, in whatever blocks they come, and the same
 * bits on every machine. A score is a dot product in float64, from the first value to the last, rounded to float32. It is taken
 * from a matrix product, whose order of summation is the machine's, where that cannot have changed the rounding, and else, once
 * in millions, summed as it is defined.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { productError, rowProducts } from "../../kernels/cpu/products.ts";

/** A document among the best of a query. */
export interface TopDocument {
  /** Its place in the corpus, from 0. */
  readonly index: number;
  /** Dot product with the query, in float32. */
  readonly score: number;
}

/** Queries that are compared with a block of documents at a time, which bounds the memory for their products. */
const QUERIES = 256;

/** Below this many multiplications a second thread takes as long to wake as it saves. */
const FEW = 1 << 22;

/** Most documents that are kept for a query: a float32 and a place among them must fit into the 53 bits of a number. */
const MOST = 1 << 21;

/** The `k` best documents of each query so far. */
export class TopDocuments {
  readonly #queries: Float64Array;
  readonly #lengths: Float64Array;
  readonly #dimension: number;
  readonly #k: number;
  readonly #idOf: (index: number) => string;
  readonly #count: number;
  /** A heap for each query with its worst hit in front: [queries, k]. */
  readonly #scores: Float32Array;
  readonly #indices: Int32Array;
  readonly #sizes: Int32Array;
  #products = new Float64Array(0);

  /**
   * @param queries [queries, dimension], row by row
   * @param k documents kept for each query, at most 2²¹
   * @param idOf name of a document by its place in the corpus, which decides between equal scores: the greater one is better
   */
  constructor(queries: Float32Array, dimension: number, k: number, idOf: (index: number) => string) {
    if (k > MOST) throw new RangeError(`${k} documents for each query are more than ${MOST}`);
    this.#queries = Float64Array.from(queries);
    this.#lengths = lengthsOf(this.#queries, dimension);
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
    const d = this.#dimension, rows = documents.length / d, wide = new Float64Array(documents);
    const longest = lengthsOf(wide, d).reduce((a, b) => Math.max(a, b), 0);
    const most = rows * Math.min(QUERIES, this.#count);
    if (this.#products.length < most) this.#products = new Float64Array(most);
    for (let from = 0; from < this.#count; from += QUERIES) {
      const to = Math.min(from + QUERIES, this.#count);
      const products = this.#products.subarray(0, (to - from) * rows);
      // What a thread's share decides is last bits, and these decide nothing.
      const threads = products.length * d < FEW ? 1 : availableParallelism();
      rowProducts(this.#queries.subarray(from * d, to * d), wide, d, products, threads);
      for (let query = from; query < to; query++) {
        const error = productError("float64", d, this.#lengths[query]! * longest);
        this.#offerAll(
          query,
          products.subarray((query - from) * rows, (query - from + 1) * rows),
          error,
          wide,
          first,
        );
      }
    }
  }

  /** Offers the documents of a block to a query. */
  #offerAll(query: number, products: Float64Array, error: number, wide: Float64Array, first: number): void {
    const k = this.#k, base = query * k, scores = this.#scores;
    for (let row = 0; row < products.length; row++) {
      const most = Math.fround(products[row]! + error);
      if (this.#sizes[query] === k && most < scores[base]!) continue;
      const exact = most === Math.fround(products[row]! - error) ? most : this.#score(query, wide, row);
      this.#offer(query, exact, first + row);
    }
  }

  /** A score by its definition. */
  #score(query: number, documents: Float64Array, row: number): number {
    const queries = this.#queries, d = this.#dimension, q = query * d, r = row * d;
    let sum = 0;
    for (let i = 0; i < d; i++) sum += queries[q + i]! * documents[r + i]!;
    return Math.fround(sum);
  }

  /** The hits of a query, best first. */
  ranking(query: number): TopDocument[] {
    const base = query * this.#k, size = this.#sizes[query]!;
    const scores = this.#scores.subarray(base, base + size),
      indices = this.#indices.subarray(base, base + size);
    // Numbers sort faster than anything that needs a comparison: the score's bits in front, the place in the heap behind.
    const bits = new Uint32Array(scores.map((score) => score + 0).buffer), keys = new Float64Array(size);
    for (let at = 0; at < size; at++) {
      const ordered = bits[at]! >>> 31 ? ~bits[at]! >>> 0 : bits[at]! + 2 ** 31;
      keys[at] = ordered * MOST + at;
    }
    keys.sort();
    const hits: TopDocument[] = [];
    for (let at = size - 1; at >= 0; at--) {
      const place = keys[at]! % MOST;
      hits.push({ index: indices[place]!, score: scores[place]! });
    }
    return this.#withTiesInOrder(hits);
  }

  /** Hits by falling score, those of equal scores by id. */
  #withTiesInOrder(hits: TopDocument[]): TopDocument[] {
    for (let start = 0, end; start < hits.length; start = end) {
      const { score } = hits[start]!;
      for (end = start + 1; end < hits.length && hits[end]!.score === score;) end++;
      if (end === start + 1) continue;
      const tied = hits.slice(start, end);
      tied.sort((a, b) => this.#isWorse(a.score, a.index, b.score, b.index) ? 1 : -1);
      tied.forEach((hit, i) => hits[start + i] = hit);
    }
    return hits;
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

/** Euclidean length of every row. */
function lengthsOf(rows: Float64Array, dimension: number): Float64Array {
  return Float64Array.from({ length: rows.length / dimension }, (_, row) => {
    let squares = 0;
    for (let i = row * dimension; i < (row + 1) * dimension; i++) squares += rows[i]! * rows[i]!;
    return Math.sqrt(squares);
  });
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
