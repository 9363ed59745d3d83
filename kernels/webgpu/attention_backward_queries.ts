/**
 * Gradient of attention by its queries (Dao 2023, FlashAttention-2, algorithm 2), with the probabilities computed again
 * from the log-sum-exps:
 *
 *   P = exp(S − lse), dP = dy·Vᵀ, dS = P∘(dP − D), dQ = dS·K/√headDim, where D = rowsum(dy∘y).
 *
 * A workgroup goes through the keys of a tile of queries in the order of the sequence, as the forward kernel does, so the
 * bits of dQ do not depend on how the stream is laid out.
 *
 * A head is taken in sections of columns, so that keys and values of a section fit into workgroup memory together. The dot
 * products go through the sections one after the other, the sums over keys backwards, since the last one is still there.
 *
 * @module
 */
import { keyRows, tileVariables } from "./attention_forward.ts";
import { chunk, type QueryTiles } from "./attention_plan.ts";
import {
  accumulators,
  dotProducts,
  loadTile,
  products,
  sectionsOf,
  storeSums,
  tileMemory,
  weightedSums,
  weightStride,
} from "./attention_tiles.ts";
import {
  bindingType,
  entryPoint,
  fetch,
  type HeadSpec,
  keyScale,
  keyThreads,
  perThread,
  quads,
  repeat,
  softmaxFunctions,
  specName,
  store,
} from "./attention_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { f32Literal, spread, workgroupIndex } from "./wgsl.ts";

/** Columns of keys, and of values, in workgroup memory at once, in vec4: 11 KiB each. */
export const mostColumns = 20;

const threadsOfDots = 64;

function dotsKernel(queue: CommandQueue, spec: HeadSpec) {
  const name = `attention-dots-${specName(spec)}`;
  return queue.kernel(name, () => ({
    name,
    params: { rows: "u32", heads: "u32", stream_rows: "u32", first_row: "u32" },
    bindings: { dy: bindingType("in", spec), y: bindingType("in", spec), dots: "out f32" },
    code: `
${fetch("dy", spec)}
${fetch("y", spec)}
${workgroupIndex}
@compute @workgroup_size(${threadsOfDots})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = workgroup_index(group, groups) * ${threadsOfDots}u + local;
  if (at >= p.rows * p.heads) { return; }
  // In the order of the dot products dy·v: where a query sees one key, or one alone counts, P∘(dP − D) is then exactly 0.
  var sum = 0.0f;
  for (var d = 0u; d < ${quads(spec.headDim)}u; d++) {
    let a = fetch_dy(at, d);
    let b = fetch_y(at, d);
    sum = fma(a.x, b.x, sum);
    sum = fma(a.y, b.y, sum);
    sum = fma(a.z, b.z, sum);
    sum = fma(a.w, b.w, sum);
  }
  dots[p.dots_base + at % p.heads * p.stream_rows + p.first_row + at / p.heads] = sum;
}`,
  }));
}

/** dots[heads, rows of the stream] ← rowsum(dy∘y) of each head, for the rows of a window from `firstRow` on. */
export function attentionDots(
  queue: CommandQueue,
  spec: HeadSpec,
  heads: number,
  { dy, y, dots }: { dy: GpuTensor; y: GpuTensor; dots: GpuTensor },
  firstRow: number,
): void {
  const rows = y.shape[0]!;
  queue.run(
    dotsKernel(queue, spec),
    { dy, y, dots },
    { rows, heads, stream_rows: dots.shape[1]!, first_row: firstRow },
    spread(Math.ceil(rows * heads / threadsOfDots), queue.maxGroups),
  );
}

