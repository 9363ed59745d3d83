/**
 * ONNX Runtime as a library of kernels: sessions made from graphs in memory, run synchronously over typed arrays.
 *
 * Two things here are not in the package's documented interface, and can go when they are:
 * - `dist/binding.js` is imported because its `run` is synchronous; the public one adds a `setImmediate` and an await
 *   to every call, which costs more than a small op (7 µs).
 * - `session.intra_op.spin_duration_us`: each session has threads of its own, which by default spin for a while after
 *   every op. With one session an op they steal the cores from each other: 30 layers of linear maps at 32 rows took
 *   320 ms with the default and 44 ms with 10 µs (2 cores, onnxruntime-node 1.30.0).
 *
 * @module
 */
import { binding, initOrt } from "onnxruntime-node/dist/binding.js";
import { encodeModel, type Graph } from "./onnx.ts";

/** What the binding takes and gives as a tensor. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
  readonly location: "cpu";
}

/** Named tensors of one call. */
export type Feeds = Readonly<Record<string, OrtTensor>>;

const typeNames = new Map<unknown, string>([
  [Float32Array, "float32"],
  [Int32Array, "int32"],
  [BigInt64Array, "int64"],
]);

/** Wraps a typed array, without a copy. */
export function ortTensor(
  data: Float32Array | Int32Array | BigInt64Array,
  dims: readonly number[],
): OrtTensor {
  return { type: typeNames.get(data.constructor)!, dims, data, location: "cpu" };
}

/** Version of the ONNX Runtime package that the engine is pinned to (deno.json). */
export const ortVersion = "1.30.0";

interface NativeSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: unknown): void;
  run(feeds: Feeds, fetches: Feeds, options: unknown): void;
  dispose(): void;
}

/** A compiled graph. */
export class Session {
  readonly #native: NativeSession;

  /** Compiles `graph` for `threads` threads. */
  constructor(graph: Graph, threads: number) {
    initOrt();
    const model = encodeModel(graph);
    this.#native = new binding.InferenceSession() as NativeSession;
    this.#native.loadModel(model.buffer, model.byteOffset, model.byteLength, {
      intraOpNumThreads: threads,
      executionMode: "sequential",
      // Graphs are run as they are written: a fusion could give one graph other bits than its twin.
      graphOptimizationLevel: "disabled",
      enableMemPattern: false,
      // Intermediates are megabytes, which malloc would map and fault in anew in every call: with an arena AdamW and
      // attention take half the time. Ops work in pieces, so that what a session keeps is bounded.
      enableCpuMemArena: true,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "10" } } },
    });
  }

  /** Runs the graph into `outputs`, which are all allocated. */
  run(inputs: Feeds, outputs: Feeds): void {
    this.#native.run(inputs, outputs, {});
  }

  /** Frees the session and its threads. */
  dispose(): void {
    this.#native.dispose();
  }
}
