/**
 * How long each kernel takes on the GPU, by timestamp queries: the time of the kernel itself, without queues and hosts.
 *
 * @module
 */

/** Dispatches of one kernel. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly milliseconds: number;
}

/** Dispatches that can be timed before the times have to be fetched. */
const capacity = 2048;

/** Times dispatches while it is in use: each has a pass of its own then, which costs a little. */
export class KernelTimer {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #names: string[] = [];
  readonly #totals = new Map<string, { dispatches: number; nanoseconds: number }>();

  /** The device must have the feature `timestamp-query`. */
  constructor(readonly device: GPUDevice) {
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * capacity });
    const size = 16 * capacity;
    this.#resolved = device.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** Whether {@linkcode KernelTimer.fetch} must be called before the next dispatch. */
  get full(): boolean {
    return this.#names.length === capacity;
  }

  /** Where the pass of the next dispatch, of this kernel, writes its times. */
  next(kernel: string): GPUComputePassTimestampWrites {
    const at = 2 * this.#names.length;
    if (this.full) throw new Error(`more than ${capacity} dispatches between two calls of kernelTimes()`);
    this.#names.push(kernel);
    return { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Waits for the dispatches so far, which must have been submitted, and adds their times to the totals. */
  async fetch(): Promise<void> {
    const names = this.#names.splice(0);
    if (names.length === 0) return;
    const commands = this.device.createCommandEncoder(), bytes = 16 * names.length;
    commands.resolveQuerySet(this.#queries, 0, 2 * names.length, this.#resolved, 0);
    commands.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, bytes);
    this.device.queue.submit([commands.finish()]);
    await this.#staging.mapAsync(GPUMapMode.READ, 0, bytes);
    const times = new BigUint64Array(this.#staging.getMappedRange(0, bytes).slice(0));
    this.#staging.unmap();
    names.forEach((name, i) => {
      const total = this.#totals.get(name) ?? { dispatches: 0, nanoseconds: 0 };
      total.dispatches++;
      total.nanoseconds += Number(times[2 * i + 1]! - times[2 * i]!);
      this.#totals.set(name, total);
    });
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
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}
