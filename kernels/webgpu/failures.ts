/**
 * Errors of the GPU, which WebGPU tells some time after the call that caused them: a lost device, memory that is not
 * there, a shader or a command that the driver refuses. The first one is kept and thrown where the engine next waits.
 *
 * @module
 */
import { DeviceError } from "#errors";

const cures = {
  lost:
    "see the driver's log; close what else uses the GPU, update the driver, and start again: the run resumes from its journal",
  memory: "use a smaller batch (fewer sequences or tokens at once), a smaller backbone, or --device cpu",
  refused:
    "update the graphics driver, or use --device cpu; if it persists, report it with the output of `grace-repro doctor`",
} as const;

/** The first error of a device. */
export class Failures {
  #first: DeviceError | null = null;
  #pending = 0;
  readonly #scopes: Promise<void>[] = [];
  #lossExpected = false;

  constructor(readonly device: GPUDevice) {
    device.lost.then(({ reason, message }) => {
      if (!this.#lossExpected) this.#note(`The GPU was lost (${reason}): ${message}`, cures.lost);
    });
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      event.preventDefault();
      if (error instanceof GPUOutOfMemoryError) {
        this.#note(`The GPU is out of memory: ${error.message}`, cures.memory);
      } else this.#note(`The GPU refused a command: ${error.message}`, cures.refused);
    });
  }

  #note(message: string, cure: string): void {
    this.#first ??= new DeviceError(message.trim(), cure);
  }

  /** Runs `create`; if the GPU has no memory for it, `what` is named in the error. */
  guard(create: () => GPUBuffer, what: string): GPUBuffer {
    this.device.pushErrorScope("out-of-memory");
    const buffer = create();
    const scope = this.device.popErrorScope().then((error) => {
      if (error) this.#note(`The GPU has no memory for ${what}: ${error.message}`, cures.memory);
    });
    this.#scopes.push(scope);
    return buffer;
  }

  /** From now on the loss of the device is no error: it is being destroyed. */
  expectLoss(): void {
    this.#lossExpected = true;
  }

  /** Throws the first error, if there was one. */
  async check(): Promise<void> {
    await Promise.all(this.#scopes.splice(0));
    if (this.#first) throw this.#first;
  }
}
