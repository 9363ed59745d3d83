import { assert, assertSameBits } from "#test";
import { Workbench } from "../conformance/workbench.ts";
import { TestRandom } from "../reference/random.ts";
import { findAdapter, openAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

Deno.test({
  name:
    "layerTail() forms the gate where it adds up chunks, if a binding holds all of them, and the same bits if not",
  ignore: await findAdapter() === null,
  fn: async () => {
    const n = 7, inputs = 600, outputs = 200, results: Float32Array[] = [];
    // A weight has 480 kB.
    for (const [maxBinding, joins] of [[2 ** 26, true], [2 ** 17, false]] as const) {
      const opened = await openAdapter(), { timestamps } = opened.features;
      // The plans of GPUs spread chunks, those of software adapters do not.
      const device = await createWebGpuDevice({
        adapter: { ...opened, software: false },
        timestamps,
        maxBinding,
      });
      {
        using bench = new Workbench(device);
        const random = new TestRandom(1), y = bench.out(n, inputs), width = 8;
        const [wGate, wUp] = [0, 1].map(() =>
          bench.put(random.normals(outputs * inputs, 0.1), outputs, inputs)
        );
        const [o, down] = [width, outputs].map((columns) =>
          bench.put(random.normals(inputs * columns, 0.1), inputs, columns)
        );
        const norm = bench.put(random.normals(inputs), inputs);
        const x = bench.put(random.normals(n * inputs), n, inputs);
        const attended = bench.put(random.normals(n * width), n, width);
        device.layerTail(x, attended, { o: o!, norm, gate: wGate!, up: wUp!, down: down! }, 1e-5, y);
        results.push((await bench.read(y))[0]!);
        const kernels = timestamps ? (await device.kernelTimes()).map(({ kernel }) => kernel) : [];
        if (timestamps) assert.equal(kernels.includes("matmul-add-chunks-swiglu"), joins, kernels.join());
      }
      device.dispose();
    }
    assertSameBits(results[1]!, results[0]!);
  },
});
