import { assert } from "#test";
import { ExitCode, MissingError } from "#errors";
import { findAdapter, neededLimits, openAdapter, parseDriverVersion } from "./adapter.ts";
import { readAdapter } from "./adapter_facts.ts";
import { createWebGpuDevice } from "./mod.ts";

const gpuTest = (await findAdapter()) ? Deno.test : Deno.test.ignore;

/** Lets adapters claim other limits than they have while `body` runs; a device gets what the adapter really has. */
async function claiming(
  limits: Record<string, number>,
  body: (asked: GPUDeviceDescriptor[]) => Promise<void>,
) {
  const request = navigator.gpu.requestAdapter.bind(navigator.gpu), asked: GPUDeviceDescriptor[] = [];
  navigator.gpu.requestAdapter = async (options) => {
    const adapter = await request(options);
    return adapter && {
      info: adapter.info,
      features: adapter.features,
      limits: new Proxy(adapter.limits, {
        get: (of, name) => limits[name as string] ?? of[name as keyof GPUSupportedLimits],
      }),
      requestDevice: (descriptor: GPUDeviceDescriptor) => {
        asked.push(descriptor);
        return adapter.requestDevice({ requiredFeatures: descriptor.requiredFeatures! });
      },
    } as unknown as GPUAdapter;
  };
  try {
    await body(asked);
  } finally {
    Reflect.deleteProperty(navigator.gpu, "requestAdapter");
  }
}

gpuTest(
  "openAdapter() refuses an adapter that is too small for a kernel, and says what it lacks",
  async () => {
    for (const [limit, needed] of Object.entries(neededLimits)) {
      await claiming({ [limit]: needed - 1 }, () =>
        assert.rejects(openAdapter(), (error) => {
          assert.ok(error instanceof MissingError, String(error));
          assert.match(error.message, new RegExp(`is too small: ${limit} is ${needed - 1}, not ${needed}$`));
          assert.equal(error.exitCode, ExitCode.missing);
          assert.match(error.cure, /--device cpu/);
          return true;
        }));
    }
  },
);

gpuTest("openAdapter() opens an adapter whose limits are larger than Deno lets anyone ask for", async () => {
  await claiming({ maxBufferSize: 2 ** 64 }, async (asked) => {
    const { device } = await openAdapter();
    device.destroy();
    assert.equal(asked[0]!.requiredLimits!["maxBufferSize"], Number.MAX_SAFE_INTEGER);
  });
});

gpuTest(
  "openAdapter() asks for less and less of an adapter that refuses, down to what kernels need",
  async () => {
    const request = navigator.gpu.requestAdapter.bind(navigator.gpu);
    const refusals: ((asked: GPUDeviceDescriptor) => boolean)[] = [
      ({ requiredFeatures = [] }) => [...requiredFeatures].some((name) => (name as string) === "subgroups"),
      ({ requiredFeatures = [] }) => [...requiredFeatures].length > 0,
      ({ requiredLimits = {} }) => Object.keys(requiredLimits).length > Object.keys(neededLimits).length,
    ];
    for (const refuses of refusals) {
      navigator.gpu.requestAdapter = async (options) => {
        const adapter = await request(options);
        const requestDevice = adapter!.requestDevice.bind(adapter);
        adapter!.requestDevice = (asked) =>
          refuses(asked!) ? Promise.reject(new TypeError("not that")) : requestDevice(asked);
        return adapter;
      };
      try {
        const { device, features } = await openAdapter();
        assert.equal(features.subgroups, false);
        assert.equal(device.features.has("timestamp-query"), features.timestamps);
        device.destroy();
      } finally {
        Reflect.deleteProperty(navigator.gpu, "requestAdapter");
      }
    }
  },
);

gpuTest("readAdapter() tells the maker by name, and limits that the kernels can live with", async () => {
  const { vendor, limits, software, room } = await readAdapter();
  assert.match(vendor, /^[A-Z]/);
  assert.ok(software ? room === null : room === null || room > 0, `${room} bytes`);
  for (const [limit, needed] of Object.entries(neededLimits)) {
    assert.ok(limits[limit as keyof typeof neededLimits] >= needed, limit);
  }
});

Deno.test("parseDriverVersion() reads what NVIDIA's drivers write, closed and open", () => {
  const closed =
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version:  gcc version 12.3.0\n";
  const open =
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs-builder)\n";
  assert.equal(parseDriverVersion(closed), "535.183.01");
  assert.equal(parseDriverVersion(open), "570.86.15");
  assert.equal(parseDriverVersion("NVRM version: unknown"), null);
});

/** Bytes of the workgroup variables that a shader declares. */
function workgroupBytes(code: string): number {
  const sizes: Record<string, number> = { "f32": 4, "u32": 4, "vec4<f32>": 16 };
  let bytes = 0;
  for (const [, declared] of code.matchAll(/var<workgroup> \w+: (.*);/g)) {
    let type = declared!, count = 1;
    for (let array; (array = /^array<(.*), (\d+)>$/.exec(type)) !== null; type = array[1]!) {
      count *= Number(array[2]);
    }
    bytes += count * sizes[type]!;
  }
  return bytes;
}

// WebGPU should refuse such a pipeline, but Deno 2.9 leaves it to the driver.
gpuTest("no kernel of attention takes more workgroup memory than openAdapter() makes sure of", async () => {
  const adapter = await openAdapter(), { device: gpu } = adapter;
  const create = gpu.createShaderModule.bind(gpu), bytes = new Map<string, number>();
  gpu.createShaderModule = (descriptor) => {
    bytes.set(descriptor.label!, workgroupBytes(descriptor.code));
    return create(descriptor);
  };
  // Kernels are compiled, and never run: some of these take a software adapter long.
  gpu.queue.submit = () => {};
  const device = await createWebGpuDevice({ adapter }), n = 40;
  for (const headDim of [6, 64, 80, 128, 160, 256]) {
    for (const heads of [1, 12]) {
      const shape = { heads, kvHeads: 1, headDim }, segments = [{ start: 0, length: n, parent: -1 }];
      const [q, y, dy, dq] = [0, 1, 2, 3].map(() => device.alloc([n, heads * headDim]));
      const [k, v, dk, dv] = [0, 1, 2, 3].map(() => device.alloc([n, headDim]));
      const lse = device.alloc([heads, n]), cache = device.kvCache(1, n, 32, shape);
      device.attention(q!, k!, v!, segments, shape, y!, lse);
      device.attentionBackward(dy!, q!, k!, v!, y!, lse, segments, shape, dq!, dk!, dv!);
      device.attentionDecode(q!, cache, 0, new Int32Array(n).fill(20), shape, y!);
    }
  }
  device.dispose();
  const largest = Math.max(...bytes.values());
  assert.ok(bytes.size >= 6 * 2 * 5, `${bytes.size} kernels`);
  assert.ok(largest <= neededLimits.maxComputeWorkgroupStorageSize, `${largest} bytes`);
  // No adapter is refused for what no kernel takes.
  assert.ok(largest > 0.9 * neededLimits.maxComputeWorkgroupStorageSize, `${largest} bytes`);
});
