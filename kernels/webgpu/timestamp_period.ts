/**
 * How long a tick of a GPU's timestamps is.
 *
 * WebGPU promises nanoseconds. Deno 2.9 hands out what the driver counts, for it opens wgpu without
 * `InstanceFlags::AUTOMATIC_TIMESTAMP_NORMALIZATION` (denoland/deno, ext/webgpu/lib.rs): on llvmpipe these are nanoseconds, and
 * by what drivers publish as `timestampPeriod` on NVIDIA too, but 10 ns on AMD and 52 or 83 ns on Intel. So ticks are held
 * against the host's clock, once, for a tenth of a second. This file can go when Deno sets the flag.
 *
 * @module
 */
import { MissingError } from "#errors";

/** A moment by both clocks. */
export interface Mark {
  readonly hostNanoseconds: number;
  readonly ticks: bigint;
}

/** Moments that are compared, and milliseconds between two of them. */
const marks = 5, gap = 25;

/** As near to nanoseconds as two clocks that are read one after the other can tell. */
const tolerance = 0.03;

/**
 * Nanoseconds a tick: the median over all pairs of moments, which a moment that the host was late for does not move; exactly
 * 1 where the clocks cannot tell it from that.
 *
 * @throws {MissingError} where ticks do not go on with time
 */
export function periodOf(moments: readonly Mark[]): number {
  const slopes = moments.flatMap((from, i) =>
    moments.slice(i + 1).map((to) =>
      (to.hostNanoseconds - from.hostNanoseconds) / Number(to.ticks - from.ticks)
    )
  ).sort((a, b) => a - b);
  const median = slopes[slopes.length >> 1] ?? NaN;
  if (!(median > 0 && Number.isFinite(median))) {
    throw new MissingError(
      "The timestamps of this adapter do not go on with time",
      "measure without them, or on another adapter",
    );
  }
  return Math.abs(median - 1) <= tolerance ? 1 : median;
}

/** Measures {@linkcode periodOf} on a device that has the feature `timestamp-query`. */
export async function timestampPeriod(device: GPUDevice): Promise<number> {
  const queries = device.createQuerySet({ type: "timestamp", count: 2 }), size = 16;
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
  const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const module = device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() {}" });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const moments: Mark[] = [];
  try {
    // One more than counts: the first dispatch may be compiled when it is submitted.
    for (let i = 0; i <= marks; i++) {
      const commands = device.createCommandEncoder();
      const pass = commands.beginComputePass({
        timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
      });
      pass.setPipeline(pipeline);
      pass.dispatchWorkgroups(1);
      pass.end();
      commands.resolveQuerySet(queries, 0, 2, resolved, 0);
      commands.copyBufferToBuffer(resolved, 0, staging, 0, size);
      device.queue.submit([commands.finish()]);
      const mapped = staging.mapAsync(GPUMapMode.READ);
      // The call itself waits for the GPU (see `readback.ts`), and what comes after it another 10 ms.
      const hostNanoseconds = 1e6 * performance.now();
      await mapped;
      const [, ticks] = new BigUint64Array(staging.getMappedRange().slice(0));
      staging.unmap();
      if (i > 0) moments.push({ hostNanoseconds, ticks: ticks! });
      await new Promise((resolve) => setTimeout(resolve, gap));
    }
  } finally {
    queries.destroy();
    resolved.destroy();
    staging.destroy();
  }
  return periodOf(moments);
}
