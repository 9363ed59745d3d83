/**
 * Opens the engine that `--device` names.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { Device } from "../kernels/device.ts";
import type { DeviceName } from "../lib/manifest/names.ts";
import type { Progress } from "./progress.ts";

/**
 * The engine to compute on. "auto" is WebGPU where the machine has a GPU for it, else the CPU engine: an adapter that
 * computes on the CPU itself (llvmpipe, SwiftShader) is many times slower than that, and is taken for "webgpu" only.
 *
 * @param progress is told of a software adapter
 * @param threads of the CPU engine; by default the number of cores
 * @throws {MissingError} for "webgpu" where there is no adapter at all
 * @throws {UsageError} for the CPU engine if the command line is too long for it
 */
export async function openDevice(
  kind: DeviceName,
  progress?: Pick<Progress, "note">,
  threads?: number,
): Promise<Device> {
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
  requireShortArguments(Deno.args);
  const { createCpuDevice } = await import("../kernels/cpu/mod.ts");
  return createCpuDevice(threads === undefined ? {} : { threads });
}

/** Bytes of arguments that are certainly not too many; 28,000 were not, 30,000 were, with 8 MiB of stack. */
const MOST_BYTES = 20_000;

/**
 * Fails if ONNX Runtime would end the process: on Linux it reads the command line (/proc/self/cmdline) when it is opened, and overflows
 * the stack over a long one (1.30.0). To be removed when it does not.
 */
function requireShortArguments(args: readonly string[]): void {
  const bytes = new TextEncoder().encode(args.join(" ")).length;
  if (Deno.build.os !== "linux" || bytes <= MOST_BYTES) return;
  throw new UsageError(
    `the command line has ${bytes} bytes, more than the ${MOST_BYTES} that ONNX Runtime can be opened with`,
    "give long texts in a file, to embed with --input; or choose --device webgpu",
  );
}
