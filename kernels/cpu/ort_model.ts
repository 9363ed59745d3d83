/**
 * A model that someone else exported as ONNX, run as it is on ONNX Runtime.
 *
 * Unlike the graphs of this engine's own ops, such a graph is optimised (fused attention and normalisation): nothing here
 * has a twin whose bits it would have to share.
 *
 * @module
 */
import { UsageError } from "#errors";
import { type Feeds, type NativeSession, newSession, type OrtMetadata, runInto } from "./ort.ts";

/** An input or output of a model. */
export interface ModelValue {
  readonly name: string;
  readonly type: "float32" | "int32" | "int64" | "other";
  /** null where any size will do. */
  readonly shape: readonly (number | null)[];
}

const TYPES: Readonly<Record<number, ModelValue["type"]>> = { 1: "float32", 6: "int32", 7: "int64" };

/** An ONNX model, loaded. */
export class OrtModel {
  readonly #native: NativeSession;
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];

  /**
   * Loads a model for `threads` threads; data outside of the file (`model.onnx_data`) are found beside it.
   *
   * @throws UsageError if ONNX Runtime cannot load it
   */
  constructor(readonly path: string, threads: number) {
    this.#native = newSession();
    try {
      this.#native.loadModel(path, {
        intraOpNumThreads: threads,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        // Batches have all sizes: a plan for each of them would be kept.
        enableMemPattern: false,
        enableCpuMemArena: true,
        // 4: the error is thrown too.
        logSeverityLevel: 4,
        // As every session here: threads that spin for long after each run take the cores from everything else.
        extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "10" } } },
      });
    } catch (cause) {
      throw new UsageError(
        `ONNX Runtime cannot load "${path}": ${(cause as Error).message}`,
        "export the model again, or download all of its files again",
        { cause },
      );
    }
    this.inputs = this.#native.inputMetadata.map(valueOf);
    this.outputs = this.#native.outputMetadata.map(valueOf);
  }

  /**
   * Runs the model into `outputs`, which are all allocated in the size that the model gives them.
   *
   * @throws Error as ONNX Runtime does, such as for an id past the end of an embedding
   */
  run(inputs: Feeds, outputs: Feeds): void {
    runInto(this.#native, inputs, outputs);
  }

  /** Frees the session and its threads. */
  dispose(): void {
    this.#native.dispose();
  }
}

function valueOf({ name, isTensor, type, shape }: OrtMetadata): ModelValue {
  return {
    name,
    type: isTensor ? TYPES[type] ?? "other" : "other",
    shape: isTensor ? shape.map((size) => size < 0 ? null : size) : [],
  };
}
