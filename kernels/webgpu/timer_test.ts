import { assert } from "#test";
import { findAdapter, openAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";
import { CommandQueue } from "./queue.ts";
import { GpuTensor } from "./tensor.ts";

const ignore = await findAdapter() === null;
const gpuTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore, sanitizeOps: false, sanitizeResources: false, fn });

gpuTest(
  "kernelTimes() counts dispatches by kernel, slowest first, and starts again from nothing",
  async () => {
    const device = await createWebGpuDevice({ timestamps: true });
    const [small, large] = [device.alloc([64]), device.alloc([1 << 22])];
    device.fill(small, 1);
    device.fill(large, 2);
    device.rmsNorm(
      device.reshape(large, [4096, 1024]),
      device.rows(large, 0, 1024),
      1e-6,
      device.alloc([4096, 1024]),
    );
    const times = await device.kernelTimes();
    assert.equal(times.reduce((sum, { dispatches }) => sum + dispatches, 0), 3);
    assert.equal(times.length, 2, JSON.stringify(times));
    assert.ok(times[0]!.milliseconds >= times[1]!.milliseconds);
    for (const { milliseconds } of times) {
      assert.ok(
        milliseconds > 0 && milliseconds < 60_000,
        `${milliseconds} ms`,
      );
    }
    assert.deepEqual(await device.kernelTimes(), []);
    device.dispose();
  },
);

gpuTest("kernelTimes() holds more dispatches than a query set, again and again", async () => {
  const device = await createWebGpuDevice({ timestamps: true }), x = device.alloc([4]);
  for (const count of [5000, 1, 2048]) {
    for (let i = 0; i < count; i++) device.fill(x, i + 1);
    const [fill, ...others] = await device.kernelTimes();
    assert.deepEqual([fill!.dispatches, others], [count, []]);
    assert.deepEqual([...await device.read(x)], new Array(4).fill(count));
  }
  device.dispose();
});

gpuTest(
  "kernelTimes() agrees with the clock of the host where one kernel is all there is to do",
  async () => {
    const queue = new CommandQueue(await openAdapter(), { timestamps: true });
    // In workgroups, not in rounds: llvmpipe ends all loops of a thread together after 65,535 rounds.
    const kernel = queue.kernel("spin", () => ({
      name: "spin",
      params: {},
      bindings: { result: "out f32" },
      code: `
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
  var x = f32(i);
  for (var round = 0u; round < 30000u; round++) { x = fma(x, 0.999f, 1.0f); }
  result[p.result_base + i] = x;
}`,
    }));
    const size = 256, buffer = queue.device.createBuffer({ size, usage: GPUBufferUsage.STORAGE });
    const result = new GpuTensor("f32", [64], { buffer, bytes: size, id: 1 });
    const spin = async (groups: number): Promise<{ host: number; gpu: number }> => {
      const start = performance.now();
      queue.run(kernel, { result }, {}, [groups]);
      const [time] = await queue.kernelTimes();
      return { host: performance.now() - start, gpu: time!.milliseconds };
    };
    await spin(1); // compiles it
    let groups = 16, time = await spin(groups);
    while (time.host < 150 && groups < 1 << 15) time = await spin(groups *= 2);
    assert.ok(time.gpu <= time.host, `${time.gpu} ms on the GPU, ${time.host} ms in all`);
    // Mapping takes some 10 ms in Deno, and the machine may be busy with other things.
    assert.ok(time.gpu >= 0.4 * time.host - 20, `${time.gpu} ms on the GPU, ${time.host} ms in all`);
    queue.dispose();
  },
);

gpuTest("kernelTimes() throws without the option timestamps", async () => {
  const device = await createWebGpuDevice();
  await assert.rejects(device.kernelTimes(), /timestamps/);
  device.dispose();
});
