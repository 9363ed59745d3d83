/**
 * No kernel depends on the order in which a workgroup's threads run: a check for barriers that are missing, which no run in
 * one order can be.
 */
import { assert, assertSameBits } from "#test";
import { opCases } from "../conformance/determinism.ts";
import { Workbench } from "../conformance/workbench.ts";
import { TestRandom } from "../reference/random.ts";
import { isThere, openInOrder, orders, renumber, type ThreadOrder } from "./_thread_order_test_helper.ts";
import { Matmul } from "./matmul.ts";
import { allKernels, type MatmulKernel, tiles } from "./matmul_plan.ts";
import type { Layout } from "./matmul_product.ts";
import { createWebGpuDevice } from "./mod.ts";
import { CommandQueue } from "./queue.ts";

const gpuTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: !isThere, sanitizeOps: false, sanitizeResources: false, fn });

/** Runs `body` in the order of numbers and in all others, and compares what it gives by bits. */
async function inAnyOrder(
  body: (order: ThreadOrder | null, seen: Set<string>) => Promise<readonly Float32Array[]>,
  fewest: number,
): Promise<void> {
  const expected = await body(null, new Set());
  for (const order of orders) {
    const seen = new Set<string>(), actual = await body(order, seen), what = JSON.stringify(order);
    assert.ok(seen.size >= fewest, `${seen.size} kernels with threads in another order`);
    actual.forEach((values, i) => assertSameBits(values, expected[i]!, `output ${i}, order ${what}`));
  }
}

Deno.test("renumber() gives every thread a number of its own, in one dimension or two", () => {
  const line =
    "var<workgroup> x: f32;\n@compute @workgroup_size(64)\nfn main(@builtin(local_invocation_index) local: u32) {";
  assert.match(renumber(line, orders[0]!)!, /let local = \(physical \* 63u \+ 63u\) % 64u;$/);
  assert.match(
    renumber(line.replace("(64)", "(64, 4)").replace("index) local: u32", "id) t: vec3<u32>"), orders[1]!)!,
    /let t = vec3<u32>\(\(physical \* 11u \+ 5u\) % 256u % 64u, \(physical \* 11u \+ 5u\) % 256u \/ 64u, 0u\);$/,
  );
  assert.equal(renumber(line.replace("workgroup", "private"), orders[0]!), null);
  for (const { factor, shift } of orders) {
    const numbers = new Set(
      Array.from({ length: 128 }, (_, at) => (((factor * at + shift) % 128) + 128) % 128),
    );
    assert.equal(numbers.size, 128);
  }
});

gpuTest("another order of threads shows a barrier that is missing", async () => {
  const sums: number[][] = [];
  for (const barrier of ["", "workgroupBarrier();"]) {
    const results: number[] = [];
    for (const order of [null, ...orders]) {
      const queue = new CommandQueue(await openInOrder(order)), arena = queue.newArena();
      const y = arena.alloc([64], "f32");
      const kernel = queue.kernel("neighbours", () => ({
        name: "neighbours",
        params: {},
        bindings: { y: "out f32" },
        code: `
var<workgroup> shared_values: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  shared_values[local] = f32(local + 1u);
  ${barrier}
  y[p.y_base + local] = shared_values[(local + 24u) % 64u];
}`,
      }));
      queue.run(kernel, { y }, {}, [1]);
      results.push(new Float32Array(await queue.read(y)).slice(0, 64).reduce((sum, value) => sum + value, 0));
      arena.dispose();
      queue.dispose();
    }
    sums.push(results);
  }
  const [without, withBarrier] = sums, right = 64 * 65 / 2;
  assert.deepEqual(withBarrier, [right, right, right]);
  assert.ok(without!.some((sum) => sum !== right), `${without}`);
});

/** Groups of ops and how many kernels with shared memory they have at least. */
const groups = {
  "linear ops": 1,
  "norm ops": 3,
  "attention ops": 3,
  "lmHead ops": 5,
  "policy ops": 2,
  "embedding objective ops": 2,
  "optimiser ops": 1,
} as const;

