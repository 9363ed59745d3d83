/**
 * A dimension or an index that does not fit is an error, for every op. An engine that reads past a row, or computes
 * with what happens to lie there, is caught here.
 *
 * @module
 */
import { assert } from "#test";
import type { LayerTailKept } from "../layer_types.ts";
import type { Tensor } from "../tensor_types.ts";
import { conformanceTest, type Subject } from "./harness.ts";
import type { Workbench } from "./workbench.ts";

/** A call that must throw or reject. `t` makes a tensor of zeros. */
type Misfit = (device: Workbench["device"], t: (...shape: number[]) => Tensor, bench: Workbench) => unknown;

const shape = { heads: 2, kvHeads: 1, headDim: 4 };
const one = [{ start: 0, length: 3, parent: -1 }];
const adamW = { learningRate: 1, beta1: 0, beta2: 0, eps: 1, weightDecay: 0, step: 1, gradientScale: 1 };
const statistics = () => ({
  logProb: new Float32Array(3),
  logSumExp: new Float32Array(3),
  entropy: new Float32Array(3),
});
const sampled = { oldLogProbs: [-1, -2, -3], advantages: [1, -1], offsets: [0, 1, 3] };
const surrogate = {
  surrogate: "ppo-clip" as const,
  clipLow: 0.2,
  clipHigh: 0.2,
  dualClip: 3,
  logRatioClamp: 20,
  scale: 1,
};
const ids = (...values: number[]) => Int32Array.from(values);

/** Runs with weights packed, and unpacks them whatever comes of it. */
function packed(device: Workbench["device"], weights: Tensor[], run: (weights: Tensor[]) => void): void {
  device.packWeights(weights);
  try {
    run(weights);
  } finally {
    device.unpackWeights(weights);
  }
}

/** `layerTail` of three rows of 4 with a gate of 5, of tensors that fit unless they are given. */
function tail(
  device: Workbench["device"],
  t: (...shape: number[]) => Tensor,
  given: Readonly<Partial<Record<"attended" | "gate" | "up" | "down" | "y", Tensor>>> & {
    readonly kept?: LayerTailKept;
  },
): void {
  const { attended = t(3, 6), gate = t(5, 4), up = t(5, 4), down = t(4, 5), y = t(3, 4), kept } = given;
  device.layerTail(t(3, 4), attended, { o: t(4, 6), norm: t(4), gate, up, down }, 1e-5, y, kept);
}

/** `layerTail` of three rows of 96, of packed weights. */
function packedTail(
  device: Workbench["device"],
  t: (...shape: number[]) => Tensor,
  attended: Tensor,
  y: Tensor,
  kept?: LayerTailKept,
): void {
  const o = t(96, 96), gate = t(96, 96), up = t(96, 96), down = t(96, 96);
  packed(
    device,
    [o, gate, up, down],
    () => device.layerTail(t(3, 96), attended, { o, norm: t(96), gate, up, down }, 1e-5, y, kept),
  );
}

