/**
 * Runs matrix products: chooses the kernel, cuts what a binding cannot hold, and adds up chunks that were spread.
 *
 * @module
 */
import { bytesPer } from "../element_type.ts";
import type { Arena } from "./arena.ts";
import { addChunks } from "./matmul_chunks.ts";
import { type JointBinding, jointName, mostWeights } from "./matmul_joint.ts";
import { type Extents, type MatmulKernel, type Plan, planFor } from "./matmul_plan.ts";
import { chunk, flags, type Product, variantName, variantOf } from "./matmul_product.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** Most bytes of sums of chunks; a product with more of them has enough workgroups as it is. */
const chunkBytes = 64 << 20;

/**
 * Most operations of a dispatch: 5 ms of a large GPU, a second of a small one. Drivers reset a GPU that computes for longer,
 * and a dispatch cannot be interrupted.
 */
const mostOperations = 2e11;

/** Rows of the largest tile: pieces of a long product fill them. */
const tileRows = 128;

/** Blocks of rows and columns are cut at multiples of this, so that pieces keep the alignment of the whole. */
const cut = 32;

/** See the module comment. */
export class Matmul {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** Issues a product; `plan` only for benches and tests, which compare kernels. */
  run(product: Product, plan?: Plan): void {
    const { a, b, c, bias, residual, rows, columns, inner, aLayout, bLayout } = product;
    const { rowBlock, columnBlock, innerBlock } = this.#blocks(product);
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

  /** Whether chunks of the whole product are spread over workgroups, so that {@linkcode Matmul.chunkSums} can be had. */
  spreads(product: Product): boolean {
    const { rowBlock, columnBlock, innerBlock } = this.#blocks(product);
    const whole = rowBlock >= product.rows && columnBlock >= product.columns && innerBlock >= product.inner;
    return whole && this.#fits(product, planFor(this.queue.adapter, product));
  }

  /**
   * Sums of the chunks of a product that {@linkcode Matmul.spreads}, [parts · rows, columns], for a caller that adds them up
   * and releases them.
   */
  chunkSums(product: Product): GpuTensor {
    return this.#chunkSums(product, 0, planFor(this.queue.adapter, product).kernel);
  }

  /**
   * Sums of the chunks of x · wᵀ for several weights, side by side [parts · rows, columns of all], for a caller that adds
   * them up and releases them; null, and nothing done, where chunks are not spread or the weights are not alike.
   */
  jointSums(x: GpuTensor, weights: readonly GpuTensor[]): GpuTensor | null {
    const [rows, inner] = x.shape as [number, number], { queue } = this;
    const widths = weights.map(({ shape }) => shape[0]!);
    const columns = widths.reduce((sum, width) => sum + width, 0);
    const plan = planFor(queue.adapter, { rows, columns, inner, aLayout: "inner" }), { kernel } = plan;
    if (!kernel.joint || weights.length > mostWeights || !this.#fits({ rows, columns, inner }, plan)) {
      return null;
    }
    if ([x, ...weights].some(({ bytes }) => bytes > queue.maxBinding)) return null;
    const parts = Math.ceil(inner / chunk), c = this.arena.alloc([parts * rows, columns], "f32");
    const variants = weights.map((b) =>
      variantOf({ a: x, aLayout: "inner", b, bLayout: "inner", c, rows, columns, inner })
    );
    const variant = variants[0]!, name = jointName(kernel.name, variant, weights.length);
    // Where a weight starts among the columns of C decides whether it can be written four at a time.
    if (
      variants.some(({ stored, vector }) => stored !== variant.stored || vector !== variant.vector) ||
      (variant.vector && widths.some((width) => width % 4 !== 0))
    ) {
      this.arena.release(c);
      return null;
    }
    const compiled = queue.kernel(name, () => kernel.joint!(variant, weights.length));
    const [b0, b1, b2] = weights as [GpuTensor, GpuTensor?, GpuTensor?];
    const bindings = { a: x, b0, ...(b1 && { b1 }), ...(b2 && { b2 }), c } as Record<JointBinding, GpuTensor>;
    queue.run(compiled, bindings, {
      rows,
      inner,
      span: chunk,
      flags: 0,
      a_stride: inner,
      b_stride: inner,
      c_stride: columns,
      a_first: 0,
      columns_0: widths[0]!,
      columns_1: widths[1] ?? 0,
      columns_2: widths[2] ?? 0,
    }, [
      widths.reduce((tiles, width) => tiles + Math.ceil(width / kernel.columns), 0),
      Math.ceil(rows / kernel.rows),
      parts,
    ]);
    queue.weigh(2 * rows * columns * inner);
    return c;
  }

  /** Blocks of a product that bindings hold, and that no driver takes for a GPU that hangs. */
  #blocks({ a, b, c, rows, columns, inner, aLayout, bLayout }: Product) {
    const bound = this.#most(rows, cut, [4 * c.shape[1]!, ...(aLayout === "inner" ? [4 * inner] : [])]);
    // In equal pieces, so that none leaves most of a GPU idle.
    const pieces = Math.ceil(2 * rows * columns * inner / mostOperations);
    const timed = pieces <= 1 ? rows : Math.ceil(rows / pieces / tileRows) * tileRows;
    return {
      rowBlock: Math.max(1, Math.min(bound, timed)),
      columnBlock: this.#most(columns, cut, bLayout === "inner" ? [bytesPer[b.dtype] * inner] : []),
      innerBlock: this.#most(inner, chunk, [
        ...(aLayout === "outer" ? [4 * a.shape[1]!] : []),
        ...(bLayout === "outer" ? [bytesPer[b.dtype] * columns] : []),
      ]),
    };
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

  /** Whether the plan is to spread chunks, and their sums have room. */
  #fits({ rows, columns, inner }: Omit<Extents, "aLayout">, { chunks }: Plan): boolean {
    const parts = Math.ceil(inner / chunk), bytes = 4 * parts * rows * columns;
    return chunks && parts > 1 && bytes <= Math.min(chunkBytes, this.queue.maxBinding);
  }

  #piece(product: Product, at: { aFirst: number; cFirst: number }, given?: Plan): void {
    const plan = given ?? planFor(this.queue.adapter, product);
    if (!this.#fits(product, plan)) return this.#dispatch(product, at, plan.kernel, product.inner);
    const sums = this.#chunkSums(product, at.aFirst, plan.kernel);
    addChunks(this.queue, sums, Math.ceil(product.inner / chunk), { ...product, cFirst: at.cFirst });
    this.arena.release(sums);
  }

  #chunkSums(product: Product, aFirst: number, kernel: MatmulKernel): GpuTensor {
    const { rows, columns, inner } = product;
    const c = this.arena.alloc([Math.ceil(inner / chunk) * rows, columns], "f32");
    const bare = { ...product, c, bias: undefined, residual: undefined, accumulate: false };
    this.#dispatch(bare, { aFirst, cFirst: 0 }, kernel, chunk);
    return c;
  }

  /** One dispatch; `span`: terms that a workgroup sums. */
  #dispatch(
    product: Product,
    at: { aFirst: number; cFirst: number },
    kernel: MatmulKernel,
    span: number,
  ): void {
    const { rows, columns, inner, a, b, c, bias, residual, accumulate = false } = product;
    const variant = variantOf(product);
    const compiled = this.queue.kernel(`${kernel.name}-${variantName(variant)}`, () => kernel.spec(variant));
    this.queue.run(compiled, { a, b, c, bias: bias ?? a, residual: residual ?? a }, {
      rows,
      columns,
      inner,
      span,
      flags: (bias ? flags.bias : 0) + (residual ? flags.residual : 0) + (accumulate ? flags.accumulate : 0),
      a_stride: a.shape[1]!,
      b_stride: b.shape[1]!,
      c_stride: c.shape[1]!,
      a_first: at.aFirst,
      c_first: at.cFirst,
    }, [
      Math.ceil(columns / kernel.columns),
      Math.ceil(rows / kernel.rows),
      span < inner ? Math.ceil(inner / span) : 1,
    ]);
    this.queue.weigh(2 * rows * columns * inner);
  }
}
