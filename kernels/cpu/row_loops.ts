/**
 * Two loops over rows of float32 that mini-batch k-means spends its time in, as WebAssembly with vectors of 128 bits, which
 * JavaScript does not have. Ops of ONNX Runtime, each of which writes to memory what the next one reads, take three times as long
 * for the sums and means of a batch of 500 rows of 384 columns: 70 µs, here 20.
 *
 * A loop takes blocks of 16 or of 4 numbers and may go beyond the end of a row, never beyond a {@linkcode RowMemory}: what it
 * writes there is written again by the row that it belongs to, or is nobody's. Roundings are those of IEEE 754 and sums have one
 * order, so that results are the same on every machine.
 *
 * @module
 */
import { assemble } from "./wat.ts";

/** Bytes of a vector, and of the vectors that a block of columns has. */
const VECTOR = 16, BLOCK = 4 * VECTOR;

/** Once for each vector of a block: its number, and where it begins. */
const inBlock = (text: (vector: number, offset: number) => string) =>
  Array.from({ length: BLOCK / VECTOR }, (_, vector) => text(vector, vector * VECTOR)).join("");

/** norms − 2 products, of four groups. */
const values = `
  (f32x4.sub
    (v128.load (local.get $norm))
    (f32x4.add (v128.load (local.get $product)) (v128.load (local.get $product))))`;

/** On to the next four groups, or out of the loop. */
const nextGroups = (loop: string) => `
  (local.set $product (i32.add (local.get $product) (i32.const ${VECTOR})))
  (br_if ${loop} (i32.lt_u
    (local.tee $norm (i32.add (local.get $norm) (i32.const ${VECTOR})))
    (local.get $lastNorm)))`;

/** The lower one of each number of the limit and of another of its numbers. */
const lower = (bytes: string) => `
  (local.set $limit (f32x4.min
    (local.get $limit)
    (i8x16.shuffle ${bytes} (local.get $limit) (local.get $limit))))`;

/** All sizes and places are in bytes. */
const text = `(module
  (memory (export "memory") 0)

  (func (export "nearest")
    (param $products i32) (param $norms i32) (param $reaches i32) (param $nearest i32)
    (param $rows i32) (param $groups i32)
    (local $last i32) (local $lastNorm i32) (local $product i32) (local $norm i32)
    (local $limit v128) (local $within i32) (local $count i32) (local $found i32)
    (local.set $last (i32.add (local.get $nearest) (local.get $rows)))
    (local.set $lastNorm (i32.add (local.get $norms) (local.get $groups)))
    (loop $row
      (local.set $product (local.get $products))
      (local.set $norm (local.get $norms))
      (local.set $limit ${values})
      (loop $lowest
        (local.set $limit (f32x4.min (local.get $limit) ${values}))
        ${nextGroups("$lowest")})
      ${lower("8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7")}
      ${lower("4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11")}
      (local.set $limit (f32x4.add (local.get $limit) (v128.load32_splat (local.get $reaches))))

      (local.set $product (local.get $products))
      (local.set $norm (local.get $norms))
      (local.set $count (i32.const 0))
      (loop $counting
        ;; Not the other way round: what is no number is within every limit.
        (local.set $within (i32x4.bitmask (v128.not (f32x4.gt ${values} (local.get $limit)))))
        (local.set $count (i32.add (local.get $count) (i32.popcnt (local.get $within))))
        (local.set $found (select
          (i32.add
            (i32.sub (local.get $norm) (local.get $norms))
            (i32.shl (i32.ctz (local.get $within)) (i32.const 2)))
          (local.get $found)
          (local.get $within)))
        ${nextGroups("$counting")})
      (i32.store (local.get $nearest) (select
        (i32.shr_u (local.get $found) (i32.const 2))
        (i32.const -1)
        (i32.eq (local.get $count) (i32.const 1))))

      (local.set $products (i32.add (local.get $products) (local.get $groups)))
      (local.set $reaches (i32.add (local.get $reaches) (i32.const 4)))
      (br_if $row (i32.lt_u
        (local.tee $nearest (i32.add (local.get $nearest) (i32.const 4)))
        (local.get $last)))))

  (func (export "means")
    (param $rows i32) (param $columns i32) (param $groups i32) (param $ends i32) (param $order i32)
    (param $centres i32) (param $counts i32) (param $shares i32) (param $sums i32) (param $moved i32)
    (local $lastEnd i32) (local $first i32) (local $last i32) (local $place i32)
    (local $column i32) (local $from i32) (local $factor v128) (local $zero v128)
    ${inBlock((v) => `(local $value${v} v128) (local $sum${v} v128) (local $total${v} v128) `)}
    (local.set $lastEnd (i32.add (local.get $ends) (local.get $groups)))
    (local.set $last (local.get $order))
    (loop $group
      (local.set $first (local.get $last))
      (local.set $last (i32.add (local.get $order) (i32.load (local.get $ends))))
      (local.set $column (i32.const 0))
      (loop $block
        (local.set $from (i32.add (local.get $centres) (local.get $column)))
        (local.set $factor (v128.load32_splat (local.get $counts)))
        ${
  inBlock((v, offset) => `
        (local.set $sum${v} (local.get $zero))
        (local.set $total${v} (f32x4.mul (v128.load offset=${offset} (local.get $from)) (local.get $factor)))`)
}
        (local.set $place (local.get $first))
        (block $none
          (br_if $none (i32.eq (local.get $first) (local.get $last)))
          (loop $row
            (local.set $from
              (i32.add (i32.add (local.get $rows) (local.get $column)) (i32.load (local.get $place))))
            ${
  inBlock((v, offset) => `
            (local.set $value${v} (v128.load offset=${offset} (local.get $from)))
            (local.set $sum${v} (f32x4.add (local.get $sum${v}) (local.get $value${v})))
            (local.set $total${v} (f32x4.add (local.get $total${v}) (local.get $value${v})))`)
}
            (br_if $row (i32.lt_u
              (local.tee $place (i32.add (local.get $place) (i32.const 4)))
              (local.get $last)))))
        (local.set $factor (v128.load32_splat (local.get $shares)))
        ${
  inBlock((v, offset) => `
        (v128.store offset=${offset} (i32.add (local.get $sums) (local.get $column)) (local.get $sum${v}))
        (v128.store offset=${offset}
          (i32.add (local.get $moved) (local.get $column))
          (f32x4.mul (local.get $total${v}) (local.get $factor)))`)
}
        (br_if $block (i32.lt_u
          (local.tee $column (i32.add (local.get $column) (i32.const ${BLOCK})))
          (local.get $columns))))
      (local.set $centres (i32.add (local.get $centres) (local.get $columns)))
      (local.set $sums (i32.add (local.get $sums) (local.get $columns)))
      (local.set $moved (i32.add (local.get $moved) (local.get $columns)))
      (local.set $counts (i32.add (local.get $counts) (i32.const 4)))
      (local.set $shares (i32.add (local.get $shares) (i32.const 4)))
      (br_if $group (i32.lt_u
        (local.tee $ends (i32.add (local.get $ends) (i32.const 4)))
        (local.get $lastEnd))))))`;

