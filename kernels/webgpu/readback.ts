/**
 * Copies results to the host.
 *
 * An awaited `mapAsync` costs at least 10 ms in Deno 2.9, whatever the GPU does (its op sleeps 10 ms after it has waited
 * for the device). But the wait itself happens inside the call, so that the range can be taken at once, without awaiting:
 * 0.1 ms. That is an implementation detail: a staging buffer is mapped once with `await`, then tried without, and any
 * failure goes back to awaiting for good. This file can lose its fast path when Deno's `mapAsync` no longer sleeps.
 *
 * @module
 */

interface Staging {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** Whether it has been mapped with `await`: the range of a buffer that never was must not be taken at once. */
  seasoned: boolean;
}

/** Free staging memory that is kept. */
const keptBytes = 64 << 20;

/** Reads buffers back through reused staging buffers. */
export class Readback {
  readonly #free: Staging[] = [];
  #immediate = true;

  constructor(readonly device: GPUDevice) {}

  /** "immediate" while the fast path works. */
  get path(): "immediate" | "awaited" {
    return this.#immediate ? "immediate" : "awaited";
  }

  #staging(bytes: number): Staging {
    const fits = this.#free.findIndex((staging) =>
      staging.bytes >= bytes && staging.bytes <= 4 * bytes + 4096
    );
    if (fits >= 0) return this.#free.splice(fits, 1)[0]!;
    // What is not kept need not fit anything else, and the next power of two may be more than a buffer can have.
    const size = bytes > keptBytes ? bytes : Math.max(4096, 2 ** Math.ceil(Math.log2(bytes)));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return { buffer: this.device.createBuffer({ size, usage }), bytes: size, seasoned: false };
  }

  /** Appends the copy to `commands`, has them submitted by `submit`, and waits for the bytes. */
  async read(
    commands: GPUCommandEncoder,
    source: GPUBuffer,
    offset: number,
    bytes: number,
    submit: () => void,
  ): Promise<ArrayBuffer> {
    if (bytes === 0) {
      submit();
      return new ArrayBuffer(0);
    }
    const staging = this.#staging(bytes), { buffer } = staging;
    commands.copyBufferToBuffer(source, offset, buffer, 0, bytes);
    submit();
    const mapped = buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    let result: ArrayBuffer | undefined;
    if (this.#immediate && staging.seasoned) {
      mapped.catch(() => {});
      try {
        result = buffer.getMappedRange(0, bytes).slice(0);
      } catch {
        this.#immediate = false;
      }
    }
    if (!result) {
      await mapped;
      result = buffer.getMappedRange(0, bytes).slice(0);
      staging.seasoned = true;
    }
    buffer.unmap();
    this.#free.push(staging);
    let kept = 0;
    for (let i = this.#free.length - 1; i >= 0; i--) {
      kept += this.#free[i]!.bytes;
      if (kept > keptBytes) this.#free.splice(i, 1)[0]!.buffer.destroy();
    }
    return result;
  }

  /** Destroys the staging buffers. */
  dispose(): void {
    for (const { buffer } of this.#free.splice(0)) buffer.destroy();
  }
}
