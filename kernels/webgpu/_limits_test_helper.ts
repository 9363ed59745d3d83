/**
 * Tests of ops on a device whose limits are so low that small tensors are split, beside one with the adapter's limits.
 *
 * @module
 */
import { Workbench } from "../conformance/workbench.ts";
import { findAdapter } from "./adapter.ts";
import { createWebGpuDevice, type WebGpuOptions } from "./mod.ts";

const adapter = await findAdapter();

/** Benches that an op is run on, by what their devices can do. */
export interface LimitedBenches {
  /** The limits of the test. */
  readonly small: Workbench;
  /** What the adapter can. */
  readonly large: Workbench;
}

/** Registers a test on two fresh devices; it is ignored where there is no adapter. */
export function limitsTest(
  name: string,
  limits: WebGpuOptions,
  body: (benches: LimitedBenches) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: adapter === null,
    fn: async () => {
      const devices = await Promise.all([
        createWebGpuDevice(limits),
        createWebGpuDevice(),
      ]);
      const [small, large] = devices.map((device) => new Workbench(device)) as [Workbench, Workbench];
      try {
        await body({ small, large });
      } finally {
        for (const device of devices) device.dispose();
      }
    },
  });
}
