/**
 * ONNX Runtime as a library of kernels: sessions made from graphs in memory, run synchronously over typed arrays.
 *
 * Three things here are not in the package's documented interface, and can go when they are:
 * - `dist/binding.js` is imported because its `run` is synchronous; the public one adds a `setImmediate` and an await
 *   to every call, which costs more than a small op (7 µs).
 * - The binding's own `Tensor` is replaced by {@linkcode Unwanted}, which keeps it from copying what it has computed.
 * - `session.intra_op.spin_duration_us`: each session has threads of its own, which by default spin for a while after
 *   every op. With one session an op they steal the cores from each other: 30 layers of linear maps at 32 rows took
 *   320 ms with the default and 44 ms with 10 µs (2 cores, onnxruntime-node 1.30.0).
 *
 * @module
 */
import { isMainThread } from "node:worker_threads";
import { binding } from "onnxruntime-node/dist/binding.js";
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

/** What the binding says of an input or output. */
export interface OrtMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  /** `TensorProto.DataType`: 1 is float32, 6 int32, 7 int64. */
  readonly type: number;
  /** -1 where any size will do. */
  readonly shape: readonly number[];
}

/** Version of the ONNX Runtime package that the engine is pinned to (deno.json). */
export const ortVersion = "1.30.0";

/** The part of the binding's session that is used. */
export interface NativeSession {
  readonly inputMetadata: readonly OrtMetadata[];
  readonly outputMetadata: readonly OrtMetadata[];
  loadModel(path: string, options: unknown): void;
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: unknown): void;
  run(feeds: Feeds, fetches: Feeds, options: unknown): void;
  dispose(): void;
}

/** What {@linkcode Unwanted} throws. */
const finished = new Error("ONNX Runtime has finished");

/**
 * What the binding is told to make of results. When a graph has run and its outputs lie in the arrays that were given for
 * them, the binding goes on to copy each of them into fresh memory and to make a tensor of the copy, which costs as much
 * as a norm. So every graph gets an empty output before its own, and making a tensor of that one ends the call.
 */
class Unwanted {
  constructor() {
    throw finished;
  }
}

/** Name and content of the empty output. */
const first = "finished", empty = ortTensor(new Float32Array(0), [0]);

function withEmptyOutput(graph: Graph): Graph {
  const constant = { name: first, shape: [0], data: new Float32Array(0) };
  return {
    ...graph,
    outputs: [constant, ...graph.outputs],
    constants: [...graph.constants ?? [], constant],
  };
}

let initialised = false;

/** A session of the binding, which takes the constructor of its tensors once, before the first. */
export function newSession(): NativeSession {
  if (!initialised) {
    const warnings = 2;
    binding.initOrtOnce(
      warnings,
      Unwanted as unknown as Parameters<typeof binding.initOrtOnce>[1],
      isMainThread,
    );
    initialised = true;
  }
  return new binding.InferenceSession() as unknown as NativeSession;
}

/** Runs a session into `outputs`, which are all allocated. The binding may go on to copy the first of them. */
export function runInto(session: NativeSession, inputs: Feeds, outputs: Feeds): void {
  try {
    session.run(inputs, outputs, {});
  } catch (thrown) {
    if (thrown !== finished) throw thrown;
  }
}

/** A compiled graph. */
export class Session {
  readonly #native: NativeSession;

  /** Compiles `graph` for `threads` threads. */
  constructor(graph: Graph, threads: number) {
    const model = encodeModel(withEmptyOutput(graph));
    this.#native = newSession();
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

  /** Runs the graph into `outputs`, which are all allocated; fails as ONNX Runtime does, such as over a missing input. */
  run(inputs: Feeds, outputs: Feeds): void {
    runInto(this.#native, inputs, { [first]: empty, ...outputs });
  }

  /** Frees the session and its threads. */
  dispose(): void {
    this.#native.dispose();
  }
}
