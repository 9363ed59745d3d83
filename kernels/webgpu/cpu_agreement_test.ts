/**
 * Every op on both engines, on the same random data. Each is held to the float64 reference by its own suite; here nothing
 * stands between them.
 */
import { assertRelative } from "#test";
import { opCases } from "../conformance/determinism.ts";
import { Workbench } from "../conformance/workbench.ts";
import { createCpuDevice } from "../cpu/mod.ts";
import { TestRandom } from "../reference/random.ts";
import { findAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

/** Twice what a backward op may be off the reference, see `conformance/harness.ts`. */
const tolerance = 1e-4;

Deno.test({
  name: "every op gives on WebGPU what it gives on the CPU engine",
  ignore: await findAdapter() === null,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (test) => {
    const devices = [createCpuDevice(), await createWebGpuDevice()];
    for (const [name, run] of Object.entries(opCases)) {
      await test.step(name, async () => {
        for (const seed of [1, 2]) {
          const [cpu, gpu] = await Promise.all(devices.map(async (device) => {
            using bench = new Workbench(device);
            return await run(bench, new TestRandom(seed));
          }));
          gpu!.forEach((values, i) =>
            assertRelative(values, cpu![i]!, tolerance, `output ${i}, seed ${seed}`)
          );
        }
      });
    }
    for (const device of devices) device.dispose();
  },
});
