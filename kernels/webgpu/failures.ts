/**
 * Errors of the GPU, which WebGPU tells some time after the call that caused them: a lost device, memory that is not
 * there, a shader or a command that the driver refuses. The first one is kept, and thrown where the engine next waits:
 * no result is handed out that was computed after an error.
 *
 * @module
 */
import { DeviceError } from "#errors";

const cures = {
  lost:
    "see the driver's log, close what else uses the GPU and start again: a run continues from its last checkpoint; " +
    "`--device cpu` needs no GPU",
  memory:
    "use smaller batches (train.microBatchTokens, train.promptsPerStep), gradient checkpointing, a smaller backbone, or --device cpu",
  refused:
    "update the graphics driver, or use --device cpu; if it persists, report it with the output of `grace-repro doctor`",
} as const;

const filters = ["validation", "internal", "out-of-memory"] as const;

/** The first error of a device. */
export class Failures {
  #first: DeviceError | null = null;
  readonly #guarded: Promise<void>[] = [];
  #lossExpected = false;

  constructor(readonly device: GPUDevice) {
    device.lost.then(({ reason, message }) => {
      if (!this.#lossExpected) this.#note(`The GPU was lost (${reason}): ${message}`, cures.lost);
    });
    // Only what happens outside of the scopes comes here: between two calls of `check`.
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#noteError((event as GPUUncapturedErrorEvent).error);
    });
    this.#open();
  }

  #open(): void {
    for (const filter of filters) this.device.pushErrorScope(filter);
  }

  #note(message: string, cure: string): void {
    this.#first ??= new DeviceError(message.trim(), cure);
  }

  #noteError(error: GPUError): void {
    if (error instanceof GPUOutOfMemoryError) {
      this.#note(`The GPU is out of memory: ${error.message}`, cures.memory);
    } else this.#note(`The GPU refused a command: ${error.message}`, cures.refused);
  }

  /** Runs `create`; if the GPU has no memory for it, `what` is named in the error. */
  guard(create: () => GPUBuffer, what: string): GPUBuffer {
    this.device.pushErrorScope("out-of-memory");
    const buffer = create();
    this.#guarded.push(
      this.device.popErrorScope().then((error) => {
        if (error) this.#note(`The GPU has no memory for ${what}: ${error.message}`, cures.memory);
      }),
    );
    return buffer;
  }

  /** From now on the loss of the device is no error: it is being destroyed. */
  expectLoss(): void {
    this.#lossExpected = true;
  }

  /**
   * Waits until the GPU has told of everything that was submitted.
   *
   * @throws {DeviceError} the first error that there ever was
   */
  async check(): Promise<void> {
    await Promise.all(this.#guarded.splice(0));
    // In reverse, as a stack is; and opened again at once, as several reads may be waiting here.
    const popped = filters.map(() => this.device.popErrorScope());
    this.#open();
    const errors = await Promise.all(popped);
    for (const error of errors) if (error) this.#noteError(error);
    if (this.#first) throw this.#first;
  }

  /**
   * What a failed wait for the GPU means: the loss that it comes from, if the device was lost.
   *
   * @param error as WebGPU threw it
   */
  async explain(error: unknown): Promise<Error> {
    // `device.lost` and events are told a turn of the event loop later.
    await new Promise((resolve) => setTimeout(resolve, 0));
    try {
      await this.check();
    } catch (first) {
      return first as Error;
    }
    const message = `The GPU did not finish what it was given: ${(error as Error).message}`;
    return new DeviceError(message, cures.refused, { cause: error });
  }
}
