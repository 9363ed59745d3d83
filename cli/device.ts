/**
 * Opens the engine that `--device` names.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { Device } from "../kernels/device.ts";
import type { DeviceName } from "../lib/manifest/names.ts";

/**
 * The engine to compute on; "auto" is the CPU engine, the only one of this version.
 *
 * @throws MissingError for "webgpu"
 */
export async function openDevice(kind: DeviceName): Promise<Device> {
  if (kind === "webgpu") {
    throw new MissingError(
      `device "webgpu" is not there: this version has the cpu engine only`,
      "use --device cpu",
    );
  }
  // Loaded here, because loading ONNX Runtime takes longer than all of `--help`.
  const { createCpuDevice } = await import("../kernels/cpu/mod.ts");
  return createCpuDevice();
}
