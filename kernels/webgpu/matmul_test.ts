import { assert, assertSameBits } from "#test";
import { f32ToBf16, f32ToF16 } from "../half_floats.ts";
import { type StoredType, TestRandom } from "../reference/random.ts";
import { findAdapter, openAdapter } from "./adapter.ts";
import type { Arena } from "./arena.ts";
import { LinearOps } from "./linear.ts";
import { Matmul } from "./matmul.ts";
import { allKernels, byLanes, planFor, simple, tiled, tiles } from "./matmul_plan.ts";
import { chunk, type Layout, type Product } from "./matmul_product.ts";
import { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

/** A queue and an arena with tensors from random numbers; destroyed at the end of a test. */
class Bench implements AsyncDisposable {
  readonly arena: Arena;
  readonly linear: LinearOps;
  readonly matmul: Matmul;

  private constructor(readonly queue: CommandQueue) {
    this.arena = queue.newArena();
    this.linear = new LinearOps(queue, this.arena);
    this.matmul = this.linear.matmul;
  }

  static async open(options: { maxBinding?: number } = {}): Promise<Bench> {
    return new Bench(new CommandQueue(await openAdapter(), options));
  }

  /** A tensor [rows, columns] of the numbers, from an element on that is `shift` past an aligned one. */
  put(
    numbers: Float64Array,
    rows: number,
    columns: number,
    dtype: StoredType = "f32",
    shift = 0,
  ): GpuTensor {
    const data = new (dtype === "f32" ? Float32Array : Uint16Array)(numbers.length + shift);
    if (dtype === "f32") data.set(numbers, shift);
    else data.set((dtype === "bf16" ? f32ToBf16 : f32ToF16)(Float32Array.from(numbers)), shift);
    const whole = this.arena.alloc([data.length], dtype);
    this.queue.write(whole, new Uint8Array(data.buffer as ArrayBuffer));
    return whole.rows(shift, data.length).reshaped([rows, columns]);
  }

  async read(tensor: GpuTensor): Promise<Float32Array> {
    const data = await this.queue.read(tensor);
    return new Float32Array(data);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.arena.dispose();
    this.queue.dispose();
    return Promise.resolve();
  }
}

/** Numbers as f32, bf16 and f16 all hold them. */
const numbers = (seed: number, count: number) => new TestRandom(seed).bf16Normals(count).map(Math.f16round);

/**
 * The sum as `matmul_product.ts` defines it. Products of bf16 numbers are exact in f32, so that it does not matter whether an
 * adapter fuses `fma`, and their sums with an f32 are rounded once (float64 holds them).
 */
function canonical(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  columns: number,
  inner: number,
): Float32Array {
  const c = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let total = 0;
      for (let k = 0; k < inner; k += chunk) {
        let sum = 0;
        for (let t = k; t < Math.min(inner, k + chunk); t++) {
          sum = Math.fround(sum + a[i * inner + t]! * b[j * inner + t]!);
        }
        total = Math.fround(total + sum);
      }
      c[i * columns + j] = total;
    }
  }
  return c;
}

/** A as [rows, inner] and B as [columns, inner], laid out. */
function transposed(matrix: Float64Array, rows: number, inner: number, layout: Layout): Float64Array {
  return layout === "inner"
    ? matrix
    : Float64Array.from(matrix, (_, at) => matrix[(at % rows) * inner + Math.floor(at / rows)]!);
}

const gpuTest = (await findAdapter()) ? Deno.test : Deno.test.ignore;

const layouts = [
  ["inner", "inner", "f32"],
  ["inner", "inner", "bf16"],
  ["inner", "inner", "f16"],
  ["inner", "outer", "f32"],
  ["inner", "outer", "bf16"],
  ["inner", "outer", "f16"],
  ["outer", "outer", "f32"],
] as const;

