/**
 * Runs matrix products: chooses the kernel, cuts what a binding cannot hold, and adds up chunks that were spread.
 *
 * @module
 */
import { bytesPer } from "../element_type.ts";
import type { Arena } from "./arena.ts";
import { addChunks } from "./matmul_chunks.ts";
import { type Plan, planFor } from "./matmul_plan.ts";
import { chunk, flags, type Product, variantName, variantOf } from "./matmul_product.ts";
import type { CommandQueue } from "./queue.ts";

/** Most bytes of sums of chunks; a product with more of them has enough workgroups as it is. */
const chunkBytes = 64 << 20;

/** Blocks of rows and columns are cut at multiples of this, so that pieces keep the alignment of the whole. */
const cut = 32;

/** See the module comment. */
export class Matmul {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Issues a product; `plan` only for benches and tests, which compare kernels. */
  run(product: Product, plan?: Plan): void {
    const { a, b, c, bias, residual, rows, columns, inner, aLayout, bLayout } = product;
    const rowBlock = this.#most(rows, cut, [
      4 * c.shape[1]!,
      ...(aLayout === "inner" ? [4 * inner] : []),
    ]);
    const columnBlock = this.#most(columns, cut, bLayout === "inner" ? [bytesPer[b.dtype] * inner] : []);
    const innerBlock = this.#most(inner, chunk, [
      ...(aLayout === "outer" ? [4 * a.shape[1]!] : []),
      ...(bLayout === "outer" ? [bytesPer[b.dtype] * columns] : []),
    ]);
    for (let row = 0; row < rows; row += rowBlock) {
      const rowEnd = Math.min(rows, row + rowBlock);
      for (let column = 0; column < columns; column += columnBlock) {
        const columnEnd = Math.min(columns, column + columnBlock);
        for (let k = 0; k < inner; k += innerBlock) {
          const end = Math.min(inner, k + innerBlock), last = end === inner;
          this.#piece(
            {
              ...product,
              a: aLayout === "inner" ? a.rows(row, rowEnd) : a.rows(k, end),
              b: bLayout === "inner" ? b.rows(column, columnEnd) : b.rows(k, end),
              c: c.rows(row, rowEnd),
              rows: rowEnd - row,
              columns: columnEnd - column,
              inner: end - k,
              bias: last ? bias?.rows(column, columnEnd) : undefined,
              residual: last ? residual?.rows(row, rowEnd) : undefined,
              accumulate: k > 0 || product.accumulate === true,
            },
            { aFirst: aLayout === "outer" ? row : k, cFirst: column },
            plan,
          );
        }
      }
    }
  }

  /** Largest block of an extent, a multiple of `unit` unless it is all, of which each row of so many bytes can be bound. */
  #most(extent: number, unit: number, rowBytes: readonly number[]): number {
    const fits = Math.floor(this.queue.maxBinding / Math.max(1, ...rowBytes));
    if (extent <= fits) return Math.max(1, extent);
    if (fits < unit) {
      throw new Error(
        `a binding of ${this.queue.maxBinding} bytes does not hold ${unit} rows of ${Math.max(...rowBytes)}`,
      );
    }
    return fits - fits % unit;
  }

  #piece(product: Product, at: { aFirst: number; cFirst: number }, given?: Plan): void {
    const { rows, columns, inner, a, b, c, bias, residual, accumulate = false } = product;
    const { kernel, chunks: wanted } = given ?? planFor(this.queue.adapter, product);
    const parts = Math.ceil(inner / chunk), bytes = 4 * parts * rows * columns;
    const chunks = wanted && parts > 1 && bytes <= Math.min(chunkBytes, this.queue.maxBinding);
    const sums = chunks ? this.arena.alloc([parts * rows, columns], "f32") : undefined;
    const target = sums ?? c, now = sums ? {} : { bias, residual };
    const variant = variantOf({ ...product, c: target, bias: now.bias, residual: now.residual });
    const compiled = this.queue.kernel(`${kernel.name}-${variantName(variant)}`, () => kernel.spec(variant));
    this.queue.run(compiled, { a, b, c: target, bias: now.bias ?? a, residual: now.residual ?? a }, {
      rows,
      columns,
      inner,
      span: chunks ? chunk : inner,
      flags: (now.bias ? flags.bias : 0) + (now.residual ? flags.residual : 0) +
        (accumulate && !chunks ? flags.accumulate : 0),
      a_stride: a.shape[1]!,
      b_stride: b.shape[1]!,
      c_stride: target.shape[1]!,
      a_first: at.aFirst,
      c_first: sums ? 0 : at.cFirst,
    }, [Math.ceil(columns / kernel.columns), Math.ceil(rows / kernel.rows), chunks ? parts : 1]);
    if (sums) {
      addChunks(this.queue, sums, parts, { ...product, cFirst: at.cFirst });
      this.arena.release(sums);
    }
  }
}
