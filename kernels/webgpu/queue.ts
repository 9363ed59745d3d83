/**
 * Commands for the GPU, in order: dispatches and copies are collected and submitted together. Parameters and small index
 * lists of all commands lie in one buffer that is written once a submission.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { OpenedAdapter } from "./adapter.ts";
import { Arena, type Slab } from "./arena.ts";
import { Failures } from "./failures.ts";
import { type Kernel, KernelCache, type KernelSpec, uniformBytes } from "./kernel.ts";
import { Readback } from "./readback.ts";
import { ParameterBuffer } from "./parameter_buffer.ts";
import type { GpuTensor } from "./tensor.ts";
import { type KernelTime, KernelTimer } from "./timer.ts";

/** Longest list, in bytes, that goes through that buffer. */
const listBytes = 1 << 20;

/** Dispatches after which commands are submitted, so that the GPU works while more are being collected. */
const dispatchesPerSubmit = 128;

/**
 * Arithmetic operations after which they are submitted too: 1 ms of a large GPU, a tenth of a second of a small one. Drivers
 * reset a GPU that works on one submission for seconds (2 s on Windows, 10 s of amdgpu).
 */
const operationsPerSubmit = 5e10;

/** Bind groups that are kept. */
const bindGroupLimit = 8192;

/** Host data that is written between two submissions, at most: until then it lies in memory twice. */
const unsubmittedBytes = 1 << 26;

/** A piece of a buffer. */
export interface Piece {
  readonly slab: Slab;
  /** In bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** What is bound of a buffer, in bytes. */
interface Resource {
  readonly slab: Slab;
  readonly offset: number;
  readonly size: number;
}

/** Numbers that a kernel takes from the host: indices, lengths, positions. */
export type HostList = Int32Array | Uint32Array | Float32Array;

/** Workgroups in x, y and z. */
export type Groups = readonly [x: number, y?: number, z?: number];

/** Settings of a queue. */
export interface QueueOptions {
  /** Time every dispatch on the GPU, for {@linkcode CommandQueue.kernelTimes}; costs some speed. */
  readonly timestamps?: boolean;
  /** A lower limit on the bytes of a binding than the adapter's, for tests of what is split. */
  readonly maxBinding?: number;
  /** A lower limit on the workgroups in a dimension of a dispatch, for tests of what is spread over two. */
  readonly maxGroups?: number;
}

/** See the module comment. One for each device. */
export class CommandQueue {
  readonly device: GPUDevice;
  readonly failures: Failures;
  readonly kernels: KernelCache;
  /** Largest number of workgroups in a dimension of a dispatch. */
  readonly maxGroups: number;
  /** Largest number of bytes that a kernel can see of a tensor, wherever in its buffer that starts. */
  readonly maxBinding: number;
  /** Largest size of a binding. */
  readonly #mostBound: number;
  readonly #alignment: number;
  readonly #readback: Readback;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #dispatches = 0;
  #operations = 0;
  readonly #parameters: ParameterBuffer;
  readonly #uniforms: GPUBindGroup;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  /** Bytes of host data that WebGPU holds for the next submission. */
  #unsubmitted = 0;
  readonly #timer: KernelTimer | null;

  /** See {@linkcode QueueOptions}. */
  constructor(readonly adapter: OpenedAdapter, options: QueueOptions = {}) {
    const { device } = adapter, { limits } = device;
    this.device = device;
    this.failures = new Failures(device);
    this.kernels = new KernelCache(device);
    this.maxGroups = Math.min(limits.maxComputeWorkgroupsPerDimension, options.maxGroups ?? Infinity);
    this.#alignment = Math.max(
      limits.minStorageBufferOffsetAlignment,
      limits.minUniformBufferOffsetAlignment,
    );
    const most = Math.min(limits.maxStorageBufferBindingSize, options.maxBinding ?? Infinity);
    this.#mostBound = most - most % 16;
    // Bindings start at aligned offsets, so one may hold bytes before the tensor's own.
    this.maxBinding = most - this.#alignment;
    this.#readback = new Readback(device);
    if (options.timestamps && !adapter.features.timestamps) {
      throw new MissingError(
        `The adapter "${adapter.name}" has no timestamps`,
        "measure without them, or on another adapter",
      );
    }
    this.#timer = options.timestamps ? new KernelTimer(device) : null;
    this.#parameters = new ParameterBuffer(device, this.#alignment);
    this.#uniforms = device.createBindGroup({
      layout: this.kernels.uniformLayout,
      entries: [{ binding: 0, resource: { buffer: this.#parameters.slab.buffer, size: uniformBytes } }],
    });
  }

