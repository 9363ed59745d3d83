/**
 * Finds a WebGPU adapter and opens a device on it, with every feature and limit that it will give.
 *
 * Deno lists no `subgroups` among an adapter's features but gives them when asked (the list is masked), so features are
 * asked for by trial. No feature is needed by the kernels: what is missing costs speed only. Two limits are, see
 * {@linkcode neededLimits}.
 *
 * @module
 */
import { MissingError } from "#errors";

/** A device and what it can do. */
export interface OpenedAdapter {
  readonly device: GPUDevice;
  /** As the adapter describes itself. */
  readonly name: string;
  /** Version of its driver; null where nobody tells, see {@linkcode driverOf}. */
  readonly driver: string | null;
  /** Whether it computes on the CPU (llvmpipe, SwiftShader). */
  readonly software: boolean;
  readonly features: {
    /** `subgroupAdd` and the like may be used (without `enable subgroups;`, which Deno's WGSL compiler refuses). */
    readonly subgroups: boolean;
    /** `enable f16;` may be used. */
    readonly f16: boolean;
    readonly timestamps: boolean;
  };
}

/** Limits that are asked for as high as the adapter goes; the defaults are for phones. */
export const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * What the kernels need beyond the limits that every WebGPU adapter has: the gradients of attention bind ten tensors, and
 * all of attention holds a tile of keys beside the weights of its queries.
 */
export const neededLimits = {
  maxStorageBuffersPerShaderStage: 10,
  maxComputeWorkgroupStorageSize: 32768,
} as const satisfies Partial<Record<typeof wantedLimits[number], number>>;

/** How to get an adapter, by operating system. */
const cures: Readonly<Record<string, string>> = {
  linux:
    "install the driver's Vulkan part (NVIDIA: libvulkan1 with nvidia-vulkan-icd on Debian, libnvidia-gl-VERSION on Ubuntu, and in a " +
    "container NVIDIA_DRIVER_CAPABILITIES=all; AMD and Intel: apt-get install mesa-vulkan-drivers, which also brings a software " +
    "adapter), see that `vulkaninfo --summary` lists the card, or use --device cpu",
  darwin:
    "WebGPU needs macOS 10.15 or later with a Metal GPU, which virtual machines often lack; use --device cpu",
  windows: "update the graphics driver (WebGPU needs DirectX 12 or Vulkan), or use --device cpu",
};

async function request(): Promise<GPUAdapter | null> {
  const { env, build } = Deno;
  // OpenGL, which Deno would try as well, binds half as many buffers.
  if (build.os === "linux" && !env.get("DENO_WEBGPU_BACKEND")) env.set("DENO_WEBGPU_BACKEND", "vulkan");
  // Drivers look for a display there, which nothing here needs, and complain on stderr where it is not set.
  const homeless = build.os === "linux" && env.get("XDG_RUNTIME_DIR") === undefined;
  if (homeless) env.set("XDG_RUNTIME_DIR", "/tmp");
  try {
    return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
  } finally {
    if (homeless) env.delete("XDG_RUNTIME_DIR");
  }
}

/** The number that PCI has for NVIDIA, which is what Deno tells of a maker. */
const nvidia = `${0x10de}`;

/** Where NVIDIA's driver tells its version, on Linux. */
const nvidiaVersion = "/proc/driver/nvidia/version";

/** The version in NVIDIA's text, such as "570.86.15". */
export function parseDriverVersion(text: string): string | null {
  return /\s(\d+\.\d+(?:\.\d+)*)\s/.exec(text)?.[1] ?? null;
}

/** Version of an adapter's driver. Deno does not tell, so it is known of NVIDIA's on Linux alone. */
function driverOf({ vendor }: GPUAdapterInfo): string | null {
  if (Deno.build.os !== "linux" || vendor !== nvidia) return null;
  try {
    return parseDriverVersion(Deno.readTextFileSync(nvidiaVersion));
  } catch {
    return null;
  }
}

/** The WebGPU adapter that the system offers first, as it describes itself; null if none. */
export async function findAdapter(): Promise<{ name: string; software: boolean } | null> {
  const adapter = await request();
  return adapter && describe(adapter);
}

function checkLimits(adapter: GPUAdapter): void {
  for (const [limit, needed] of Object.entries(neededLimits)) {
    const offered = adapter.limits[limit as keyof typeof neededLimits];
    if (offered < needed) {
      throw new MissingError(
        `The WebGPU adapter "${describe(adapter).name}" is too small: ${limit} is ${offered}, not ${needed}`,
        "use --device cpu, or a machine with a larger GPU",
      );
    }
  }
}

function describe({ info }: GPUAdapter): Pick<OpenedAdapter, "name" | "driver" | "software"> {
  const name = info.description || info.vendor || "unnamed";
  return { name, driver: driverOf(info), software: info.isFallbackAdapter };
}

/** Features that Deno lists where an adapter has them. */
const listedFeatures: readonly GPUFeatureName[] = ["shader-f16", "timestamp-query"];

/** What is asked for in turn, until an adapter gives it: everything, without what is not listed, without any feature, the least. */
const attempts = [
  { subgroups: true, listed: true, most: true },
  { subgroups: false, listed: true, most: true },
  { subgroups: false, listed: false, most: true },
  { subgroups: false, listed: false, most: false },
] as const;

/**
 * Opens the adapter that the system offers first.
 *
 * @throws {MissingError} if there is none, or none that opens, with the cure for this operating system
 */
export async function openAdapter(): Promise<OpenedAdapter> {
  const cure = cures[Deno.build.os] ?? cures["linux"]!;
  let failure: unknown;
  for (const { subgroups, listed, most } of attempts) {
    // An adapter serves one attempt: after a refusal another one is asked for.
    const adapter = await request();
    if (!adapter) throw new MissingError("No WebGPU adapter was found on this machine", cure);
    const features = listed ? listedFeatures.filter((name) => adapter.features.has(name)) : [];
    if (subgroups) features.push("subgroups" as GPUFeatureName);
    checkLimits(adapter);
    const requiredLimits: Record<string, number> = { ...neededLimits };
    // Deno takes no number that a double does not hold exactly, and an adapter may have no limit at all: 2⁶⁴ − 1.
    for (const limit of most ? wantedLimits : []) {
      requiredLimits[limit] = Math.min(adapter.limits[limit], Number.MAX_SAFE_INTEGER);
    }
    try {
      const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits });
      return {
        device,
        ...describe(adapter),
        features: {
          subgroups,
          f16: features.includes("shader-f16"),
          timestamps: features.includes("timestamp-query"),
        },
      };
    } catch (error) {
      failure = error;
    }
  }
  const { message } = failure as Error;
  throw new MissingError(`The WebGPU adapter of this machine does not open: ${message}`, cure, {
    cause: failure,
  });
}
