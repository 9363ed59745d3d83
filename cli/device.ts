/**
 * Opens the engine that `--device` names.
 *
 * @module
 */
import type { Device } from "../kernels/device.ts";
import type { DeviceName } from "../lib/manifest/names.ts";
import type { Progress } from "./progress.ts";

/**
 * The engine to compute on. "auto" is WebGPU where the machine has a GPU for it, else the CPU engine: an adapter that
 * computes on the CPU itself (llvmpipe, SwiftShader) is many times slower than that, and is taken for "webgpu" only.
 *
 * @param progress is told of a software adapter
 * @throws {MissingError} for "webgpu" where there is no adapter at all
 */
export async function openDevice(kind: DeviceName, progress?: Progress): Promise<Device> {
  // Engines are loaded here, because loading one takes longer than all of `--help`.
  if (kind !== "cpu") {
    const { findAdapter } = await import("../kernels/webgpu/adapter.ts");
    const adapter = await findAdapter();
    if (kind === "webgpu" || adapter?.software === false) {
      const { createWebGpuDevice } = await import("../kernels/webgpu/mod.ts");
      const device = await createWebGpuDevice();
      if (adapter?.software) {
        progress?.note(`WebGPU in software (${adapter.name}): many times slower than --device cpu`);
      }
      return device;
    }
  }
  const { createCpuDevice } = await import("../kernels/cpu/mod.ts");
  return createCpuDevice();
}
