/**
 * RMSNorm and division by the Euclidean length, by rows, with their gradients.
 *
 * @module
 */
import type { Arena } from "./arena.ts";
import { addProductSums } from "./product_sums.ts";
import { rowBlocks } from "./pieces.ts";
import { inVectors } from "./quads.ts";
import type { CommandQueue } from "./queue.ts";
import { reduceRows, type RowReduction } from "./row_reduction.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";

const rmsNorm = {
  name: "rms-norm",
  params: { eps: "f32" },
  matrices: { x: "in f32", w: "in f32", y: "out f32" },
  accumulate: "let x = load_x(row, quad); first = fma(x, x, first);",
  conclude: "let r = inverseSqrt(total.x / f32(p.width) + p.eps);",
  rewrite: "store_y(row, quad, load_x(row, quad) * r * load_w(0u, quad));",
} as const satisfies RowReduction<string, string, never>;

/** The same of m = residual + Σ parts, added up as `matmul_chunks.ts` does, and m itself. */
const rmsNormOfSums = {
  name: "rms-norm-of-sums",
  params: { eps: "f32", parts: "u32" },
  matrices: { sums: "in f32", residual: "in f32", w: "in f32", m: "out f32", y: "out f32" },
  accumulate: `
    var x = vec4<f32>();
    for (var part = 0u; part < p.parts; part++) { x += load_sums(part * p.rows + row, quad); }
    x += load_residual(row, quad);
    if (wanted < p.rows) { store_m(row, quad, x); }
    first = fma(x, x, first);`,
  conclude: rmsNorm.conclude,
  rewrite: "store_y(row, quad, load_m(row, quad) * r * load_w(0u, quad));",
} as const satisfies RowReduction<string, string, never>;

/** dx = r·(g − x·r²·mean(g·x)) with g = dy·w and r = 1/√(mean(x²) + eps), which is kept for the gradient of w. */
const rmsNormBackward = (accumulate: boolean) =>
  ({
    name: `rms-norm-backward${accumulate ? "/add" : ""}`,
    params: { eps: "f32" },
    matrices: { dy: "in f32", x: "in f32", w: "in f32", dx: "out f32" },
    columns: { scale: "out f32" },
    accumulate: `
    let x = load_x(row, quad); let g = load_dy(row, quad) * load_w(0u, quad);
    first = fma(x, x, first); second = fma(g, x, second);`,
    conclude: `
  let r = inverseSqrt(total.x / f32(p.width) + p.eps);
  let along = r * r * (total.y / f32(p.width));`,
    once: "scale[p.scale_base + row] = r;",
    rewrite: `
    let g = load_dy(row, quad) * load_w(0u, quad);
    let slope = fma(load_x(row, quad), vec4(-along), g);
    store_dx(row, quad, ${accumulate ? "fma(slope, vec4(r), load_dx(row, quad))" : "slope * r"});`,
  }) as const satisfies RowReduction<string, string, string>;

/** Below this length a row is divided by it instead (as torch.nn.functional.normalize does). */
const minimumLength = "1e-12f";

const l2Normalize = {
  name: "l2-normalize",
  params: {},
  matrices: { x: "in f32", y: "out f32" },
  accumulate: "let x = load_x(row, quad); first = fma(x, x, first);",
  conclude: `let length = max(sqrt(total.x), ${minimumLength});`,
  rewrite: "store_y(row, quad, load_x(row, quad) / length);",
} as const satisfies RowReduction<string, string, never>;

/** dx = (dy − x·(x·dy)/‖x‖²) / ‖x‖; a row below the minimum length is divided by a constant: dx = dy / 1e-12. */
const l2NormalizeBackward = {
  name: "l2-normalize-backward",
  params: {},
  matrices: { dy: "in f32", x: "in f32", dx: "out f32" },
  accumulate: `
    let x = load_x(row, quad); let slope = load_dy(row, quad);
    first = fma(x, x, first); second = fma(slope, x, second);`,
  conclude: `
  let length = max(sqrt(total.x), ${minimumLength});
  let along = select(total.y / length / length, 0.0f, sqrt(total.x) < ${minimumLength});`,
  rewrite: "store_dx(row, quad, fma(load_x(row, quad), vec4(-along), load_dy(row, quad)) / length);",
} as const satisfies RowReduction<string, string, never>;

/**
 * m ← residual + Σ sums, of sums of chunks [parts · rows, width], and y ← m / √(mean(m²) + eps) · w, with the bits of
 * {@linkcode NormOps.rmsNorm}. A binding must hold all of each.
 */
