/**
 * Forward kernel of attention: a workgroup goes through the keys of a tile of queries, chunk by chunk (Dao 2023,
 * FlashAttention-2, algorithm 1, with the softmax of `attention_wgsl.ts`).
 *
 * A thread has four rows of the tile and four keys of the chunk, or the columns of a head that it owns; eight threads share
 * their rows. Queries are read where they lie: the four rows of a thread are read by its seven neighbours as well, and
 * stay in the first-level cache; keys and values go through workgroup memory, one after the other through the same tile.
 *
 * @module
 */
import { chunk, type QueryTiles, tileFields } from "./attention_plan.ts";
import {
  accumulators,
  columnsOf,
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
  joinChunk,
  keyScale,
  keyThreads,
  perThread,
  repeat,
  softmaxFunctions,
  specName,
  store,
} from "./attention_wgsl.ts";
import type { Kernel } from "./kernel.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { f32Literal, spread } from "./wgsl.ts";

/** Columns of keys in workgroup memory at once, in vec4: 17 KiB. */
const mostColumns = 32;

/** Variables of a workgroup of a tile of queries, and of a thread's four rows. */
export const tileVariables = (spec: HeadSpec, rowThreads: number): string => `
  if (work >= p.tiles * p.kv_heads) { return; }
  let kv_head = work % p.kv_heads;
  let entry = p.list_base + work / p.kv_heads * ${tileFields}u;
  let start = u32(list[entry]);
  let first = u32(list[entry + 1u]);
  let pairs = u32(list[entry + 2u]);
  let parent = u32(list[entry + 3u]);
  let before = u32(list[entry + 4u]);
  let keys = u32(list[entry + 5u]);
  let heads = p.kv_heads * ${spec.group}u;
  let row_thread = local / ${keyThreads}u;
  let key_thread = local % ${keyThreads}u;
  // Rows past the end of the tile repeat the last one, and are not stored.
  ${
  repeat(perThread, (i) => `
  let pair${i} = first + min(row_thread + ${rowThreads * i}u, pairs - 1u);
  let row${i} = start + pair${i} / ${spec.group}u;
  let head${i} = kv_head * ${spec.group}u + pair${i} % ${spec.group}u;
  let at${i} = row${i} * heads + head${i};
  let position${i} = before + pair${i} / ${spec.group}u;`)
}`;

/** What {@linkcode loadTile} loads of keys or values in a tile of queries. */
export const keyRows = (name: "k" | "v", scale?: string) => ({
  valid: "base + row < keys",
  value:
    `fetch_${name}(select(start + base + row - before, parent + base + row, base + row < before) * p.kv_heads ` +
    `+ kv_head, d)${scale ? ` * ${scale}` : ""}`,
});

