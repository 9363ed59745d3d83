/**
 * A model that someone else exported as ONNX, run as it is on ONNX Runtime.
 *
 * Unlike the graphs of this engine's own ops, such a graph is optimised (fused attention and normalisation): nothing here
 * has a twin whose bits it would have to share.
 *
 * @module
 */
import process from "node:process";
import { UsageError } from "#errors";
import { type Feeds, Runner } from "./ort.ts";
import { cString, openOrt, type OrtApi, Out, withSessionOptions } from "./ort_api.ts";

/** An input or output of a model. */
export interface ModelValue {
  readonly name: string;
  readonly type: "float32" | "int32" | "int64" | "other";
  /** null where any size will do. */
  readonly shape: readonly (number | null)[];
}

const types: Readonly<Record<number, ModelValue["type"]>> = { 1: "float32", 6: "int32", 7: "int64" };

/** An ONNX model, loaded. */
export class OrtModel {
  readonly #runner: Runner;
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];

  /**
   * Loads a model for `threads` threads; data outside of the file (`model.onnx_data`) are found beside it.
   *
   * @throws UsageError if ONNX Runtime cannot load it, or its inputs and outputs cannot be read
   */
  constructor(readonly path: string, threads: number) {
    const { api, env } = openOrt(), out = new Out();
    let session = 0;
    try {
      // 4: the error is thrown too.
      withSessionOptions({ threads, optimise: true, logSeverity: 4 }, (options) => {
        api.CreateSession(env, pathText(path), options, out.bytes);
      });
      session = out.value;
      this.inputs = values(session, "Input");
      this.outputs = values(session, "Output");
    } catch (cause) {
      if (session) api.ReleaseSession(session);
      throw new UsageError(
        `ONNX Runtime cannot load "${path}": ${(cause as Error).message}`,
        "export the model again, or download all of its files again",
        { cause },
      );
    }
    const names = (list: readonly ModelValue[]) => list.map(({ name }) => name);
    this.#runner = new Runner(session, names(this.inputs), names(this.outputs));
  }

  /**
   * Runs the model into `outputs`, which are all allocated in the size that the model gives them.
   *
   * @throws Error as ONNX Runtime does, such as for an id past the end of an embedding
   */
  run(inputs: Feeds, outputs: Feeds): void {
    this.#runner.run(inputs, outputs);
  }

  /** Frees the session and its threads. */
  dispose(): void {
    this.#runner.dispose();
  }
}

/** A path as ONNX Runtime takes it: UTF-16 on Windows, else UTF-8. */
function pathText(path: string): Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  if (process.platform !== "win32") return cString(path);
  return Uint16Array.from(`${path}\0`, (unit) => unit.charCodeAt(0));
}

/** Inputs or outputs of a session. */
function values(session: number, side: "Input" | "Output"): ModelValue[] {
  const { api } = openOrt(), out = new Out();
  api[`SessionGet${side}Count`](session, out.bytes);
  return Array.from({ length: out.value }, (_, i) => {
    api[`SessionGet${side}TypeInfo`](session, i, out.bytes);
    const info = out.value;
    try {
      return { name: nameOf(api, session, side, i), ...typeOf(api, info) };
    } finally {
      api.ReleaseTypeInfo(info);
    }
  });
}

function nameOf(api: OrtApi, session: number, side: "Input" | "Output", i: number): string {
  const out = new Out();
  api.GetAllocatorWithDefaultOptions(out.bytes);
  const allocator = out.value;
  api[`SessionGet${side}Name`](session, i, allocator, out.bytes);
  const address = out.value;
  try {
    return Deno.UnsafePointerView.getCString(Deno.UnsafePointer.create(out.bytes[0]!)!);
  } finally {
    api.AllocatorFree(allocator, address);
  }
}

function typeOf(api: OrtApi, info: number): Pick<ModelValue, "type" | "shape"> {
  const out = new Out();
  api.CastTypeInfoToTensorInfo(info, out.bytes);
  const tensor = out.value;
  if (tensor === 0) return { type: "other", shape: [] };
  const type = new Int32Array(1);
  api.GetTensorElementType(tensor, type);
  api.GetDimensionsCount(tensor, out.bytes);
  const dims = new BigInt64Array(out.value);
  api.GetDimensions(tensor, dims, dims.length);
  return {
    type: types[type[0]!] ?? "other",
    shape: Array.from(dims, (size) => size < 0n ? null : Number(size)),
  };
}
