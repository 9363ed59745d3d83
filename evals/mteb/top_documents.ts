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
import { BorrowedArrays } from "../../kernels/cpu/borrowed_arrays.ts";
import { productError, rowProducts } from "../../kernels/cpu/products.ts";
import { dot } from "./vector_loops.ts";
import { compareCodePoints, type Hits, isWorse, makeHeap, replaceWorst } from "./worst_heap.ts";

export { compareCodePoints };

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
  readonly #count: number;
  /** [queries, k]: of each query a heap, once it has k hits. */
  readonly #hits: Hits;
  readonly #sizes: Int32Array;

  /**
   * @param queries [queries, dimension], row by row
   * @param k documents kept for each query, at most 2²¹
   * @param idOf name of a document by its place in the corpus, which decides between equal scores: the greater one is better
   */
  constructor(queries: Float32Array, dimension: number, k: number, idOf: (index: number) => string) {
    if (k > MOST) throw new RangeError(`${k} documents for each query are more than ${MOST}`);
    this.#count = queries.length / dimension;
    this.#queries = new Float64Array(queries);
    this.#lengths = lengthsOf(this.#queries, dimension, new Float64Array(this.#count));
    this.#dimension = dimension;
    this.#k = k;
    const kept = this.#count * k;
    this.#hits = { scores: new Float32Array(kept), indices: new Int32Array(kept), idOf };
    this.#sizes = new Int32Array(this.#count);
  }

  /**
   * Compares the next documents with all queries.
   *
   * @param documents [documents, dimension], row by row
   * @param first place of the first of them in the corpus
   */
  add(documents: Float32Array, first: number): void {
    using memory = new BorrowedArrays();
    const d = this.#dimension, rows = documents.length / d, wide = memory.float64(documents.length);
    copy(documents, wide);
    const longest = lengthsOf(wide, d, memory.float64(rows)).reduce((a, b) => Math.max(a, b), 0);
    const all = memory.float64(rows * Math.min(QUERIES, this.#count));
    for (let from = 0; from < this.#count; from += QUERIES) {
      const to = Math.min(from + QUERIES, this.#count), products = all.subarray(0, (to - from) * rows);
      // What a thread's share decides is last bits, and these decide nothing.
      const threads = products.length * d < FEW ? 1 : availableParallelism();
      rowProducts(this.#queries.subarray(from * d, to * d), wide, d, products, threads);
      for (let query = from; query < to; query++) {
        const error = productError("float64", d, this.#lengths[query]! * longest);
        const scores = products.subarray((query - from) * rows, (query - from + 1) * rows);
        this.#offerAll(query, scores, error, wide, first);
      }
    }
  }

  /** Offers the documents of a block to a query. */
  #offerAll(query: number, products: Float64Array, error: number, wide: Float64Array, first: number): void {
    const k = this.#k, base = query * k, { scores, indices, idOf } = this.#hits;
    for (let row = 0; row < products.length; row++) {
      const most = Math.fround(products[row]! + error), size = this.#sizes[query]!;
      if (size === k && most < scores[base]!) continue;
      const exact = most === Math.fround(products[row]! - error) ? most : this.#score(query, wide, row);
      if (size < k) {
        scores[base + size] = exact;
        indices[base + size] = first + row;
        this.#sizes[query] = size + 1;
        if (size + 1 === k) makeHeap(this.#hits, base, k);
      } else if (isWorse(scores[base]!, indices[base]!, exact, first + row, idOf)) {
        replaceWorst(this.#hits, base, k, exact, first + row);
      }
    }
  }

  /** A score by its definition. */
  #score(query: number, documents: Float64Array, row: number): number {
    const queries = this.#queries, d = this.#dimension, q = query * d, r = row * d;
    let sum = 0;
    for (let i = 0; i < d; i++) sum += queries[q + i]! * documents[r + i]!;
    return Math.fround(sum);
  }

  /**
   * The rank of a document among the hits of a query, from 1; 0 if it is none of them. Cheaper than the whole ranking where few
   * documents are asked for.
   */
  rankOf(query: number, index: number): number {
    const { scores, indices, idOf } = this.#hits, base = query * this.#k, size = this.#sizes[query]!;
    const at = indices.subarray(base, base + size).indexOf(index);
    if (at < 0) return 0;
    const score = scores[base + at]!;
    let rank = 1;
    for (let i = base; i < base + size; i++) {
      if (scores[i]! > score) rank++;
      else if (scores[i]! === score && i !== base + at && isWorse(score, index, score, indices[i]!, idOf)) {
        rank++;
      }
    }
    return rank;
  }

  /** The first hits of a query, best first: as many, if there are. Cheaper than the whole ranking where these are few. */
  first(query: number, count: number): TopDocument[] {
    const { scores, indices, idOf } = this.#hits, base = query * this.#k, size = this.#sizes[query]!;
    const found: TopDocument[] = [];
    for (let i = base; i < base + size; i++) {
      const score = scores[i]!, index = indices[i]!, last = found[count - 1];
      if (last !== undefined && !isWorse(last.score, last.index, score, index, idOf)) continue;
      if (last !== undefined) found.pop();
      let at = found.length;
      while (at > 0 && isWorse(found[at - 1]!.score, found[at - 1]!.index, score, index, idOf)) at--;
      found.splice(at, 0, { index, score });
    }
    return found;
  }

  /** The hits of a query, best first. */
  ranking(query: number): TopDocument[] {
    const base = query * this.#k, size = this.#sizes[query]!;
    const scores = this.#hits.scores.subarray(base, base + size);
    const indices = this.#hits.indices.subarray(base, base + size);
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
      tied.sort((a, b) => isWorse(a.score, a.index, b.score, b.index, this.#hits.idOf) ? 1 : -1);
      tied.forEach((hit, i) => hits[start + i] = hit);
    }
    return hits;
  }
}

/** Euclidean length of every row, in whatever order its squares are added. */
function lengthsOf(rows: Float64Array, dimension: number, out: Float64Array): Float64Array {
  for (let row = 0; row < out.length; row++) {
    const one = rows.subarray(row * dimension, (row + 1) * dimension);
    out[row] = Math.sqrt(dot(one, one));
  }
  return out;
}

function copy(from: Float32Array, to: Float64Array): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]!;
}
