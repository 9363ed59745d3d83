import { assert } from "#test";
import { createCpuDevice } from "./cpu/mod.ts";
import { profiled } from "./profile.ts";

Deno.test("profiled() does what the device does, and counts each op", async () => {
  const { device, times, reset } = profiled(createCpuDevice());
  const x = device.upload(Float32Array.of(1, 2, 3, 4), [2, 2]), y = device.alloc([2, 2]);
  device.linear(x, x, y);
  device.linear(x, x, y);
  assert.deepEqual([...await device.read(y)], [5, 11, 11, 25]);
  const linear = times().find(({ op }) => op === "linear")!;
  assert.equal(linear.calls, 2);
  assert.ok(linear.milliseconds > 0);
  const listed = times().map(({ milliseconds }) => milliseconds);
  assert.deepEqual(listed, [...listed].sort((a, b) => b - a));
  reset();
  assert.deepEqual(times(), []);
  device.free(x, y);
  assert.equal(device.memory.current, 0);
  device.dispose();
});