for (const [name, fewest] of Object.entries(groups)) {
  gpuTest(`${name} give the same bits in any order of threads`, () =>
    inAnyOrder(async (order, seen) => {
      const device = await createWebGpuDevice({ adapter: await openInOrder(order, seen) });
      const bench = new Workbench(device), results = await opCases[name]!(bench, new TestRandom(3));
      device.dispose();
      return results;
    }, fewest));
}

gpuTest(
  "attentionDecode(), drawing and heads of several sections give the same bits in any order of threads",
  () =>
    inAnyOrder(async (order, seen) => {
      const device = await createWebGpuDevice({ adapter: await openInOrder(order, seen) });
      const bench = new Workbench(device), random = new TestRandom(4);
      const shape = { heads: 9, kvHeads: 1, headDim: 96 }, n = 40, width = 9 * 96;
      const put = (columns: number, rows = n) => bench.put(random.normals(rows * columns), rows, columns);
      const cache = device.kvCache(1, 2, 150, shape), k = put(96, 150), v = put(96, 150);
      device.cacheWrite(cache, 0, k, v, [0, 1].map((slot) => ({ row: 0, count: 150, slot, position: 0 })));
      const y = bench.out(2, width);
      device.attentionDecode(put(width, 2), cache, 0, Int32Array.of(150, 37), shape, y);
      const [q, dy] = [put(width), put(width)], [keys, values] = [put(96), put(96)];
      const all = bench.out(n, width), lse = bench.out(9, n), dq = bench.out(n, width);
      const dk = bench.out(n, 96), dv = bench.out(n, 96), segments = [{ start: 0, length: n, parent: -1 }];
      device.attention(q!, keys!, values!, segments, shape, all, lse);
      device.attentionBackward(dy!, q!, keys!, values!, all, lse, segments, shape, dq, dk, dv);
      const results = await bench.read(y, all, dq, dk, dv);
      device.cacheFree(cache);
      const h = put(40, 6), w = put(40, 9000);
      const uniforms = Float32Array.from({ length: 6 }, () => random.uniform());
      for (const [temperature, topP, topK] of [[0, 1, 0], [1.1, 1, 0], [1, 0.8, 50]] as const) {
        const { ids, ...statistics } = await device.lmHeadSample(h, w, uniforms, { temperature, topP, topK });
        results.push(Float32Array.from(ids), ...Object.values(statistics));
      }
      device.dispose();
      return results;
    }, 12),
);

gpuTest(
  "every tile of products gives the same bits in any order of threads",
  () =>
    inAnyOrder(async (order, seen) => {
      const queue = new CommandQueue(await openInOrder(order, seen)), arena = queue.newArena();
      const matmul = new Matmul(queue, arena), random = new TestRandom(5), results: Float32Array[] = [];
      const product = async (
        kernel: MatmulKernel,
        layout: Layout,
        [rows, columns, inner]: readonly [number, number, number],
      ) => {
        const matrix = (extent: number) => {
          const [lines, width] = layout === "inner" ? [extent, inner] : [inner, extent];
          const tensor = arena.alloc([lines, width], "f32");
          queue.write(tensor, new Uint8Array(Float32Array.from(random.normals(lines * width)).buffer));
          return tensor;
        };
        const a = matrix(rows), b = matrix(columns), c = arena.alloc([rows, columns], "f32");
        const layouts = { aLayout: layout, bLayout: layout } as const;
        matmul.run({ a, b, c, rows, columns, inner, ...layouts }, { kernel, chunks: false });
        results.push(new Float32Array(await queue.read(c)));
      };
      // Several tiles of the smaller kinds, and two chunks.
      for (const kernel of Object.values(allKernels(queue.adapter))) {
        if (kernel.name.startsWith("matmul-tiled")) await product(kernel, "inner", [140, 136, 300]);
      }
      await product(tiles.medium, "outer", [140, 136, 300]);
      // Element by element.
      await product(tiles.small, "inner", [37, 33, 29]);
      arena.dispose();
      queue.dispose();
      return results;
    }, 10),
);
