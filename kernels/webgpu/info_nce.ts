/**
 * InfoNCE (van den Oord 2018; paper Eq. 1-2) and its gradients, by blocks of rows of the matrix of similarities.
 *
 * @module
 */
import type { InfoNceSpec } from "../training_types.ts";
import type { Arena } from "./arena.ts";
import type { LinearOps } from "./linear.ts";
import { rowBlocks } from "./pieces.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { spread, treeReduction, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Most bytes of a block of the matrix of similarities. */
const blockBytes = 1 << 26;

/** Over the values of all threads in `parts`. */
const tree = (combine: (other: string) => string) =>
  treeReduction(threads, "local", (step) => combine(`parts[local + ${step}]`));

/**
 * A workgroup turns row i of similarities s into (softmax − [j = positive]) / (nτ), in place, and tells of the row
 * gap = (largest − s[positive])/τ and others = Σ exp((s[j] − largest)/τ) over all candidates but the positive.
 */
const softmaxGradient = (masked: boolean) =>
  `${workgroupIndex}
var<workgroup> parts: array<f32, ${threads}>;
fn kept(at: u32) -> bool {
  return ${masked ? "((excluded[p.excluded_base + (at >> 2u)] >> (8u * (at & 3u))) & 255u) != 1u" : "true"};
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  // Workgroups past the last row compute it again and write nothing: all of them must reach the barriers.
  let wanted = workgroup_index(group, groups);
  let row = min(wanted, p.rows - 1u);
  let positive = p.first + row;
  let start = p.s_base + row * p.candidates;
  let own = s[start + positive];
  var largest = own;
  for (var j = local; j < p.candidates; j += ${threads}u) {
    if (kept(row * p.candidates + j)) { largest = max(largest, s[start + j]); }
  }
  parts[local] = largest;
  ${tree((other) => `parts[local] = max(parts[local], ${other});`)}
  workgroupBarrier();
  largest = parts[0];
  workgroupBarrier();
  var others = 0.0f;
  for (var j = local; j < p.candidates; j += ${threads}u) {
    if (j != positive && kept(row * p.candidates + j)) {
      others += exp((s[start + j] - largest) * p.sharpness);
    }
  }
  parts[local] = others;
  ${tree((other) => `parts[local] += ${other};`)}
  workgroupBarrier();
  others = parts[0];
  // What all threads read of the row above, its owner overwrites below.
  storageBarrier();
  let gap = (largest - own) * p.sharpness;
  let scale = p.weight / (others + exp(-gap));
  if (wanted >= p.rows) { return; }
  if (local == 0u) {
    losses[p.losses_base + 2u * row] = gap;
    losses[p.losses_base + 2u * row + 1u] = others;
  }
  for (var j = local; j < p.candidates; j += ${threads}u) {
    var slope = 0.0f;
    // p − 1 as what the others have: a solved row keeps its digits.
    if (j == positive) { slope = -others * scale; }
    else if (kept(row * p.candidates + j)) { slope = exp((s[start + j] - largest) * p.sharpness) * scale; }
    s[start + j] = slope;
  }
}`;

/** See the module comment. */
export class InfoNceOps {
  constructor(readonly queue: CommandQueue, readonly arena: Arena, readonly linear: LinearOps) {}

  /** The loss, and dq, dc ← its gradients; see `Device.infoNce`. */
  async loss(
    q: GpuTensor,
    candidates: GpuTensor,
    spec: InfoNceSpec,
    dq: GpuTensor,
    dc: GpuTensor,
  ): Promise<number> {
    const [n = 0, dim = 0] = q.shape, [m = 0] = candidates.shape, { temperature, excluded } = spec;
    expectShape(q, [n, dim], "infoNce: q");
    expectShape(candidates, [m, dim], "infoNce: candidates");
    expectShape(dq, [n, dim], "infoNce: dq");
    expectShape(dc, [m, dim], "infoNce: dc");
    if (!(n > 0 && m >= n && temperature > 0)) {
      throw new Error(`infoNce: ${n} rows, ${m} candidates, temperature ${temperature}`);
    }
    if (excluded && excluded.length !== n * m) {
      throw new Error(`infoNce: ${excluded.length} exclusions for ${n} × ${m}`);
    }
    const losses = this.arena.alloc([n, 2], "f32");
    for (const [start, end] of rowBlocks(n, 4 * m, Math.min(this.queue.maxBinding, blockBytes))) {
      const s = this.arena.alloc([end - start, m], "f32"), rows = q.rows(start, end);
      this.linear.forward(rows, candidates, s);
      const mask = excluded && wordsOf(excluded.subarray(start * m, end * m));
      this.#softmaxGradient(s, start, losses.rows(start, end), mask, { temperature, n });
      this.linear.backwardInput(s, candidates, dq.rows(start, end), false);
      this.linear.backwardWeight(s, rows, dc, start > 0);
      this.arena.release(s);
    }
    const reading = this.queue.read(losses);
    this.arena.release(losses);
    const values = new Float32Array(await reading);
    let total = 0;
    for (let i = 0; i < n; i++) {
      const gap = values[2 * i]!, others = values[2 * i + 1]!;
      // −log softmax = gap + log(exp(−gap) + others).
      total += gap + Math.log1p(Math.expm1(-gap) + others);
    }
    return total / n;
  }

  #softmaxGradient(
    s: GpuTensor,
    first: number,
    losses: GpuTensor,
    mask: Uint32Array | undefined,
    { temperature, n }: { temperature: number; n: number },
  ): void {
    const [rows, m] = s.shape as [number, number],
      params = {
        rows,
        candidates: m,
        first,
        sharpness: 1 / temperature,
        weight: 1 / (n * temperature),
      };
    const types = {
      rows: "u32",
      candidates: "u32",
      first: "u32",
      sharpness: "f32",
      weight: "f32",
    } as const;
    const bindings = { s: "out f32", losses: "out f32" } as const;
    const groups = spread(rows, this.queue.maxGroups);
    if (mask) {
      const kernel = this.queue.kernel("info-nce/excluding", () => ({
        name: "info-nce/excluding",
        params: types,
        bindings: { ...bindings, excluded: "in u32" },
        code: softmaxGradient(true),
      }));
      this.queue.run(kernel, { s, losses, excluded: mask }, params, groups);
      return;
    }
    const kernel = this.queue.kernel("info-nce", () => ({
      name: "info-nce",
      params: types,
      bindings,
      code: softmaxGradient(false),
    }));
    this.queue.run(kernel, { s, losses }, params, groups);
  }
}

/** Bytes as little-endian words, padded with zeros. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