/** The loops, over one memory. Places are those of arrays of it (`byteOffset`), and sizes are in bytes. */
export interface RowLoops {
  /**
   * `nearest[i]` = the one j for which norms[j] − 2 products[i, j] is lowest, if all others are higher by more than reaches[i];
   * else −1. All in float32.
   *
   * @param products [rows, groups]
   * @param norms [groups], and infinite from there to the next multiple of four
   * @param reaches [rows]
   * @param nearest [rows], integers, overwritten
   */
  nearest(
    products: number,
    norms: number,
    reaches: number,
    nearest: number,
    rows: number,
    groups: number,
  ): void;

  /**
   * `sums[g] = a + b + ..` and `moved[g] = (centres[g] · counts[g] + a + b + ..) · shares[g]` over the rows a, b, .. of each
   * group, in their order and rounded to float32 after every operation.
   *
   * @param rows [.., columns]
   * @param ends [groups], integers: where the rows of each group end in `order`
   * @param order integers: where each row begins, group by group
   * @param centres [groups, columns]
   * @param counts [groups]
   * @param shares [groups]
   * @param sums [groups, columns], overwritten
   * @param moved [groups, columns], overwritten
   */
  means(
    rows: number,
    columns: number,
    groups: number,
    ends: number,
    order: number,
    centres: number,
    counts: number,
    shares: number,
    sums: number,
    moved: number,
  ): void;
}

type Instance = RowLoops & { readonly memory: WebAssembly.Memory };

/** Bytes of a page of WebAssembly. */
const PAGE = 2 ** 16;
/** Bytes of a memory that is kept for later, at most. */
const MOST_KEPT = 2 ** 26;

let module: WebAssembly.Module | undefined;
const kept: Instance[] = [];

/** Arrays that the loops reach, until they are given back. What stands in a new one is left from before. */
export class RowMemory<Name extends string> {
  readonly #instance: Instance;
  #isGivenBack = false;
  /** As many float32 each as were asked for. */
  readonly arrays: Readonly<Record<Name, Float32Array<ArrayBuffer>>>;

  /** @throws RangeError if the arrays together do not fit into 4 GiB */
  constructor(lengths: Readonly<Record<Name, number>>) {
    module ??= new WebAssembly.Module(assemble(text));
    this.#instance = kept.pop() ?? new WebAssembly.Instance(module).exports as unknown as Instance;
    const { memory } = this.#instance, names = Object.keys(lengths) as Name[];
    let bytes = 0;
    const places = names.map((name) => {
      const place = bytes;
      // With a block that is nobody's behind it.
      bytes += (Math.ceil(lengths[name] * Float32Array.BYTES_PER_ELEMENT / BLOCK) + 1) * BLOCK;
      return place;
    });
    // Arrays in use would lose their memory by this: there are none.
    const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    const buffer = memory.buffer as ArrayBuffer;
    this.arrays = Object.fromEntries(
      names.map((name, i) => [name, new Float32Array(buffer, places[i], lengths[name])]),
    ) as Record<Name, Float32Array<ArrayBuffer>>;
  }

  /** What runs over the arrays. */
  get loops(): RowLoops {
    return this.#instance;
  }

  /** Gives the arrays back, after which nobody may look at them. */
  [Symbol.dispose](): void {
    // Kept twice, it would be lent to two at a time.
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    if (this.#instance.memory.buffer.byteLength <= MOST_KEPT) kept.push(this.#instance);
  }
}
