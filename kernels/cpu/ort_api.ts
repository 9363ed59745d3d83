/**
 * The C API of ONNX Runtime, called through Deno's foreign function interface: the shared library of the npm package
 * onnxruntime-node without the package's own binding.
 *
 * The binding spends 15 µs and more on a call besides the op itself, and each of its sessions has threads of its own, which
 * fall asleep between ops or steal the cores from each other. The C API takes a third of that and lets all sessions share
 * one pool of threads that stays awake: the matrix products of a decoding step of SmolLM2 took 48 ms instead of 61 (32 sequences,
 * 2 cores, onnxruntime 1.30.0).
 *
 * `OrtApi` is a table of functions that only ever grows at its end, so a place in it is for good.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { MissingError } from "#errors";
import { ortLibraryCure, ortLibraryPath } from "./ort_library.ts";
import { forbidTelemetry } from "./ort_telemetry.ts";

export { ortVersion } from "./ort_library.ts";

/** The oldest version of the API that has every function used here; it gives the table its length. */
const apiVersion = 13;

/** Where the functions stand in `OrtApi` (onnxruntime_c_api.h), and what they take; those that give a pointer give a status,
 * but for the first. */
const functions = {
  GetErrorMessage: [2, ["usize"], "pointer"],
  DisableTelemetryEvents: [6, ["usize"], "pointer"],
  CreateSession: [7, ["usize", "buffer", "usize", "buffer"], "pointer"],
  CreateSessionFromArray: [8, ["usize", "buffer", "usize", "usize", "buffer"], "pointer"],
  Run: [9, ["usize", "usize", "usize", "usize", "usize", "usize", "usize", "usize"], "pointer"],
  CreateSessionOptions: [10, ["buffer"], "pointer"],
  DisableMemPattern: [17, ["usize"], "pointer"],
  SetSessionLogSeverityLevel: [22, ["usize", "i32"], "pointer"],
  SetSessionGraphOptimizationLevel: [23, ["usize", "i32"], "pointer"],
  SetIntraOpNumThreads: [24, ["usize", "i32"], "pointer"],
  SessionGetInputCount: [30, ["usize", "buffer"], "pointer"],
  SessionGetOutputCount: [31, ["usize", "buffer"], "pointer"],
  SessionGetInputTypeInfo: [33, ["usize", "usize", "buffer"], "pointer"],
  SessionGetOutputTypeInfo: [34, ["usize", "usize", "buffer"], "pointer"],
  SessionGetInputName: [36, ["usize", "usize", "usize", "buffer"], "pointer"],
  SessionGetOutputName: [37, ["usize", "usize", "usize", "buffer"], "pointer"],
  CreateTensorWithDataAsOrtValue: [
    49,
    ["usize", "usize", "usize", "usize", "usize", "i32", "usize"],
    "pointer",
  ],
  CastTypeInfoToTensorInfo: [55, ["usize", "buffer"], "pointer"],
  GetTensorElementType: [60, ["usize", "buffer"], "pointer"],
  GetDimensionsCount: [61, ["usize", "buffer"], "pointer"],
  GetDimensions: [62, ["usize", "buffer", "usize"], "pointer"],
  CreateCpuMemoryInfo: [69, ["i32", "i32", "buffer"], "pointer"],
  AllocatorFree: [76, ["usize", "usize"], "pointer"],
  GetAllocatorWithDefaultOptions: [78, ["buffer"], "pointer"],
  ReleaseStatus: [93, ["usize"], "void"],
  ReleaseSession: [95, ["usize"], "void"],
  ReleaseValue: [96, ["usize"], "void"],
  ReleaseTypeInfo: [98, ["usize"], "void"],
  ReleaseSessionOptions: [100, ["usize"], "void"],
  CreateEnvWithGlobalThreadPools: [119, ["i32", "buffer", "usize", "buffer"], "pointer"],
  DisablePerSessionThreads: [120, ["usize"], "pointer"],
  CreateThreadingOptions: [121, ["buffer"], "pointer"],
  ReleaseThreadingOptions: [122, ["usize"], "void"],
  AddSessionConfigEntry: [130, ["usize", "buffer", "buffer"], "pointer"],
  SetGlobalIntraOpNumThreads: [147, ["usize", "i32"], "pointer"],
  SetGlobalInterOpNumThreads: [148, ["usize", "i32"], "pointer"],
  SetGlobalSpinControl: [149, ["usize", "i32"], "pointer"],
} as const satisfies Record<string, readonly [number, readonly Deno.NativeType[], "pointer" | "void"]>;

type Name = keyof typeof functions;
/** An address is a number: it has 48 bits at most, and Deno takes either for `usize`. */
type Argument<T> = T extends "buffer" ? BufferSource : number;
type Arguments<T extends readonly unknown[]> = { -readonly [I in keyof T]: Argument<T[I]> };

/** The functions by name; one that gives a status throws its message instead. */
export type OrtApi = {
  readonly [N in Name]: (...values: Arguments<(typeof functions)[N][1]>) => Deno.PointerValue | void;
};