function forwardCode(spec: HeadSpec, rowThreads: number): string {
  const threads = rowThreads * keyThreads, sections = sectionsOf(spec.headDim, mostColumns);
  const columns = [...columnsOf(sections)];
  const load = (s: number, rows: { valid: string; value: string }) =>
    loadTile("tile", sections, sections[s]!, threads, rows);
  const byRow = (code: (i: number) => string) => `vec4<f32>(${repeat(perThread, code, ", ")})`;
  const component = (i: number) => "xyzw"[i]!;
  return `
${["q", "k", "v"].map((name) => fetch(name, spec)).join("\n")}
${store("y", spec)}
${softmaxFunctions}
${tileMemory("tile", sections)}
var<workgroup> weights: array<vec4<f32>, ${perThread * rowThreads * weightStride}>;
var<workgroup> maxima: array<vec4<f32>, ${threads}>;
var<workgroup> sums: array<vec4<f32>, ${threads}>;
${
    entryPoint(
      threads,
      `
${tileVariables(spec, rowThreads)}
  // Of a thread's four rows: largest score, sum and weighted values so far.
  var top = vec4<f32>(nothing);
  var total = vec4<f32>();
  ${accumulators("y", sections)}
  for (var base = 0u; base < keys; base += ${chunk}u) {
    ${products("s")}
    ${
        sections.map((section, s) => `
    workgroupBarrier();
    ${load(s, keyRows("k", keyScale(spec.headDim)))}
    workgroupBarrier();
    ${dotProducts([{ sums: "s", tile: "tile", fetch: "fetch_q" }], "at", sections, section)}`).join("\n")
      }
    let positions = vec4<u32>(base + key_thread) + vec4<u32>(0u, 8u, 16u, 24u);
    ${
        repeat(perThread, (i) => `
    let seen${i} = positions <= vec4<u32>(position${i});
    let s${i} = select(vec4<f32>(nothing), vec4<f32>(${
          repeat(perThread, (j) => `s${i}${j}`, ", ")
        }), seen${i});`)
      }
    maxima[local] = ${byRow((i) => `max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w))`)};
    workgroupBarrier();
    ${load(0, keyRows("v"))}
    var chunk_top = maxima[row_thread * 8u];
    ${repeat(keyThreads - 1, (j) => `chunk_top = max(chunk_top, maxima[row_thread * 8u + ${j + 1}u]);`)}
    ${
        repeat(perThread, (i) => `
    let w${i} = select(vec4<f32>(), powers(s${i} - chunk_top.${component(i)}), seen${i});
    weights[(row_thread + ${rowThreads * i}u) * ${weightStride}u + key_thread] = w${i};`)
      }
    sums[local] = ${byRow((i) => `(w${i}.x + w${i}.y) + (w${i}.z + w${i}.w)`)};
    workgroupBarrier();
    var chunk_total = sums[row_thread * 8u];
    ${repeat(keyThreads - 1, (j) => `chunk_total += sums[row_thread * 8u + ${j + 1}u];`)}
    ${joinChunk("powers")}
    ${accumulators("a", sections)}
    ${
        sections.map((_, s) => `
    ${s === 0 ? "" : `workgroupBarrier(); ${load(s, keyRows("v"))} workgroupBarrier();`}
    ${weightedSums([{ sums: "a", weights: "weights", tile: "tile" }], sections, s, rowThreads)}`).join("\n")
      }
    ${
        columns.map(({ s, c }) =>
          repeat(
            perThread,
            (i) =>
              `y${i}${s}${c} = fma(y${i}${s}${c}, vec4<f32>(old_factor.${component(i)}), ` +
              `a${i}${s}${c} * new_factor.${component(i)});`,
          )
        ).join("\n")
      }
  }
  let inverse = 1.0f / total;
  let log_sums = (top + log2(total)) * ${f32Literal(Math.LN2)};
  ${
        repeat(perThread, (i) => `
  if (row_thread + ${rowThreads * i}u < pairs) {
    if (key_thread == 0u) { lse[p.lse_base + head${i} * p.stream_rows + p.first_row + row${i}] = log_sums[${i}]; }
    ${storeSums("y", "y", i, `at${i}`, sections, `inverse[${i}]`)}
  }`)
      }`,
    )
  }`;
}

type ForwardKernel = Kernel<
  "tiles" | "kv_heads" | "stream_rows" | "first_row",
  "list" | "q" | "k" | "v" | "y" | "lse"
>;

function forwardKernel(queue: CommandQueue, spec: HeadSpec, pairs: number): ForwardKernel {
  const name = `attention-forward-${specName(spec)}/${pairs}`;
  return queue.kernel(name, () => ({
    name,
    params: { tiles: "u32", kv_heads: "u32", stream_rows: "u32", first_row: "u32" },
    bindings: {
      list: "in i32",
      q: bindingType("in", spec),
      k: bindingType("in", spec),
      v: bindingType("in", spec),
      y: bindingType("out", spec),
      lse: "out f32",
    },
    code: forwardCode(spec, pairs / perThread),
  }));
}

/** Rows of one window of the stream; `lse` is that of the whole stream. */
export interface ForwardTensors {
  readonly q: GpuTensor;
  readonly k: GpuTensor;
  readonly v: GpuTensor;
  readonly y: GpuTensor;
  readonly lse: GpuTensor;
}

/** Runs the tiles of a window that starts at row `firstRow` of a stream of `streamRows`. */
export function attentionForward(
  queue: CommandQueue,
  spec: HeadSpec,
  kvHeads: number,
  { pairs, count, scores, list }: QueryTiles,
  tensors: ForwardTensors,
  firstRow: number,
  streamRows: number,
): void {
  if (count === 0) return;
  queue.run(
    forwardKernel(queue, spec, pairs),
    { list, ...tensors },
    { tiles: count, kv_heads: kvHeads, stream_rows: streamRows, first_row: firstRow },
    spread(count * kvHeads, queue.maxGroups),
  );
  queue.weigh(2 * 2 * spec.headDim * scores * kvHeads);
}