  /** An arena whose buffers this queue's commands use. */
  newArena(): Arena {
    return new Arena({
      device: this.device,
      guard: (create, what) => this.failures.guard(create, what),
      beforeDestroy: () => {
        this.flush();
        // They hold on to the buffers that they were made of.
        this.#bindGroups.clear();
      },
    });
  }

  /** The kernel `name`, compiled from `spec` at its first use. */
  kernel<P extends string, B extends string>(name: string, spec: () => KernelSpec<P, B>): Kernel<P, B> {
    return this.kernels.get(name, spec);
  }

  /**
   * Runs a kernel over `groups` workgroups, after everything that was issued before.
   *
   * @param bindings tensors, and lists of the host, which may be changed as soon as this returns. A tensor may be bound
   *   to several `out` bindings, if the kernel can bear it; where a binding that is only read shares its buffer with one
   *   that is written, the kernel reads a copy.
   */
  run<P extends string, B extends string>(
    kernel: Kernel<P, B>,
    bindings: Readonly<Record<B, GpuTensor | HostList>>,
    params: Readonly<Record<P, number>>,
    [x, y = 1, z = 1]: Groups,
  ): void {
    if (x === 0 || y === 0 || z === 0) return;
    if (!(x <= this.maxGroups && y <= this.maxGroups && z <= this.maxGroups)) {
      throw new Error(`kernel "${kernel.spec.name}": ${x} x ${y} x ${z} workgroups`);
    }
    const pieces = this.#place(kernel.bindings.map(({ name }) => bindings[name] as GpuTensor | HostList));
    this.#partAliases(kernel, pieces);
    const at = this.#parameters.reserve(uniformBytes), { named } = kernel, resources: Resource[] = [];
    named.forEach(({ name, type }, i) => {
      const value = params[name as P];
      if (value === undefined || (type !== "f32" && !Number.isInteger(value))) {
        throw new Error(`kernel "${kernel.spec.name}": parameter "${name}" is ${value}`);
      }
      this.#parameters.set(at, i, type, value);
    });
    kernel.bindings.forEach(({ name, unit }, i) => {
      const { slab, offset, bytes } = pieces[i]!;
      const start = Math.floor(offset / this.#alignment) * this.#alignment, rest = offset - start;
      if (rest % unit !== 0) {
        throw new Error(`kernel "${kernel.spec.name}": "${name}" starts within an element`);
      }
      if (bytes > this.maxBinding) {
        throw new Error(
          `kernel "${kernel.spec.name}": "${name}" has ${bytes} bytes, the limit is ${this.maxBinding}`,
        );
      }
      // To the end of the buffer, so that what only differs in length shares a bind group.
      const most = Math.min(slab.bytes - slab.bytes % 4 - start, this.#mostBound);
      resources.push({ slab, offset: start, size: Math.max(Math.ceil((rest + bytes) / 4) * 4, unit, most) });
      this.#parameters.set(at, named.length + i, "u32", rest / unit);
    });
    const pass = this.#computePass(kernel.spec.name);
    pass.setPipeline(kernel.pipeline);
    pass.setBindGroup(0, this.#uniforms, [at]);
    pass.setBindGroup(1, this.#bindGroup(kernel.layout, resources));
    pass.dispatchWorkgroups(x, y, z);
    this.#dispatches++;
    if (this.#dispatches >= dispatchesPerSubmit) this.flush();
  }

  /** Tells that what was issued last takes so many arithmetic operations, where they are many. */
  weigh(operations: number): void {
    this.#operations += operations;
    if (this.#operations >= operationsPerSubmit) this.flush();
  }

  /** Puts the lists among the bindings into GPU memory, and sees to it that there is room for the parameters too. */
  #place(given: (GpuTensor | HostList)[]): Piece[] {
    let lists: number[] | undefined;
    for (const one of given) if (ArrayBuffer.isView(one)) (lists ??= []).push(Math.max(one.byteLength, 4));
    // All lists of a dispatch and its parameters belong to one submission.
    if (!this.#parameters.fits(uniformBytes, ...(lists ?? []).filter((bytes) => bytes <= listBytes))) {
      this.flush();
    }
    if (!lists) return given as GpuTensor[];
    return given.map((one) => {
      if (!ArrayBuffer.isView(one)) return one;
      const data = new Uint8Array(one.buffer, one.byteOffset, one.byteLength),
        bytes = Math.max(data.length, 4);
      if (bytes > listBytes) {
        const slab = this.#temporary(bytes);
        this.#send(slab, 0, data as Uint8Array<ArrayBuffer>);
        return { slab, offset: 0, bytes };
      }
      return { slab: this.#parameters.slab, offset: this.#parameters.put(data, bytes), bytes };
    });
  }

  /** WebGPU refuses a buffer that one dispatch both reads through a read-only binding and writes. */
  #partAliases(kernel: Kernel, pieces: Piece[]): void {
    const written = (slab: Slab) =>
      pieces.some((other, i) => kernel.bindings[i]!.writes && other.slab === slab);
    pieces.forEach((piece, i) => {
      if (kernel.bindings[i]!.writes || !written(piece.slab)) return;
      const slab = this.#temporary(piece.bytes + 16), aligned = Math.floor(piece.offset / 16) * 16;
      const bytes = Math.ceil((piece.offset - aligned + piece.bytes) / 4) * 4;
      this.#copyBytes(piece.slab, aligned, slab, 0, Math.min(bytes, slab.bytes));
      pieces[i] = { slab, offset: piece.offset - aligned, bytes: piece.bytes };
    });
  }

  #temporaryId = -2;
  readonly #retired: Slab[] = [];

  /** A buffer that is destroyed once the commands issued before the next submission are submitted. */
  #temporary(bytes: number): Slab {
    const size = Math.ceil(bytes / 256) * 256;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.failures.guard(() => this.device.createBuffer({ size, usage }), "a copy");
    const slab = { buffer, bytes: size, id: this.#temporaryId-- };
    this.#retired.push(slab);
    return slab;
  }

  #bindGroup(
    layout: GPUBindGroupLayout,
    resources: readonly Resource[],
  ): GPUBindGroup {
    const create = () =>
      this.device.createBindGroup({
        layout,
        entries: resources.map(({ slab, offset, size }, binding) => ({
          binding,
          resource: { buffer: slab.buffer, offset, size },
        })),
      });
    // Lists lie elsewhere every time, and temporary buffers do not come again.
    if (resources.some(({ slab }) => slab.id < 0)) return create();
    let key = layout.label;
    for (const { slab, offset, size } of resources) key += `|${slab.id},${offset},${size}`;
    let group = this.#bindGroups.get(key);
    if (!group) {
      if (this.#bindGroups.size >= bindGroupLimit) this.#bindGroups.clear();
      this.#bindGroups.set(key, group = create());
    }
    return group;
  }

  #commands(): GPUCommandEncoder {
    return this.#encoder ??= this.device.createCommandEncoder();
  }

  #computePass(kernel: string): GPUComputePassEncoder {
    if (this.#timer) {
      this.#endPass();
      return this.#pass = this.#commands().beginComputePass({ timestampWrites: this.#timer.next(kernel) });
    }
    return this.#pass ??= this.#commands().beginComputePass();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #copyBytes(from: Slab, fromOffset: number, to: Slab, toOffset: number, bytes: number): void {
    this.#endPass();
    this.#commands().copyBufferToBuffer(from.buffer, fromOffset, to.buffer, toOffset, bytes);
  }

  /** to ← from; offsets and sizes are multiples of 4. Both may lie in one buffer. */
  copy(from: Piece, to: Piece): void {
    if (from.bytes === 0) return;
    if (from.slab !== to.slab) {
      this.#copyBytes(from.slab, from.offset, to.slab, to.offset, from.bytes);
      return;
    }
    const slab = this.#temporary(from.bytes);
    this.#copyBytes(from.slab, from.offset, slab, 0, from.bytes);
    this.#copyBytes(slab, 0, to.slab, to.offset, from.bytes);
  }

  /** Sets bytes to 0; offset and size are multiples of 4. */
  clear({ slab, offset, bytes }: Piece): void {
    if (bytes === 0) return;
    this.#endPass();
    this.#commands().clearBuffer(slab.buffer, offset, bytes);
  }

  /** Writes host data, after everything that was issued before. */
  write({ slab, offset }: Piece, data: Uint8Array<ArrayBuffer>): void {
    const padded = Math.ceil(data.byteLength / 4) * 4;
    if (padded === 0) return;
    if (padded <= listBytes / 4) {
      if (!this.#parameters.fits(padded)) this.flush();
      const at = this.#parameters.put(data, padded);
      this.#copyBytes(this.#parameters.slab, at, slab, offset, padded);
      return;
    }
    this.flush();
    const whole = data.byteLength - data.byteLength % 4;
    for (let from = 0; from < whole; from += unsubmittedBytes) {
      this.#send(slab, offset + from, data.subarray(from, Math.min(from + unsubmittedBytes, whole)));
    }
    if (whole < padded) {
      const tail = new Uint8Array(4);
      tail.set(data.subarray(whole));
      this.#send(slab, offset + whole, tail);
    }
  }

  /** Hands host data to WebGPU, which would keep a whole model's weights until somebody submits. */
  #send(slab: Slab, offset: number, data: Uint8Array<ArrayBuffer>): void {
    if (this.#unsubmitted + data.byteLength > unsubmittedBytes) {
      this.device.queue.submit([]);
      this.#unsubmitted = 0;
    }
    this.device.queue.writeBuffer(slab.buffer, offset, data);
    this.#unsubmitted += data.byteLength;
  }

  /** Submits what has been issued. */
  flush(): void {
    this.#endPass();
    this.#parameters.write();
    if (this.#encoder) {
      this.device.queue.submit([this.#encoder.finish()]);
      this.#encoder = null;
      this.#unsubmitted = 0;
    }
    this.#dispatches = 0;
    this.#operations = 0;
    for (const { buffer } of this.#retired.splice(0)) buffer.destroy();
  }

  /**
   * Waits for everything issued so far and copies bytes out; offset and size are multiples of 4.
   *
   * @throws {DeviceError} if anything went wrong on the GPU up to here
   */
  async read({ slab, offset, bytes }: Piece): Promise<ArrayBuffer> {
    this.#endPass();
    let result: ArrayBuffer;
    try {
      result = await this.#readback.read(this.#commands(), slab.buffer, offset, bytes, () => this.flush());
    } catch (error) {
      throw await this.failures.explain(error);
    }
    await this.failures.check();
    return result;
  }

  /**
   * GPU time by kernel since the last call. Needs the option `timestamps`.
   *
   * @throws {DeviceError} if anything went wrong on the GPU up to here
   */
  async kernelTimes(): Promise<KernelTime[]> {
    if (!this.#timer) throw new Error("kernelTimes: made without the option timestamps");
    this.flush();
    try {
      await this.#timer.fetch();
    } catch (error) {
      throw await this.failures.explain(error);
    }
    await this.failures.check();
    return this.#timer.take();
  }

  /** How results come back: "immediate" or "awaited". */
  get readPath(): string {
    return this.#readback.path;
  }

  /**
   * Submits what was issued and destroys the queue's own buffers and the device. Where the GPU has more than five seconds of
   * work left, Deno 2.9 panics when it collects the device, though not at `Deno.exit`: a process that goes on reads
   * something first.
   */
  dispose(): void {
    this.flush();
    this.#readback.dispose();
    this.#timer?.dispose();
    this.#parameters.slab.buffer.destroy();
    this.failures.expectLoss();
    this.device.destroy();
  }
}
