import { assert } from "#test";
import { findAdapter, openAdapter } from "./adapter.ts";
import { cacheBytesFor, cacheBytesOf, roomOn } from "./device_memory.ts";

const GB = 2 ** 30;

/** A device that has memory for so many buffers, and then refuses them as `popErrorScope` may. */
function deviceOf(buffers: number, refuse: () => Promise<unknown>, maxBufferSize = 4 * GB) {
  const counts = { live: 0, most: 0 };
  const device = {
    limits: { maxBufferSize },
    pushErrorScope: (filter: string) => assert.equal(filter, "out-of-memory"),
    createBuffer: () => {
      counts.most = Math.max(counts.most, ++counts.live);
      return { destroy: () => counts.live-- };
    },
    popErrorScope: () => {
      if (counts.live <= buffers) return Promise.resolve(null);
      counts.live--;
      return refuse();
    },
  };
  return { device: device as unknown as GPUDevice, counts };
}

Deno.test("roomOn() counts what a GPU gives until it refuses or is lost, and gives all of it back", async () => {
  for (const refuse of [() => Promise.resolve({}), () => Promise.reject(new Error("lost"))]) {
    const { device, counts } = deviceOf(7, refuse);
    assert.equal(await roomOn(device), 7 * GB);
    assert.deepEqual([counts.live, counts.most], [0, 8]);
  }
  const { device } = deviceOf(3, () => Promise.resolve({}), GB / 4);
  assert.equal(await roomOn(device), 3 * GB / 4);
});

Deno.test("roomOn() asks for no more than it is told", async () => {
  const { device, counts } = deviceOf(1000, () => Promise.resolve({}));
  assert.equal(await roomOn(device, 5 * GB), 5 * GB);
  assert.deepEqual([counts.live, counts.most], [0, 5]);
  assert.equal(await roomOn(device), 64 * GB);
});

Deno.test("cacheBytesFor() leaves three quarters of a GPU to weights and training", () => {
  assert.equal(cacheBytesFor(24 * GB), 6 * GB);
  assert.equal(cacheBytesFor(64 * GB), 16 * GB);
  assert.equal(cacheBytesFor(1000 * GB), 16 * GB);
  assert.equal(cacheBytesFor(0), GB / 4);
});

Deno.test({
  name: "roomOn() asks a real device, which works as before",
  ignore: await findAdapter() === null,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const adapter = await openAdapter(), { device } = adapter;
    assert.equal(await roomOn(device, GB), GB);
    const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ });
    await buffer.mapAsync(GPUMapMode.READ);
    buffer.destroy();
    device.destroy();
    if (adapter.software) assert.equal(await cacheBytesOf(adapter), GB / 4);
    // As a GPU it is asked, once.
    const request = navigator.gpu.requestAdapter.bind(navigator.gpu);
    let requests = 0;
    navigator.gpu.requestAdapter = (options) => (requests++, request(options));
    const [one, two] = await Promise.all([
      cacheBytesOf({ software: false }),
      cacheBytesOf({ software: false }),
    ]);
    Reflect.deleteProperty(navigator.gpu, "requestAdapter");
    assert.ok(one === two && one >= GB / 4 && one <= 16 * GB, `${one} bytes`);
    assert.ok(requests <= 1);
  },
});