/** Opens the library and reads its table. */
function load(): OrtApi {
  forbidTelemetry();
  const { platform, arch } = process, path = ortLibraryPath(platform, arch);
  let base: Deno.PointerObject;
  try {
    const { symbols } = Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: "pointer" } });
    base = symbols.OrtGetApiBase()!;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new MissingError(
      `ONNX Runtime's library cannot be opened: ${(cause as Error).message}`,
      ortLibraryCure(platform),
      { cause },
    );
  }
  const getApi = new Deno.UnsafeFnPointer(new Deno.UnsafePointerView(base).getPointer(0)!, {
    parameters: ["u32"],
    result: "pointer",
  });
  const table = new Deno.UnsafePointerView(getApi.call(apiVersion)!);
  const bytesPerPointer = 8;
  const native = (name: Name) => {
    const [index, parameters, result] = functions[name];
    const pointer = table.getPointer(index * bytesPerPointer) as Deno.PointerObject<Deno.ForeignFunction>;
    const call = new Deno.UnsafeFnPointer(pointer, { parameters, result } as Deno.ForeignFunction);
    return call.call.bind(call) as (...values: unknown[]) => Deno.PointerValue;
  };
  const message = native("GetErrorMessage"), releaseStatus = native("ReleaseStatus");
  const fail = (status: Deno.PointerObject): never => {
    const address = Deno.UnsafePointer.value(status);
    const text = Deno.UnsafePointerView.getCString(message(address)!);
    releaseStatus(address);
    throw new Error(text);
  };
  const api: Record<string, unknown> = {};
  for (const name of Object.keys(functions) as Name[]) {
    const call = native(name);
    const plain = functions[name][2] === "void" || name === "GetErrorMessage";
    api[name] = plain ? call : (...values: unknown[]) => {
      const status = call(...values);
      if (status) fail(status);
    };
  }
  return api as OrtApi;
}

/** A place for an address that a function writes. */
export class Out {
  readonly bytes = new BigUint64Array(1);
  /** Its own address. */
  readonly address = addressOf(this.bytes);

  /** What was written, an address or a number. */
  get value(): number {
    return Number(this.bytes[0]!);
  }
}

/** Largest array that V8 may keep on its own heap, where it can move, in bytes. */
const mayMove = 64;

/** Where the first element lies; for as long as the array is referred to. */
export function addressOf(data: ArrayBufferView): number {
  // Taking the buffer of a small array moves its content out of V8's heap, for good.
  const fixed = data.byteLength <= mayMove
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : data;
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(fixed as BufferSource)));
}

/** Text that ends with a zero, as C has it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** What every session needs: the functions, the environment with its threads, and what says "memory of the CPU". */
export interface Ort {
  readonly api: OrtApi;
  readonly env: number;
  readonly cpuMemory: number;
  /** Threads that the shared pool has, with the one that calls. */
  readonly sharedThreads: number;
}

let opened: Ort | undefined;

/**
 * Opens ONNX Runtime, once in a process.
 *
 * @param sharedThreads threads of the shared pool, decided by the first call: who comes later and wants another number
 *   gets threads of its own
 * @throws MissingError if the package has no library for this machine, or native code or its silence is not permitted
 */
export function openOrt(sharedThreads: number = availableParallelism()): Ort {
  if (opened) return opened;
  try {
    return opened = open(sharedThreads);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new MissingError(
      "ONNX Runtime is native code, which this process has no permission for",
      "start the program by ./grace-repro, which grants it, or deno with --allow-ffi",
      { cause },
    );
  }
}

function open(sharedThreads: number): Ort {
  const api = load(), out = new Out(), warnings = 2;
  api.CreateThreadingOptions(out.bytes);
  const threading = out.value;
  api.SetGlobalIntraOpNumThreads(threading, sharedThreads);
  api.SetGlobalInterOpNumThreads(threading, 1);
  api.SetGlobalSpinControl(threading, 1);
  api.CreateEnvWithGlobalThreadPools(warnings, cString("grace-repro"), threading, out.bytes);
  const env = out.value;
  // What the variable is elsewhere, this is on Windows.
  api.DisableTelemetryEvents(env);
  api.ReleaseThreadingOptions(threading);
  const deviceAllocator = 0, defaultMemory = 0;
  api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, out.bytes);
  return { api, env, cpuMemory: out.value, sharedThreads };
}

/** How a session is to run. */
export interface SessionSettings {
  readonly threads: number;
  /** Whether ONNX Runtime may rewrite the graph. */
  readonly optimise: boolean;
  /** From this severity on, messages go to stderr: 3 errors, 4 what ends the process. */
  readonly logSeverity: number;
}

/** Makes session options, lends them to `use`, and frees them. */
export function withSessionOptions(settings: SessionSettings, use: (options: number) => void): void {
  const { api, sharedThreads } = openOrt(), out = new Out();
  api.CreateSessionOptions(out.bytes);
  const options = out.value;
  try {
    api.SetSessionGraphOptimizationLevel(options, settings.optimise ? 99 : 0);
    // A plan for each size of a batch would be kept.
    api.DisableMemPattern(options);
    api.SetSessionLogSeverityLevel(options, settings.logSeverity);
    if (settings.threads === sharedThreads && sharedThreads > 1) api.DisablePerSessionThreads(options);
    else {
      api.SetIntraOpNumThreads(options, settings.threads);
      // Threads of its own must not spin for long: they would take the cores from everything else.
      api.AddSessionConfigEntry(options, cString("session.intra_op.spin_duration_us"), cString("10"));
    }
    use(options);
  } finally {
    api.ReleaseSessionOptions(options);
  }
}
