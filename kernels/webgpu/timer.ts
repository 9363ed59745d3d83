/**
 * How long each kernel takes on the GPU, by timestamp queries: the time of the kernel itself, without queues and hosts.
 * Copies and clears are not kernels and are not timed.
 *
 * A GPU may count in steps longer than a tick (NVIDIA in 32 ns or more), so times mean something as sums over many dispatches.
 *
 * @module
 */
import { timestampPeriod } from "./timestamp_period.ts";

/** Dispatches of one kernel. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly milliseconds: number;
}

/** Dispatches of one query set; WebGPU allows 4,096 queries in it. */
const capacity = 2048;

/** A query set and the kernels whose times are in it. */
interface Batch {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
  readonly names: string[];
}

/** Times dispatches while it is in use: each has a pass of its own then, which costs a little. */
export class KernelTimer {
  readonly #filled: Batch[] = [];
  readonly #empty: Batch[] = [];
  readonly #totals = new Map<string, { dispatches: number; nanoseconds: number }>();
  #period: Promise<number> | null = null;

  /** The device must have the feature `timestamp-query`. */
  constructor(readonly device: GPUDevice) {}

  #create(): Batch {
    const size = 16 * capacity;
    return {
      queries: this.device.createQuerySet({ type: "timestamp", count: 2 * capacity }),
      resolved: this.device.createBuffer({
        size,
        usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      }),
      staging: this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
      names: [],
    };
  }

  /** Where the pass of the next dispatch, of this kernel, writes its times. */
  next(kernel: string): GPUComputePassTimestampWrites {
    let batch = this.#filled.at(-1);
    if (!batch || batch.names.length === capacity) {
      this.#filled.push(batch = this.#empty.pop() ?? this.#create());
    }
    const at = 2 * batch.names.length;
    batch.names.push(kernel);
    return { querySet: batch.queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Waits for the dispatches so far, which must have been submitted, and adds their times to the totals. */
  async fetch(): Promise<void> {
    const batches = this.#filled.splice(0);
    if (batches.length === 0) return;
    const period = await (this.#period ??= timestampPeriod(this.device));
    const commands = this.device.createCommandEncoder();
    for (const { queries, resolved, staging, names } of batches) {
      commands.resolveQuerySet(queries, 0, 2 * names.length, resolved, 0);
      commands.copyBufferToBuffer(resolved, 0, staging, 0, 16 * names.length);
    }
    this.device.queue.submit([commands.finish()]);
    for (const batch of batches) {
      const bytes = 16 * batch.names.length;
      await batch.staging.mapAsync(GPUMapMode.READ, 0, bytes);
      const times = new BigUint64Array(batch.staging.getMappedRange(0, bytes).slice(0));
      batch.staging.unmap();
      batch.names.splice(0).forEach((name, i) => {
        const total = this.#totals.get(name) ?? { dispatches: 0, nanoseconds: 0 };
        total.dispatches++;
        // Less than nothing where the counter began anew in between: Intel's does after an hour or two.
        total.nanoseconds += period * Math.max(0, Number(times[2 * i + 1]! - times[2 * i]!));
        this.#totals.set(name, total);
      });
      this.#empty.push(batch);
    }
  }

  /** Times since the last call, slowest kernel first. */
  take(): KernelTime[] {
    const times = [...this.#totals].map(([kernel, { dispatches, nanoseconds }]) => ({
      kernel,
      dispatches,
      milliseconds: nanoseconds / 1e6,
    }));
    this.#totals.clear();
    return times.sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Destroys its buffers. */
  dispose(): void {
    for (const { queries, resolved, staging } of [...this.#filled, ...this.#empty]) {
      queries.destroy();
      resolved.destroy();
      staging.destroy();
    }
  }
}
