/**
 * A kernel as data: its parameters, its bindings and its WGSL. The declarations of parameters and bindings are generated,
 * so that the host and the shader cannot disagree about them.
 *
 * In WGSL, parameter `rows` is `p.rows`. A binding `x` of elements `f32` is the array `x`, of which element 0 of the tensor
 * is `x[p.x_base]`: bindings start at aligned offsets, tensors do not. With elements `vec4<f32>` the base counts those
 * (the tensor must start at a multiple; {@linkcode vectorizable} tells). With elements `half`, bf16 or f16, it is an
 * `array<u32>` of two elements a word, and the base counts elements.
 *
 * @module
 */
import type { GpuTensor } from "./tensor.ts";

/** WGSL type of a parameter. */
export type ParamType = "u32" | "i32" | "f32";

/** How a kernel sees a binding: whether it writes it, and the elements of its array. */
export type BindingType = `${"in" | "out"} ${
  | "f32"
  | "vec4<f32>"
  | "u32"
  | "i32"
  | "vec2<u32>"
  | "vec4<u32>"
  | "half"}`;

/** What a kernel is made of. */
export interface KernelSpec<P extends string, B extends string> {
  /** Unique: variants of a kernel have names of their own. Errors and timings show it. */
  readonly name: string;
  readonly params: Readonly<Record<P, ParamType>>;
  /** In order of their number. `out` may also be read. */
  readonly bindings: Readonly<Record<B, BindingType>>;
  /** The rest of the module, with the entry point `main`. */
  readonly code: string;
  /** Lines that have to come first, such as `enable f16;`. */
  readonly directives?: string;
}

/** A kernel ready to be dispatched. */
export interface Kernel<P extends string = string, B extends string = string> {
  readonly spec: KernelSpec<P, B>;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Parameters of the spec, as they lie in the uniform buffer; the base of each binding follows. */
  readonly named: readonly { readonly name: string; readonly type: ParamType }[];
  readonly bindings: readonly {
    readonly name: B;
    readonly writes: boolean;
    /** Bytes that the base counts. */
    readonly unit: number;
  }[];
}

const units: Readonly<Record<string, number>> = {
  "f32": 4,
  "u32": 4,
  "i32": 4,
  "vec4<f32>": 16,
  "vec2<u32>": 8,
  "vec4<u32>": 16,
  "half": 2,
};

/** Bytes of the uniform block of every kernel; the limit on the number of parameters. */
export const uniformBytes = 128;

/** Whether a tensor of rows of `width` elements can be bound as `vec4`. */
export function vectorizable(width: number, ...tensors: (GpuTensor | undefined)[]): boolean {
  return width % 4 === 0 && tensors.every((tensor) => tensor === undefined || tensor.offset % 16 === 0);
}

/** The WGSL of a kernel, declarations included. */
export function shaderSource<P extends string, B extends string>(spec: KernelSpec<P, B>): string {
  const bindings = Object.entries(spec.bindings) as [B, BindingType][];
  const fields = [
    ...Object.entries(spec.params).map(([name, type]) => `${name}: ${type}`),
    ...bindings.map(([name]) => `${name}_base: u32`),
  ];
  const lines = bindings.map(([name, type], index) => {
    const [access, element] = type.split(" ");
    const mode = access === "in" ? "read" : "read_write";
    return `@group(1) @binding(${index}) var<storage, ${mode}> ${name}: array<${
      element === "half" ? "u32" : element
    }>;`;
  });
  return `${spec.directives ?? ""}
struct Params { ${fields.join(", ")} }
@group(0) @binding(0) var<uniform> p: Params;
${lines.join("\n")}
${spec.code}`;
}

/** Compiles kernels, each once. */
export class KernelCache {
  readonly #kernels = new Map<string, Kernel>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #uniformLayout: GPUBindGroupLayout;

  constructor(readonly device: GPUDevice) {
    this.#uniformLayout = device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: uniformBytes },
      }],
    });
  }

  /** Layout of group 0, the parameters. */
  get uniformLayout(): GPUBindGroupLayout {
    return this.#uniformLayout;
  }

  /** The kernel of this name, compiled from `spec` if it is asked for the first time. */
  get<P extends string, B extends string>(name: string, spec: () => KernelSpec<P, B>): Kernel<P, B> {
    let kernel = this.#kernels.get(name);
    if (!kernel) this.#kernels.set(name, kernel = this.#compile(spec()));
    if (kernel.spec.name !== name) throw new Error(`kernel "${name}" calls itself "${kernel.spec.name}"`);
    return kernel as unknown as Kernel<P, B>;
  }

  #compile(spec: KernelSpec<string, string>): Kernel {
    const bindings = Object.entries(spec.bindings).map(([name, type]) => {
      const [access, element] = type.split(" ");
      return { name, writes: access === "out", unit: units[element!]! };
    });
    const named = Object.entries(spec.params).map(([name, type]) => ({ name, type }));
    if (4 * (named.length + bindings.length) > uniformBytes) {
      throw new Error(`kernel "${spec.name}" has too many parameters`);
    }
    const layout = this.#layout(bindings.map(({ writes }) => writes));
    const module = this.device.createShaderModule({ label: spec.name, code: shaderSource(spec) });
    const pipeline = this.device.createComputePipeline({
      label: spec.name,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.#uniformLayout, layout] }),
      compute: { module, entryPoint: "main" },
    });
    return { spec, pipeline, layout, named, bindings };
  }

  /** Kernels whose bindings are read and written alike share a layout. */
  #layout(writes: readonly boolean[]): GPUBindGroupLayout {
    const key = writes.map((write) => write ? "w" : "r").join("");
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        label: key,
        entries: writes.map((write, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: write ? "storage" : "read-only-storage" },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
