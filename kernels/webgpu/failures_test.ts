import { assert } from "#test";
import { DeviceError, ExitCode } from "#errors";
import { findAdapter, openAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";
import { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";

interface Bench {
  readonly gpu: GPUDevice;
  readonly queue: CommandQueue;
  readonly tensor: GpuTensor;
}

/** Fails unless what `break_` does to a working engine is told by the very next read, and by all after it. */
async function assertTold(break_: (bench: Bench) => unknown, message: RegExp): Promise<void> {
  const adapter = await openAdapter(), queue = new CommandQueue(adapter);
  const arena = queue.newArena();
  const tensor = arena.alloc([4], "f32");
  // Twice, so that the second one comes back at once where that works.
  for (let i = 0; i < 2; i++) await queue.read(tensor);
  await break_({ gpu: adapter.device, queue, tensor });
  for (let i = 0; i < 2; i++) {
    await assert.rejects(queue.read(tensor), (error) => {
      assert.ok(error instanceof DeviceError, String(error));
      assert.match(error.message, message);
      assert.equal(error.exitCode, ExitCode.numeric);
      assert.match(error.cure, /--device cpu/);
      return true;
    });
  }
  arena.dispose();
  queue.dispose();
}

/** Registers a test that is ignored where there is no adapter; it may wait for events of a device that is gone. */
const there = await findAdapter() !== null;
const gpuTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: !there, sanitizeOps: false, sanitizeResources: false, fn });

gpuTest(
  "a shader that does not compile ends the next read with its text",
  () =>
    assertTold(({ queue, tensor }) => {
      const kernel = queue.kernel("broken", () => ({
        name: "broken",
        params: {},
        bindings: { y: "out f32" },
        code: "@compute @workgroup_size(1) fn main() { y[0] = nonsense; }",
      }));
      queue.run(kernel, { y: tensor }, {}, [1]);
    }, /The GPU refused a command: [^]*'broken'[^]*nonsense/),
);

gpuTest("a lost device ends the next read, at once or later", async () => {
  await assertTold(({ gpu }) => gpu.destroy(), /^The GPU was lost \(destroyed\)/);
  await assertTold(async ({ gpu }) => {
    gpu.destroy();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }, /^The GPU was lost \(destroyed\)/);
});

gpuTest("a command that WebGPU refuses ends the next read", () =>
  assertTold(({ gpu, tensor }) => {
    const encoder = gpu.createCommandEncoder();
    encoder.clearBuffer(tensor.slab.buffer, 0, 1 << 20);
    gpu.queue.submit([encoder.finish()]);
  }, /^The GPU refused a command/));

gpuTest("memory that the GPU does not have is told with what it was for", async () => {
  const adapter = await openAdapter();
  const pop = adapter.device.popErrorScope.bind(adapter.device);
  const device = await createWebGpuDevice({ adapter });
  const small = device.alloc([3]);
  // No adapter at hand runs out of memory on demand: its answer to the first question is replaced.
  let asked = 0;
  adapter.device.popErrorScope = () =>
    asked++ === 0 ? pop().then(() => new GPUOutOfMemoryError("full")) : pop();
  const large = device.alloc([1000, 77]);
  await assert.rejects(
    device.read(small),
    /^DeviceError: The GPU has no memory for a tensor \[1000,77\] of f32: full$/,
  );
  device.free(small, large);
  device.dispose();
});

gpuTest("a tensor above the largest buffer is refused before it is asked for", async () => {
  const device = await createWebGpuDevice();
  assert.throws(
    () => device.alloc([2 ** 40]),
    /^DeviceError: a tensor \[1099511627776\] of f32 takes 4398046511104 bytes/,
  );
  device.dispose();
});

gpuTest("dispose() does not throw when the device is lost", async () => {
  const adapter = await openAdapter(), device = await createWebGpuDevice({ adapter });
  const x = device.upload(Float32Array.of(1, 2), [2]);
  device.add(x, x);
  adapter.device.destroy();
  await assert.rejects(device.read(x), DeviceError);
  device.free(x);
  device.dispose();
});
