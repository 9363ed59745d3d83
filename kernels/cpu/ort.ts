/**
 * ONNX Runtime as a library of kernels: sessions made from graphs in memory, run synchronously over typed arrays.
 *
 * @module
 */
import { encodeModel, type Graph } from "./onnx.ts";
import { addressOf, cString, openOrt, Out, withSessionOptions } from "./ort_api.ts";

type Data = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** `ONNXTensorElementDataType`. */
const elementTypes = new Map<unknown, number>([
  [Float32Array, 1],
  [Int32Array, 6],
  [BigInt64Array, 7],
  [Float64Array, 11],
]);

/** Most dimensions of a tensor. */
const mostDims = 8;

/**
 * Dimensions and handle of the value that is being made. Not before there is one: an address takes the permission for native
 * code, and most of the product can be imported without it.
 */
class Scratch {
  readonly dims = new BigInt64Array(mostDims);
  readonly dimsAddress = addressOf(this.dims);
  readonly handle = new Out();
}

let scratch: Scratch | undefined;

/** A typed array as ONNX Runtime sees it, without a copy. */
export class OrtTensor {
  #value = 0;

  /** A tensor with `keep` keeps its handle until {@linkcode OrtTensor.release}; others make one in each call. */
  constructor(readonly data: Data, readonly dims: readonly number[], readonly keep = false) {}

  /** The handle that ONNX Runtime knows it by, made if there is none. */
  acquire(): number {
    if (this.#value) return this.#value;
    const { data, dims } = this, { api, cpuMemory } = openOrt();
    // Further ones would be read from behind the scratch memory.
    if (dims.length > mostDims) throw new Error(`[${dims}] has more than ${mostDims} dimensions`);
    const { dims: sizes, dimsAddress, handle } = scratch ??= new Scratch();
    for (let i = 0; i < dims.length; i++) sizes[i] = BigInt(dims[i]!);
    api.CreateTensorWithDataAsOrtValue(
      cpuMemory,
      addressOf(data),
      data.byteLength,
      dimsAddress,
      dims.length,
      elementTypes.get(data.constructor)!,
      handle.address,
    );
    return this.#value = handle.value;
  }

  /** Frees the handle, not the array. */
  release(): void {
    if (this.#value) openOrt().api.ReleaseValue(this.#value);
    this.#value = 0;
  }
}

/** Wraps a typed array for one call, or for a few. */
export function ortTensor(data: Data, dims: readonly number[]): OrtTensor {
  return new OrtTensor(data, dims);
}

/** Named tensors of one call. */
export type Feeds = Readonly<Record<string, OrtTensor>>;

/** Names of inputs or outputs as C has them, and the arrays of names and handles of one call. */
class Ports {
  readonly #texts: readonly Uint8Array[];
  readonly #addresses: ReadonlyMap<string, bigint>;
  readonly #names: BigUint64Array;
  readonly #values: BigUint64Array;
  readonly namesAddress: number;
  readonly valuesAddress: number;

  constructor(names: readonly string[]) {
    this.#texts = names.map(cString);
    this.#addresses = new Map(names.map((name, i) => [name, BigInt(addressOf(this.#texts[i]!))]));
    this.#names = new BigUint64Array(names.length);
    this.#values = new BigUint64Array(names.length);
    this.namesAddress = addressOf(this.#names);
    this.valuesAddress = addressOf(this.#values);
  }

  /** Notes name and handle of each tensor; gives their number. */
  set(feeds: Feeds): number {
    let count = 0;
    for (const name in feeds) {
      const address = this.#addresses.get(name);
      if (address === undefined) {
        throw new Error(`"${name}" is not one of ${[...this.#addresses.keys()].join(", ")}`);
      }
      this.#names[count] = address;
      this.#values[count++] = BigInt(feeds[name]!.acquire());
    }
    return count;
  }
}

/** Frees the handles that were made for one call. */
function releaseUnkept(feeds: Feeds): void {
  for (const name in feeds) if (!feeds[name]!.keep) feeds[name]!.release();
}

/** What runs: a session of ONNX Runtime with the names of what goes in and comes out. */
export class Runner {
  /** Its address, 0 once it is freed. */
  #session: number;
  readonly #inputs: Ports;
  readonly #outputs: Ports;
  /** What the call in progress works on, so that none of it is collected meanwhile. */
  #inUse: readonly Feeds[] = [];

  constructor(session: number, inputs: readonly string[], outputs: readonly string[]) {
    this.#session = session;
    this.#inputs = new Ports(inputs);
    this.#outputs = new Ports(outputs);
  }

  /** Runs into `outputs`, which are all allocated; fails as ONNX Runtime does, such as over shapes that do not fit. */
  run(inputs: Feeds, outputs: Feeds): void {
    // ONNX Runtime would read freed memory, and end the process.
    if (!this.#session) throw new Error("the session was freed before");
    this.#inUse = [inputs, outputs];
    try {
      const given = this.#inputs.set(inputs), wanted = this.#outputs.set(outputs), noOptions = 0;
      openOrt().api.Run(
        this.#session,
        noOptions,
        this.#inputs.namesAddress,
        this.#inputs.valuesAddress,
        given,
        this.#outputs.namesAddress,
        wanted,
        this.#outputs.valuesAddress,
      );
    } finally {
      releaseUnkept(inputs);
      releaseUnkept(outputs);
      this.#inUse = [];
    }
  }

  /** Frees the session and its threads; a second time does nothing. */
  dispose(): void {
    if (this.#session) openOrt().api.ReleaseSession(this.#session);
    this.#session = 0;
  }
}

/** A compiled graph. */
export class Session {
  readonly #runner: Runner;

  /** Compiles `graph` for `threads` threads. */
  constructor(graph: Graph, threads: number) {
    const { api, env } = openOrt(), model = encodeModel(graph), out = new Out();
    // Graphs are run as they are written: a fusion could give one graph other bits than its twin. Intermediates are
    // megabytes, which malloc would map and fault in anew in every call: with the arena, which is on by default, AdamW
    // and attention take half the time. Ops work in pieces, so that what a session keeps is bounded.
    withSessionOptions({ threads, optimise: false, logSeverity: 3 }, (options) => {
      api.CreateSessionFromArray(env, model, model.byteLength, options, out.bytes);
    });
    const names = (values: readonly { readonly name: string }[]) => values.map(({ name }) => name);
    this.#runner = new Runner(out.value, names(graph.inputs), names(graph.outputs));
  }

  /** Runs the graph into `outputs`, which are all allocated; fails as ONNX Runtime does. */
  run(inputs: Feeds, outputs: Feeds): void {
    this.#runner.run(inputs, outputs);
  }

  /** Frees the session and its threads. */
  dispose(): void {
    this.#runner.dispose();
  }
}
