/**
 * Conformance of tensors: making, viewing, moving and freeing them. (That ops free their scratch memory is checked
 * after every test of every suite, see `conformanceTest`.)
 *
 * @module
 */
import { assert, assertSameBits } from "#test";
import type { Tensor } from "../tensor_types.ts";
import { TestRandom } from "../reference/random.ts";
import { conformanceTest, type Subject } from "./harness.ts";

/** Registers the tests of the memory ops. */
export function memorySuite(subject: Subject): void {
  conformanceTest(subject, "memory counts tensors while they live, and peak remembers", ({ device }) => {
    const before = device.memory.current;
    const a = device.alloc([100, 100]), b = device.alloc([70_001], "bf16");
    const both = device.memory.current;
    assert.ok(both >= before + 40_000 + 140_002, `${both - before} bytes`);
    device.free(a, b);
    assert.equal(device.memory.current, before);
    assert.ok(device.memory.peak >= both);
    return Promise.resolve();
  });

  conformanceTest(subject, "resetPeak() lets the peak start again from what is held", ({ device }) => {
    device.trim();
    device.resetPeak();
    const before = device.memory.peak;
    assert.ok(before >= device.memory.current);
    device.free(device.alloc([1 << 20]));
    assert.ok(device.memory.peak >= before + 4 * 2 ** 20);
    device.trim();
    assert.ok(device.memory.peak >= before + 4 * 2 ** 20, "what was freed is remembered");
    device.resetPeak();
    assert.equal(device.memory.peak, before);
    return Promise.resolve();
  });

  conformanceTest(subject, "rows() and reshape() share memory and do not count as memory", async (bench) => {
    const { device } = bench, x = bench.put(Float64Array.of(1, 2, 3, 4, 5, 6), 3, 2);
    const before = device.memory.current;
    const middle = device.rows(x, 1, 2), flat = device.reshape(x, [6]);
    assert.deepEqual([...middle.shape, ...flat.shape], [1, 2, 6]);
    device.fill(middle, 9);
    assert.deepEqual([...await device.read(flat)], [1, 2, 9, 9, 5, 6]);
    assert.deepEqual([...await device.read(device.rows(x, 3, 3))], []);
    assert.equal(device.memory.current, before);
  });

  conformanceTest(
    subject,
    "upload() copies, so that a later change of the array is not seen",
    async (bench) => {
      const data = Float32Array.of(1, 2, 3), { device } = bench, x = device.upload(data, [3]);
      data[1] = 7;
      const [first] = await bench.read(x);
      first![0] = 8;
      assert.deepEqual([...await device.read(x)], [1, 2, 3]);
      device.free(x);
    },
  );

  conformanceTest(subject, "read() widens bf16, f16 and i32", async (bench) => {
    const random = new TestRandom(1), values = random.weights("bf16", 33), others = random.weights("f16", 33);
    const [bf16, f16, i32] = await bench.read(
      bench.putWeights("bf16", values, 3, 11),
      bench.device.rows(bench.putWeights("f16", others, 3, 11), 1, 2),
      bench.putIds(Int32Array.of(-5, 70_000)),
    );
    assertSameBits(bf16!, Float32Array.from(values));
    assertSameBits(f16!, Float32Array.from(others.subarray(11, 22)));
    assert.deepEqual([...i32!], [-5, 70_000]);
  });

  conformanceTest(subject, "write(), copy(), add() and fill() do what they say", async (bench) => {
    const { device } = bench, x = bench.put(Float64Array.of(1, 2, 3), 3), y = bench.out(3);
    device.copy(x, y);
    device.add(x, y);
    assert.deepEqual([...await device.read(y)], [2, 4, 6]);
    device.write(y, Float32Array.of(7, 8, 9));
    assert.deepEqual([...await device.read(y)], [7, 8, 9]);
    device.fill(y, 0);
    assert.deepEqual([...await device.read(y)], [0, 0, 0]);
  });

  conformanceTest(
    subject,
    "zeros of fill() are there for whoever looks, and for what is added to them",
    async (bench) => {
      const { device } = bench, ones = bench.put(new Float64Array(6).fill(1), 3, 2);
      const zeros = () => {
        const tensor = bench.out(2, 2);
        device.fill(device.rows(tensor, 0, 1), 5);
        const view = device.rows(tensor, 1, 2), flat = device.reshape(tensor, [4]);
        device.fill(tensor, 0);
        return { tensor, view, flat };
      };
      const numbers = async (tensor: Tensor) => [...await device.read(tensor)];
      assert.deepEqual(await numbers(zeros().view), [0, 0]);
      assert.deepEqual(await numbers(zeros().flat), [0, 0, 0, 0]);
      assert.deepEqual(await numbers(device.rows(zeros().tensor, 0, 1)), [0, 0]);
      const copied = bench.out(2, 2), sum = bench.out(2, 2);
      device.copy(zeros().tensor, copied);
      assert.deepEqual(await numbers(copied), [0, 0, 0, 0]);
      device.fill(sum, 0);
      device.add(zeros().tensor, sum);
      assert.deepEqual(await numbers(sum), [0, 0, 0, 0]);
      const product = bench.out(3, 2);
      device.linear(ones, zeros().tensor, product);
      assert.deepEqual(await numbers(product), [0, 0, 0, 0, 0, 0]);
      const { tensor: gradient, view } = zeros();
      device.linearBackwardWeight(ones, ones, gradient, { accumulate: true });
      assert.deepEqual(await numbers(gradient), [3, 3, 3, 3]);
      device.linearBackwardWeight(ones, ones, gradient, { accumulate: true });
      assert.deepEqual(await numbers(view), [6, 6]);
      device.fill(gradient, 0);
      device.fill(view, 4);
      device.linearBackwardWeight(ones, ones, gradient, { accumulate: true });
      assert.deepEqual(await numbers(gradient), [3, 3, 7, 7]);
      const norm = await device.globalNorm([zeros().tensor, gradient]);
      assert.ok(Math.abs(norm - Math.sqrt(116)) < 1e-5, `norm ${norm}`);
    },
  );

  conformanceTest(subject, "kvCache() and its growth give all memory back", ({ device }) => {
    const shape = { heads: 2, kvHeads: 1, headDim: 32 }, before = device.memory.current;
    const cache = device.kvCache(3, 2, 4, shape), small = device.memory.current;
    const k = device.alloc([50, 32]), v = device.alloc([50, 32]);
    device.cacheWrite(cache, 0, k, v, [{ row: 0, count: 50, slot: 1, position: 0 }]);
    assert.ok(cache.capacity >= 50);
    device.free(k, v);
    assert.ok(device.memory.current > small && small > before);
    device.cacheFree(cache);
    assert.equal(device.memory.current, before);
    return Promise.resolve();
  });
}