function queriesCode(spec: HeadSpec, rowThreads: number): string {
  const threads = rowThreads * keyThreads, sections = sectionsOf(spec.headDim, mostColumns);
  const last = sections.length - 1;
  const load = (tile: "keys_tile" | "values_tile", s: number) =>
    loadTile(
      tile,
      sections,
      sections[s]!,
      threads,
      tile === "keys_tile" ? keyRows("k", keyScale(spec.headDim)) : keyRows("v"),
    );
  const byRow = (code: (i: number) => string) => `vec4<f32>(${repeat(perThread, code, ", ")})`;
  const saved = (name: string, i: number) =>
    `${name}[p.${name}_base + head${i} * p.stream_rows + p.first_row + row${i}]`;
  return `
${["q", "k", "v", "dy"].map((name) => fetch(name, spec)).join("\n")}
${store("dq", spec)}
${softmaxFunctions}
${tileMemory("keys_tile", sections)}
${tileMemory("values_tile", sections)}
var<workgroup> weights: array<vec4<f32>, ${perThread * rowThreads * weightStride}>;
${
    entryPoint(
      threads,
      `
${tileVariables(spec, rowThreads)}
  let log_sums = ${byRow((i) => saved("lse", i))} * ${f32Literal(Math.LOG2E)};
  let means = ${byRow((i) => saved("dots", i))};
  ${accumulators("a", sections)}
  for (var base = 0u; base < keys; base += ${chunk}u) {
    ${products("s")}
    ${products("t")}
    ${
        sections.map((section, s) => `
    workgroupBarrier();
    ${load("keys_tile", s)}
    ${load("values_tile", s)}
    workgroupBarrier();
    ${
          dotProducts(
            [
              { sums: "s", tile: "keys_tile", fetch: "fetch_q" },
              { sums: "t", tile: "values_tile", fetch: "fetch_dy" },
            ],
            "at",
            sections,
            section,
          )
        }`).join("\n")
      }
    ${
        repeat(perThread, (i) => `
    let seen${i} = vec4<u32>(${
          repeat(perThread, (j) => `base + key_thread + ${keyThreads * j}u`, ", ")
        }) <= vec4<u32>(position${i});
    let s${i} = vec4<f32>(${repeat(perThread, (j) => `s${i}${j}`, ", ")});
    let t${i} = vec4<f32>(${repeat(perThread, (j) => `t${i}${j}`, ", ")});
    weights[(row_thread + ${rowThreads * i}u) * ${weightStride}u + key_thread] =
      select(vec4<f32>(), powers(s${i} - log_sums[${i}]) * (t${i} - means[${i}]), seen${i});`)
      }
    workgroupBarrier();
    ${
        sections.map((_, i) => last - i).map((s) => `
    ${s === last ? "" : `workgroupBarrier(); ${load("keys_tile", s)} workgroupBarrier();`}
    ${weightedSums([{ sums: "a", weights: "weights", tile: "keys_tile" }], sections, s, rowThreads)}`)
          .join("\n")
      }
  }
  ${
        repeat(perThread, (i) => `
  if (row_thread + ${rowThreads * i}u < pairs) {
    ${
          // Keys were scaled by log2(e)/√headDim.
          storeSums("dq", "a", i, `at${i}`, sections, f32Literal(Math.LN2))}
  }`)
      }`,
    )
  }`;
}

function queriesKernel(queue: CommandQueue, spec: HeadSpec, pairs: number) {
  const name = `attention-backward-queries-${specName(spec)}/${pairs}`;
  return queue.kernel(name, () => ({
    name,
    params: { tiles: "u32", kv_heads: "u32", stream_rows: "u32", first_row: "u32" },
    bindings: {
      list: "in i32",
      q: bindingType("in", spec),
      k: bindingType("in", spec),
      v: bindingType("in", spec),
      dy: bindingType("in", spec),
      lse: "in f32",
      dots: "in f32",
      dq: bindingType("out", spec),
    },
    code: queriesCode(spec, pairs / perThread),
  }));
}

/** What both kernels read: rows of one window of the stream; `lse` and `dots` are those of the whole stream. */
export interface BackwardInputs {
  readonly q: GpuTensor;
  readonly k: GpuTensor;
  readonly v: GpuTensor;
  readonly dy: GpuTensor;
  readonly lse: GpuTensor;
  readonly dots: GpuTensor;
}

/** dq of the tiles of a window that starts at row `firstRow` of the stream. */
export function attentionBackwardQueries(
  queue: CommandQueue,
  spec: HeadSpec,
  kvHeads: number,
  { pairs, count, scores, list }: QueryTiles,
  tensors: BackwardInputs & { dq: GpuTensor },
  firstRow: number,
): void {
  if (count === 0) return;
  queue.run(
    queriesKernel(queue, spec, pairs),
    { list, ...tensors },
    { tiles: count, kv_heads: kvHeads, stream_rows: tensors.dots.shape[1]!, first_row: firstRow },
    spread(count * kvHeads, queue.maxGroups),
  );
  queue.weigh(3 * 2 * spec.headDim * scores * kvHeads);
}