export function normOfSums(
  queue: CommandQueue,
  sums: GpuTensor,
  residual: GpuTensor,
  { w, eps }: { readonly w: GpuTensor; readonly eps: number },
  m: GpuTensor,
  y: GpuTensor,
): void {
  const [rows, width] = matrix(m, "rmsNorm: m"), bindings = { sums, residual, w, m, y };
  const shape = { rows, width, vectors: inVectors(width, ...Object.values(bindings)) };
  reduceRows(queue, rmsNormOfSums, shape, bindings, { eps, parts: sums.shape[0]! / rows });
}

/** See the module comment. Matrices larger than a binding are computed in blocks of rows. */
export class NormOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** y ← x / √(mean(x²) + eps) · w. */
  rmsNorm(x: GpuTensor, w: GpuTensor, eps: number, y: GpuTensor): void {
    const [rows, width] = matrix(x, "rmsNorm: x");
    expectShape(w, [width], "rmsNorm: w");
    expectShape(y, x.shape, "rmsNorm: y");
    for (const [start, end] of this.#blocks(rows, width)) {
      const part = { x: x.rows(start, end), w, y: y.rows(start, end) };
      const shape = { rows: end - start, width, vectors: inVectors(width, part.x, w, part.y) };
      reduceRows(this.queue, rmsNorm, shape, part, { eps });
    }
  }

  /** dx (+)= …, dw += …: see `Device.rmsNormBackward`. */
  rmsNormBackward(
    dy: GpuTensor,
    x: GpuTensor,
    w: GpuTensor,
    eps: number,
    dx: GpuTensor,
    dw: GpuTensor,
    accumulate: boolean,
  ): void {
    const [rows, width] = matrix(x, "rmsNormBackward: x");
    expectShape(w, [width], "rmsNormBackward: w");
    expectShape(dw, [width], "rmsNormBackward: dw");
    expectShape(dy, x.shape, "rmsNormBackward: dy");
    expectShape(dx, x.shape, "rmsNormBackward: dx");
    for (const [start, end] of this.#blocks(rows, width)) {
      const [dyPart, xPart, dxPart] = [dy, x, dx].map((tensor) => tensor.rows(start, end)) as [
        GpuTensor,
        GpuTensor,
        GpuTensor,
      ];
      const count = end - start, scale = this.arena.alloc([count], "f32");
      const shape = { rows: count, width, vectors: inVectors(width, dyPart, xPart, w, dxPart) };
      const bindings = { dy: dyPart, x: xPart, w, dx: dxPart, scale };
      reduceRows(this.queue, rmsNormBackward(accumulate), shape, bindings, { eps });
      addProductSums(this.queue, this.arena, dyPart, xPart, scale, dw);
      this.arena.release(scale);
    }
  }

  /** y ← x / max(‖x‖, 1e-12). */
  l2Normalize(x: GpuTensor, y: GpuTensor): void {
    const [rows, width] = matrix(x, "l2Normalize: x");
    expectShape(y, x.shape, "l2Normalize: y");
    for (const [start, end] of this.#blocks(rows, width)) {
      const part = { x: x.rows(start, end), y: y.rows(start, end) };
      const shape = { rows: end - start, width, vectors: inVectors(width, part.x, part.y) };
      reduceRows(this.queue, l2Normalize, shape, part, {});
    }
  }

  /** dx ← (dy − y·(y·dy)) / ‖x‖. */
  l2NormalizeBackward(dy: GpuTensor, x: GpuTensor, dx: GpuTensor): void {
    const [rows, width] = matrix(x, "l2NormalizeBackward: x");
    expectShape(dy, x.shape, "l2NormalizeBackward: dy");
    expectShape(dx, x.shape, "l2NormalizeBackward: dx");
    for (const [start, end] of this.#blocks(rows, width)) {
      const part = { dy: dy.rows(start, end), x: x.rows(start, end), dx: dx.rows(start, end) };
      const shape = { rows: end - start, width, vectors: inVectors(width, part.dy, part.x, part.dx) };
      reduceRows(this.queue, l2NormalizeBackward, shape, part, {});
    }
  }

  #blocks(rows: number, width: number) {
    return rowBlocks(rows, 4 * width, this.queue.maxBinding);
  }
}

function matrix(tensor: GpuTensor, what: string): [rows: number, width: number] {
  const [rows, width] = tensor.shape;
  if (tensor.shape.length !== 2) throw new Error(`${what}: expected a matrix, got [${tensor.shape}]`);
  return [rows!, width!];
}