for (const [aLayout, bLayout, dtype] of layouts) {
  gpuTest(
    `Matmul.run() sums in the one order when A is ${aLayout} and B ${bLayout} in ${dtype}, with every kernel`,
    async () => {
      await using bench = await Bench.open();
      const kernels = [simple(4), tiled(8, 32, 4, 4), tiled(16, 32, 4, 8), tiled(64, 64, 8, 4)];
      if ("lanes" in allKernels(bench.queue.adapter)) kernels.push(byLanes(8, 32));
      // Dimensions that vec4 takes, ones that only some operands have, odd ones; from an aligned element on, and from the next.
      for (
        const [rows, columns, inner, shift] of [[36, 44, 516, 0], [36, 43, 516, 0], [35, 44, 515, 0], [
          35,
          43,
          515,
          1,
        ]] as const
      ) {
        const a = numbers(1, rows * inner), b = numbers(2, columns * inner);
        const expected = canonical(a, b, rows, columns, inner);
        const product: Product = {
          a: bench.put(transposed(a, rows, inner, aLayout), ...lie(rows, inner, aLayout), "f32", shift),
          b: bench.put(transposed(b, columns, inner, bLayout), ...lie(columns, inner, bLayout), dtype, shift),
          c: bench.put(new Float64Array(rows * columns).fill(NaN), rows, columns, "f32", shift),
          aLayout,
          bLayout,
          rows,
          columns,
          inner,
        };
        for (const kernel of kernels) {
          for (const chunks of [false, true]) {
            bench.queue.write(product.c, new Uint8Array(new Float32Array(rows * columns).fill(NaN).buffer));
            bench.matmul.run(product, { kernel, chunks });
            const what = `${kernel.name}, ${chunks ? "spread" : "whole"} [${rows}, ${columns}, ${inner}]`;
            assertSameBits(await bench.read(product.c), expected, what);
          }
        }
      }
      await bench.queue.failures.check();
    },
  );
}

const lie = (extent: number, inner: number, layout: Layout): [number, number] =>
  layout === "inner" ? [extent, inner] : [inner, extent];

gpuTest(
  "Matmul.run() gives the same bits with every tile, with bias, residual and accumulation",
  async () => {
    await using bench = await Bench.open();
    const rows = 37, columns = 140, inner = 320;
    const [a, b, bias, residual, before] = [
      rows * inner,
      columns * inner,
      columns,
      rows * columns,
      rows * columns,
    ]
      .map((count, seed) => numbers(seed + 3, count)) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
    const product = {
      a: bench.put(a, rows, inner),
      b: bench.put(b, columns, inner),
      aLayout: "inner",
      bLayout: "inner",
      rows,
      columns,
      inner,
      bias: bench.put(bias, 1, columns).reshaped([columns]),
      residual: bench.put(residual, rows, columns),
      accumulate: true,
    } as const;
    let first: Float32Array | undefined;
    for (const kernel of Object.values(allKernels(bench.queue.adapter))) {
      for (const chunks of [false, true]) {
        const c = bench.put(before, rows, columns);
        bench.matmul.run({ ...product, c }, { kernel, chunks });
        const result = await bench.read(c);
        first ??= result;
        assertSameBits(result, first, `${kernel.name}, ${chunks ? "spread" : "whole"}`);
      }
    }
    const plain = canonical(a, b, rows, columns, inner);
    for (let i = 0; i < plain.length; i++) {
      const expected = before[i]! + plain[i]! + bias[i % columns]! + residual[i]!;
      assert.ok(Math.abs(first![i]! - expected) < 1e-3, `element ${i}: ${first![i]}, not ${expected}`);
    }
  },
);

gpuTest("Matmul.run() gives a row the same bits for every number of rows from 1 to 70", async () => {
  await using bench = await Bench.open();
  const columns = 52, inner = 600, most = 70;
  const a = bench.put(numbers(9, most * inner), most, inner),
    b = bench.put(numbers(10, columns * inner), columns, inner);
  const run = async (rows: number, start: number) => {
    const c = bench.arena.alloc([rows, columns], "f32");
    bench.linear.forward(a.rows(start, start + rows), b, c);
    const result = await bench.read(c);
    bench.arena.release(c);
    return result;
  };
  const all = await run(most, 0);
  for (let rows = 1; rows < most; rows++) {
    const start = (rows * 7) % (most - rows + 1);
    const expected = all.slice(start * columns, (start + rows) * columns);
    assertSameBits(await run(rows, start), expected, `rows ${start} to ${start + rows}`);
  }
});

