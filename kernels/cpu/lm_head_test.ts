import { assert, assertSameBits } from "#test";
import type { Device } from "../device.ts";
import type { Tensor } from "../tensor_types.ts";
import { TestRandom } from "../reference/random.ts";
import { createCpuDevice } from "./mod.ts";

const rows = 5, dim = 16, vocab = 4500;

async function gradients(device: Device, forBackward: boolean, h: Tensor, w: Tensor, ids: Int32Array) {
  const dh = device.alloc([ids.length, dim]), dw = device.alloc([vocab, dim]);
  device.fill(dh, 0);
  device.fill(dw, 0);
  const statistics = await device.lmHead(h, w, ids, 0.7, { forBackward });
  const dLogProb = Float32Array.from(ids, (_, i) => i - 1.5);
  device.lmHeadBackward(h, w, ids, 0.7, statistics, { dLogProb, dEntropy: dLogProb }, dh, dw);
  const result = { dh: await device.read(dh), dw: await device.read(dw) };
  device.free(dh, dw);
  return result;
}

Deno.test("lmHead() that keeps its logits gives the same gradients, and leaves nothing behind", async () => {
  const device = createCpuDevice(), random = new TestRandom(1);
  const h = device.upload(Float32Array.from(random.normals(rows * dim)), [rows, dim]);
  const w = device.upload(Float32Array.from(random.normals(vocab * dim)), [vocab, dim]);
  const before = device.memory.current;
  for (const count of [1, 2, rows]) {
    const part = device.rows(h, 0, count), ids = Int32Array.from({ length: count }, (_, i) => 900 * i);
    const kept = await gradients(device, true, part, w, ids);
    const again = await gradients(device, false, part, w, ids);
    assertSameBits(kept.dh, again.dh, "dh");
    assertSameBits(kept.dw, again.dw, "dw");
    assert.equal(device.memory.current, before);
  }
  const statistics = await device.lmHead(h, w, new Int32Array(rows), 1, { forBackward: true });
  assert.ok(device.memory.current > before);
  device.lmHeadDiscard(statistics);
  assert.equal(device.memory.current, before);
  device.dispose();
});

Deno.test("lmHeadSample() without entropies draws the same tokens with the same log-probabilities", async () => {
  const device = createCpuDevice(), random = new TestRandom(2);
  const h = device.upload(Float32Array.from(random.normals(rows * dim)), [rows, dim]);
  const w = device.upload(Float32Array.from(random.normals(vocab * dim)), [vocab, dim]);
  const uniforms = Float32Array.from({ length: rows }, (_, i) => (i + 0.5) / rows);
  for (const spec of [{ temperature: 0.7, topP: 1, topK: 0 }, { temperature: 0, topP: 1, topK: 0 }]) {
    const expected = await device.lmHeadSample(h, w, uniforms, spec);
    const drawn = await device.lmHeadSample(h, w, uniforms, { ...spec, entropy: false });
    assert.deepEqual(drawn.ids, expected.ids);
    assertSameBits(drawn.logProb, expected.logProb, "log-probabilities");
    assertSameBits(drawn.logSumExp, expected.logSumExp, "log-sum-exp");
    assert.ok(expected.entropy.every(Number.isFinite) && drawn.entropy.every(Number.isNaN));
  }
  device.dispose();
});

Deno.test("lmHeadSample() says NaN of logits that are NaN, in whichever chunk", async () => {
  const device = createCpuDevice(), greedy = { temperature: 0, topP: 1, topK: 0 };
  const h = device.upload(new Float32Array(2 * dim).fill(1), [2, dim]);
  for (const at of [0, vocab - 1]) {
    const values = new Float32Array(vocab * dim).fill(0.1).fill(NaN, at * dim, (at + 1) * dim);
    const w = device.upload(values, [vocab, dim]);
    const { ids, logProb } = await device.lmHeadSample(h, w, new Float32Array(2), greedy);
    assert.ok(logProb.every(Number.isNaN), `log-probabilities ${logProb}`);
    assert.ok(ids.every((id) => id >= 0 && id < vocab), `ids ${ids}`);
    device.free(w);
  }
  device.dispose();
});