const misfits: Readonly<Record<string, Misfit>> = {
  "upload: size": (d) => d.upload(new Float32Array(5), [2, 3]),
  "upload: f32 as f16": (d) => d.upload(new Float32Array(3), [3], "f16"),
  "upload: words of 16 bits as i32": (d) => d.upload(new Uint16Array(3), [3], "i32"),
  "upload: infinity in f16": (d) => d.upload(Uint16Array.of(0, 0x7c00), [2], "f16"),
  "upload: NaN in f16": (d) => d.upload(Uint16Array.of(0xfe01, 1), [2], "f16"),
  "write: size": (d, t) => d.write(t(3), new Float32Array(4)),
  "copy: size": (d, t) => d.copy(t(3), t(4)),
  "copy: element type": (d, t, b) => d.copy(b.putIds(ids(1, 2, 3)), t(3)),
  "add: size": (d, t) => d.add(t(3), t(4)),
  "rows: end": (d, t) => d.rows(t(3, 2), 1, 4),
  "reshape: size": (d, t) => d.reshape(t(3, 2), [5]),
  "free: twice": (d) => {
    const tensor = d.alloc([2]);
    d.free(tensor);
    d.free(tensor);
  },
  "linear: inner": (d, t) => d.linear(t(3, 4), t(5, 3), t(3, 5)),
  "linear: output rows": (d, t) => d.linear(t(3, 4), t(5, 4), t(2, 5)),
  "linear: bias": (d, t) => d.linear(t(3, 4), t(5, 4), t(3, 5), { bias: t(4) }),
  "linear: residual": (d, t) => d.linear(t(3, 4), t(5, 4), t(3, 5), { residual: t(3, 4) }),
  "layerTail: attended": (d, t) => tail(d, t, { attended: t(3, 5) }),
  "layerTail: gate": (d, t) => tail(d, t, { gate: t(5, 3), up: t(5, 3) }),
  "layerTail: gate and up": (d, t) => tail(d, t, { up: t(6, 4) }),
  "layerTail: down": (d, t) => tail(d, t, { down: t(4, 6) }),
  "layerTail: output": (d, t) => tail(d, t, { y: t(2, 4) }),
  "layerTail: kept m": (d, t) => tail(d, t, { kept: { m: t(2, 4), gate: t(3, 5), up: t(3, 5) } }),
  "layerTail: kept gate": (d, t) => tail(d, t, { kept: { m: t(3, 4), gate: t(3, 4), up: t(3, 5) } }),
  "layerTail: kept up, packed": (d, t) =>
    packedTail(d, t, t(3, 96), t(3, 96), { m: t(3, 96), gate: t(3, 96), up: t(2, 96) }),
  "projections: inner": (d, t) => d.projections(t(3, 4), t(4), 1e-5, [{ w: t(5, 3), y: t(3, 5) }]),
  "projections: norm": (d, t) => d.projections(t(3, 4), t(3), 1e-5, [{ w: t(5, 4), y: t(3, 5) }]),
  "projections: norm, packed": (d, t) =>
    packed(d, [t(96, 32)], ([w]) => d.projections(t(3, 32), t(31), 1e-5, [{ w: w!, y: t(3, 96) }])),
  "projections: output, packed": (d, t) =>
    packed(d, [t(96, 32)], ([w]) => d.projections(t(3, 32), t(32), 1e-5, [{ w: w!, y: t(2, 96) }])),
  "projections: positions": (d, t) => {
    const rope = { positions: ids(0, 1), table: d.ropeTable(new Float64Array(2), 4), heads: 2 };
    d.projections(t(3, 4), t(4), 1e-5, [{ w: t(8, 4), y: t(3, 8), rope }]);
  },
  "linear: output, packed": (d, t) => packed(d, [t(96, 32)], ([w]) => d.linear(t(3, 32), w!, t(2, 96))),
  "linear: inner, packed": (d, t) => packed(d, [t(96, 32)], ([w]) => d.linear(t(3, 16), w!, t(3, 96))),
  "layerTail: attended, packed": (d, t) => packedTail(d, t, t(3, 80), t(3, 96)),
  "layerTail: output, packed": (d, t) => packedTail(d, t, t(3, 96), t(2, 96)),
  "linearBackwardInput: columns": (d, t) => d.linearBackwardInput(t(3, 5), t(5, 4), t(3, 5)),
  "linearBackwardWeight: rows": (d, t) => d.linearBackwardWeight(t(3, 5), t(2, 4), t(5, 4)),
  "linearBackwardWeight: dBias": (d, t) => d.linearBackwardWeight(t(3, 5), t(3, 4), t(5, 4), { dBias: t(4) }),
  "embedding: id too large": (d, t, b) => d.embedding(b.putIds(ids(0, 4)), t(4, 3), t(2, 3)),
  "embedding: negative id": (d, t, b) => d.embedding(b.putIds(ids(0, -1)), t(4, 3), t(2, 3)),
  "embedding: rows": (d, t, b) => d.embedding(b.putIds(ids(0, 1)), t(4, 3), t(3, 3)),
  "embeddingBackward: id too large": (d, t, b) => d.embeddingBackward(b.putIds(ids(0, 4)), t(2, 3), t(4, 3)),
  "gatherRows: index": (d, t, b) => d.gatherRows(t(4, 3), b.putIds(ids(4)), t(1, 3)),
  "scatterAddRows: width": (d, t, b) => d.scatterAddRows(t(1, 2), b.putIds(ids(0)), t(4, 3)),
  "rmsNorm: weight": (d, t) => d.rmsNorm(t(3, 4), t(3), 1e-5, t(3, 4)),
  "rmsNorm: output": (d, t) => d.rmsNorm(t(3, 4), t(4), 1e-5, t(2, 4)),
  "rmsNormBackward: dy": (d, t) => d.rmsNormBackward(t(2, 4), t(3, 4), t(4), 1e-5, t(3, 4), t(4)),
  "rmsNormBackward: dw": (d, t) => d.rmsNormBackward(t(3, 4), t(3, 4), t(4), 1e-5, t(3, 4), t(3)),
  "swiglu: up": (d, t) => d.swiglu(t(3, 4), t(3, 3), t(3, 4)),
  "swigluBackward: dy": (d, t) => d.swigluBackward(t(2, 4), t(3, 4), t(3, 4), t(3, 4), t(3, 4)),
  "swigluBackward: dUp": (d, t) => d.swigluBackward(t(3, 4), t(3, 4), t(3, 4), t(3, 4), t(2, 4)),
  "rope: width": (d, t) => d.rope(t(2, 6), ids(0, 1), d.ropeTable(new Float64Array(2), 4), 2, t(2, 6)),
  "rope: positions": (d, t) => d.rope(t(2, 8), ids(0), d.ropeTable(new Float64Array(2), 4), 2, t(2, 8)),
  "attention: key rows": (d, t) => d.attention(t(3, 8), t(2, 4), t(2, 4), one, shape, t(3, 8), t(2, 3)),
  "attention: lse": (d, t) => d.attention(t(3, 8), t(3, 4), t(3, 4), one, shape, t(3, 8), t(2, 2)),
  "attention: segment past the end": (d, t) =>
    d.attention(t(3, 8), t(3, 4), t(3, 4), [{ start: 1, length: 3, parent: -1 }], shape, t(3, 8), t(2, 3)),
  "attention: parent that is not there": (d, t) =>
    d.attention(t(3, 8), t(3, 4), t(3, 4), [{ start: 0, length: 3, parent: 0 }], shape, t(3, 8), t(2, 3)),
  "attention: parent with a parent": (d, t) => {
    const chain = [0, 1, 2].map((start) => ({ start, length: 1, parent: start - 1 }));
    d.attention(t(3, 8), t(3, 4), t(3, 4), chain, shape, t(3, 8), t(2, 3));
  },
  "attention: heads in no whole groups": (d, t) =>
    d.attention(t(3, 12), t(3, 8), t(3, 8), one, { heads: 3, kvHeads: 2, headDim: 4 }, t(3, 12), t(3, 3)),
  "attentionBackward: dy": (d, t) =>
    d.attentionBackward(
      t(2, 8),
      t(3, 8),
      t(3, 4),
      t(3, 4),
      t(3, 8),
      t(2, 3),
      one,
      shape,
      t(3, 8),
      t(3, 4),
      t(3, 4),
    ),
  "attentionBackward: dk": (d, t) =>
    d.attentionBackward(
      t(3, 8),
      t(3, 8),
      t(3, 4),
      t(3, 4),
      t(3, 8),
      t(2, 3),
      one,
      shape,
      t(3, 8),
      t(2, 4),
      t(3, 4),
    ),
  "cacheWrite: slot": (d, t, b) =>
    d.cacheWrite(b.cache(1, 2, 4, shape), 0, t(1, 4), t(1, 4), [{ row: 0, count: 1, slot: 2, position: 0 }]),
  "cacheWrite: row": (d, t, b) =>
    d.cacheWrite(b.cache(1, 2, 4, shape), 0, t(1, 4), t(1, 4), [{ row: 1, count: 1, slot: 0, position: 0 }]),
  "cacheWrite: width": (d, t, b) =>
    d.cacheWrite(b.cache(1, 2, 4, shape), 0, t(1, 3), t(1, 3), [{ row: 0, count: 1, slot: 0, position: 0 }]),
  "cacheWrite: layer": (d, t, b) =>
    d.cacheWrite(b.cache(1, 2, 4, shape), 1, t(1, 4), t(1, 4), [{ row: 0, count: 1, slot: 0, position: 0 }]),
  "cacheCopy: slot": (d, _, b) => d.cacheCopy(b.cache(1, 2, 4, shape), 0, 2, 1),
  "cacheCopy: count": (d, _, b) => d.cacheCopy(b.cache(1, 2, 4, shape), 0, 1, 5),
  "attentionDecode: lengths": (d, t, b) =>
    d.attentionDecode(t(2, 8), b.cache(1, 2, 4, shape), 0, ids(1), shape, t(2, 8)),
  "attentionDecode: more slots than the cache": (d, t, b) =>
    d.attentionDecode(t(3, 8), b.cache(1, 2, 4, shape), 0, ids(1, 1, 1), shape, t(3, 8)),
  "attentionDecode: longer than the cache": (d, t, b) =>
    d.attentionDecode(t(1, 8), b.cache(1, 1, 4, shape), 0, ids(5), shape, t(1, 8)),
  "lmHead: hidden width": (d, t) => d.lmHead(t(3, 4), t(9, 5), ids(0, 1, 2), 1),
  "lmHead: number of ids": (d, t) => d.lmHead(t(3, 4), t(9, 4), ids(0, 1), 1),
  "lmHead: id": (d, t) => d.lmHead(t(3, 4), t(9, 4), ids(0, 1, 9), 1),
  "lmHead: temperature 0": (d, t) => d.lmHead(t(3, 4), t(9, 4), ids(0, 1, 2), 0),
  "lmHeadBackward: gradient length": (d, t) =>
    d.lmHeadBackward(
      t(3, 4),
      t(9, 4),
      ids(0, 1, 2),
      1,
      statistics(),
      { dLogProb: new Float32Array(2) },
      t(3, 4),
      null,
    ),
  "lmHeadBackward: dh": (d, t) =>
    d.lmHeadBackward(
      t(3, 4),
      t(9, 4),
      ids(0, 1, 2),
      1,
      statistics(),
      { dLogProb: new Float32Array(3) },
      t(2, 4),
      null,
    ),
  "lmHeadBackward: dw": (d, t) =>
    d.lmHeadBackward(
      t(3, 4),
      t(9, 4),
      ids(0, 1, 2),
      1,
      statistics(),
      { dLogProb: new Float32Array(3) },
      t(3, 4),
      t(8, 4),
    ),
  "lmHeadBackward: tensor of slopes": (d, t) =>
    d.lmHeadBackward(t(3, 4), t(9, 4), ids(0, 1, 2), 1, t(3, 3), { dLogProb: t(2) }, t(3, 4), null),
  "lmHeadInto: statistics": (d, t) => d.lmHeadInto(t(3, 4), t(9, 4), ids(0, 1, 2), 1, t(3, 2)),
  "lmHeadInto: id": (d, t) => d.lmHeadInto(t(3, 4), t(9, 4), ids(0, 1, 9), 1, t(3, 3)),
  "policyLoss: statistics": (d, t) => d.policyLoss(t(3, 2), sampled, surrogate, t(3)),
  "policyLoss: dLogProb": (d, t) => d.policyLoss(t(3, 3), sampled, surrogate, t(2)),
  "policyLoss: old log-probabilities": (d, t) => d.policyLoss(t(4, 3), sampled, surrogate, t(4)),
  "policyLoss: offsets": (d, t) => d.policyLoss(t(3, 3), { ...sampled, offsets: [0, 4, 3] }, surrogate, t(3)),
  "policyLoss: advantages": (d, t) => d.policyLoss(t(3, 3), { ...sampled, advantages: [1] }, surrogate, t(3)),
  "lmHeadSample: uniforms": (d, t) =>
    d.lmHeadSample(t(3, 4), t(9, 4), new Float32Array(2), { temperature: 1, topP: 1, topK: 0 }),
  "lmHeadSample: hidden width": (d, t) =>
    d.lmHeadSample(t(3, 4), t(9, 5), new Float32Array(3), { temperature: 1, topP: 1, topK: 0 }),
  "lmHeadSample: negative temperature": (d, t) =>
    d.lmHeadSample(t(3, 4), t(9, 4), new Float32Array(3), { temperature: -1, topP: 1, topK: 0 }),
  "logits: output": (d, t) => d.logits(t(3, 4), t(9, 4), t(3, 8)),
  "meanPool: range": (d, t) => d.meanPool(t(3, 4), [[{ start: 1, end: 4 }]], t(1, 4)),
  "meanPool: outputs": (d, t) => d.meanPool(t(3, 4), [[{ start: 0, end: 1 }]], t(2, 4)),
  "meanPoolBackward: range": (d, t) => d.meanPoolBackward(t(1, 4), [[{ start: 1, end: 4 }]], t(3, 4)),
  "meanPoolBackward: outputs": (d, t) => d.meanPoolBackward(t(2, 4), [[{ start: 0, end: 1 }]], t(3, 4)),
  "l2Normalize: output": (d, t) => d.l2Normalize(t(3, 4), t(2, 4)),
  "l2NormalizeBackward: dy": (d, t) => d.l2NormalizeBackward(t(2, 4), t(3, 4), t(3, 4)),
  "infoNce: fewer candidates than rows": (d, t) =>
    d.infoNce(t(3, 4), t(2, 4), { temperature: 1 }, t(3, 4), t(2, 4)),
  "infoNce: dc": (d, t) => d.infoNce(t(3, 4), t(5, 4), { temperature: 1 }, t(3, 4), t(4, 4)),
  "infoNce: excluded": (d, t) =>
    d.infoNce(t(3, 4), t(5, 4), { temperature: 1, excluded: new Uint8Array(9) }, t(3, 4), t(5, 4)),
  "adamW: moments": (d, t) => d.adamW(t(5), t(5), t(4), t(5), adamW),
  "adamW: gradient": (d, t) => d.adamW(t(5), t(4), t(5), t(5), adamW),
};

/** Registers one test a misfit. */
export function misfitSuite(subject: Subject): void {
  for (const [name, call] of Object.entries(misfits)) {
    conformanceTest(subject, `a misfit throws: ${name}`, async (bench) => {
      const zeros = (...shape: number[]) =>
        bench.put(new Float32Array(shape.reduce((a, b) => a * b)), ...shape);
      await assert.rejects(async () => await call(bench.device, zeros, bench));
    });
  }
}