gpuTest("LinearOps gives the same bits when nothing fits into one binding", async () => {
  const n = 530, inputs = 300, outputs = 270, wide = 900;
  const results: Float32Array[][] = [];
  // What a limit of 310,000 bytes cuts: rows of x, y, dy and dx, columns (of w and halves), terms (of w, dy and x), rows of dw.
  for (const maxBinding of [undefined, 310_000]) {
    await using bench = await Bench.open(maxBinding === undefined ? {} : { maxBinding });
    let seed = 20;
    const put = (rows: number, columns: number, dtype: StoredType = "f32") =>
      bench.put(numbers(seed++, rows * columns), rows, columns, dtype);
    const x = put(n, inputs), w = put(outputs, inputs), dy = put(n, outputs), residual = put(n, outputs);
    const bias = put(1, outputs).reshaped([outputs]), dBias = put(1, outputs).reshaped([outputs]);
    const dBias2 = put(1, outputs).reshaped([outputs]);
    const x2 = put(40, wide), halves = put(outputs, wide, "bf16"), y = put(n, outputs), y2 = put(40, outputs);
    const dx = put(n, inputs), dx2 = put(n, inputs), dw = put(outputs, inputs), dw2 = put(outputs, inputs);
    bench.linear.forward(x, w, y, bias, residual);
    bench.linear.forward(x2, halves, y2);
    bench.linear.backwardInput(dy, w, dx, true);
    bench.linear.backwardInput(dy, w, dx2, false);
    bench.linear.backwardWeight(dy, x, dw, true, dBias);
    bench.linear.backwardWeight(dy, x, dw2, false, dBias2);
    const read: Float32Array[] = [];
    for (const tensor of [y, y2, dx, dx2, dw, dw2, dBias, dBias2]) read.push(await bench.read(tensor));
    results.push(read);
    await bench.queue.failures.check();
  }
  const names = ["y", "y2", "dx", "dx2", "dw", "dw2", "dBias", "dBias2"];
  results[1]!.forEach((cut, i) => assertSameBits(cut, results[0]![i]!, names[i]));
});

gpuTest(
  "Matmul.run() keeps to the adapter's limit where a tensor lies across an aligned offset",
  async () => {
    await using bench = await Bench.open();
    const limit = bench.queue.device.limits.maxStorageBufferBindingSize, inner = 4096, columns = 4;
    // As many bytes as may be bound, from the 64th on; larger limits would take too much memory to try.
    const rows = Math.min(limit, 2 ** 27) / (4 * inner);
    const x = bench.arena.alloc([16 + rows * inner], "f32").rows(16, 16 + rows * inner).reshaped([
      rows,
      inner,
    ]);
    const w = bench.put(numbers(1, columns * inner), columns, inner);
    const y = bench.arena.alloc([rows, columns], "f32");
    bench.queue.clear(x);
    bench.linear.forward(x, w, y);
    assertSameBits(await bench.read(y), new Float32Array(rows * columns), "products of zeros");
  },
);

gpuTest("Matmul.run() names the limit when a binding holds too few rows to cut", async () => {
  await using bench = await Bench.open({ maxBinding: 4096 });
  const x = bench.put(numbers(1, 40 * 64), 40, 64), w = bench.put(numbers(2, 8 * 64), 8, 64);
  const y = bench.arena.alloc([40, 8], "f32");
  assert.throws(() => bench.linear.forward(x, w, y), /a binding of 3840 bytes does not hold 32 rows of 256/);
});

Deno.test("planFor() gives a GPU wide tiles for many rows, flat ones for few, and spreads chunks of small products", () => {
  const gpu = { software: false } as Parameters<typeof planFor>[0];
  const plan = (rows: number, columns: number, inner: number) =>
    planFor(gpu, { rows, columns, inner, aLayout: "inner" });
  assert.deepEqual(plan(4096, 4096, 4096), { kernel: tiles.large, chunks: false });
  // 192 large tiles would be two rounds on 132 multiprocessors, the second half empty.
  assert.deepEqual(plan(2048, 1536, 576), { kernel: tiles.medium, chunks: false });
  assert.deepEqual(plan(192, 192, 8192), { kernel: tiles.small, chunks: true });
  assert.deepEqual(plan(32, 8960, 1536), { kernel: tiles.rows32, chunks: true });
  assert.deepEqual(plan(32, 1536, 1536), { kernel: tiles.small, chunks: true });
  assert.deepEqual(plan(1, 151936, 1536), { kernel: tiles.rows8, chunks: false });
});
