import { assert, assertSameBits } from "#test";
import { findAdapter, openAdapter } from "./adapter.ts";
import { createWebGpuDevice } from "./mod.ts";

const gpuTest = (await findAdapter()) ? Deno.test : Deno.test.ignore;

gpuTest("CommandQueue.write() leaves at most 64 MiB of host data to WebGPU before it submits", async () => {
  const adapter = await openAdapter(), { queue } = adapter.device;
  const send = queue.writeBuffer.bind(queue), submit = queue.submit.bind(queue);
  let waiting = 0, most = 0, sent = 0;
  queue.writeBuffer = (...call) => {
    const bytes = (call[2] as Uint8Array).byteLength;
    sent += bytes;
    most = Math.max(most, waiting += bytes);
    send(...call);
  };
  queue.submit = (commands) => {
    waiting = 0;
    submit(commands);
  };
  const device = await createWebGpuDevice({ adapter });
  const numbers = Float32Array.from({ length: 5_000_001 }, (_, i) => i);
  const tensors = Array.from({ length: 8 }, () => device.upload(numbers, [numbers.length]));
  assert.equal(sent, 8 * numbers.byteLength);
  assert.ok(most <= 2 ** 26, `${most} bytes`);
  for (const tensor of tensors) assertSameBits(await device.read(tensor), numbers, "what was written");
  device.free(...tensors);
  device.dispose();
});

gpuTest("a tensor that a buffer just holds is allocated, written and read", async () => {
  // Sizes of buffers are rounded up where there is room: those of tensors by an eighth, those for reading to a power of two.
  const adapter = await openAdapter(), most = 80 * 2 ** 20 - 1, { device: gpu } = adapter;
  const create = gpu.createBuffer.bind(gpu), { limits } = gpu;
  const lower = new Proxy(limits, {
    get: (of, name) => name === "maxBufferSize" ? most : of[name as keyof GPUSupportedLimits],
  });
  Object.defineProperty(gpu, "limits", { value: lower });
  gpu.createBuffer = (descriptor) => {
    assert.ok(descriptor.size <= most, `a buffer of ${descriptor.size} bytes`);
    return create(descriptor);
  };
  const device = await createWebGpuDevice({ adapter }), size = Math.floor(most / 4);
  const tensor = device.alloc([size]);
  device.fill(device.rows(tensor, size - 2, size), 7);
  const read = await device.read(tensor);
  assert.deepEqual([read.length, ...read.slice(-2)], [size, 7, 7]);
  device.free(tensor);
  device.dispose();
});

gpuTest(
  "CommandQueue.run() takes lists that are too long for the buffer of parameters, several at once",
  async () => {
    const device = await createWebGpuDevice(), rows = 300_000, targets = 70_000;
    const index = Int32Array.from({ length: rows }, (_, i) => (7919 * i) % targets);
    const x = device.upload(Float32Array.from({ length: rows }, (_, i) => i % 11), [rows, 1]);
    const ids = device.upload(index, [rows]), y = device.upload(new Float32Array(targets), [targets, 1]);
    const expected = new Float32Array(targets);
    index.forEach((target, i) => expected[target]! += 2 * (i % 11));
    // Twice: the lists of the first call must still be there when the commands of both are submitted.
    for (let i = 0; i < 2; i++) device.scatterAddRows(x, ids, y);
    assertSameBits(await device.read(y), expected, "sums");
    device.free(x, ids, y);
    device.dispose();
  },
);

gpuTest("a submission has 50 billion operations at most, and what one dispatch adds", async () => {
  const adapter = await openAdapter(), { device: gpu } = adapter;
  let submissions = 0;
  // Nothing is to run: it would take a software adapter a minute.
  gpu.queue.submit = () => void submissions++;
  const device = await createWebGpuDevice({ adapter });
  const x = device.alloc([1000, 1000]), w = device.alloc([1000, 1000]), y = device.alloc([1000, 1000]);
  for (let i = 0; i < 24; i++) device.linear(x, w, y);
  assert.equal(submissions, 0);
  device.linear(x, w, y);
  assert.equal(submissions, 1);
  const shape = { heads: 8, kvHeads: 4, headDim: 125 }, n = 1000, lse = device.alloc([8, n]);
  const [k, v] = [device.alloc([n, 500]), device.alloc([n, 500])];
  // 8 heads · 1,000 · 1,000 scores · 125 · 4, of which tiles with a bound of their own skip half.
  for (let i = 0; i < 30; i++) {
    device.attention(x, k, v, [{ start: 0, length: n, parent: -1 }], shape, y, lse);
  }
  assert.equal(submissions, 2);
  device.dispose();
});

gpuTest("a dispatch of a product has 200 billion operations at most", async () => {
  const adapter = await openAdapter(), { device: gpu } = adapter, groups: number[][] = [];
  const createEncoder = gpu.createCommandEncoder.bind(gpu);
  gpu.createCommandEncoder = (...options) => {
    const encoder = createEncoder(...options), begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (...options) => {
      const pass = begin(...options);
      pass.dispatchWorkgroups = (...counts) => void groups.push(counts as number[]);
      return pass;
    };
    return encoder;
  };
  const device = await createWebGpuDevice({ adapter }), side = 4864;
  const [x, w, y] = [0, 1, 2].map(() => device.alloc([side, side]));
  device.linear(x!, w!, y!);
  device.linear(device.rows(x!, 0, 4096), w!, device.rows(y!, 0, 4096));
  // 2.3e11 operations in two equal pieces, and 1.9e11 in one.
  assert.equal(groups.length, 3);
  assert.deepEqual(groups[0], groups[1]);
  device.dispose();
});
