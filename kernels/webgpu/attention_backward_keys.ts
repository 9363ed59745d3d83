/**
 * Gradients of attention by its keys and values (Dao 2023, FlashAttention-2, algorithm 2; the symbols are those of
 * `attention_backward_queries.ts`):
 *
 *   dV = Pᵀ·dy, dK = dSᵀ·Q/√headDim.
 *
 * A workgroup has a block of keys and goes through the queries that see them: those of its own segment, then those of the
 * children, for all query heads of the group, in the order of the list. Nothing else adds to these rows, so there are no
 * atomics, and the same call gives the same bits.
 *
 * Queries and the gradients of their results go through workgroup memory; the block's keys and values are read where they
 * lie, as queries are in the forward kernel.
 *
 * @module
 */
import { type BackwardInputs, mostColumns } from "./attention_backward_queries.ts";
import { chunk, type KeyBlocks } from "./attention_plan.ts";
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
  repeat,
  softmaxFunctions,
  specName,
  store,
} from "./attention_wgsl.ts";
import type { CommandQueue } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { f32Literal, spread } from "./wgsl.ts";

const rowThreads = chunk / perThread;

const threads = rowThreads * keyThreads;

function keysCode(spec: HeadSpec): string {
  const sections = sectionsOf(spec.headDim, mostColumns), last = sections.length - 1, { group } = spec;
  const load = (s: number) =>
    [["queries_tile", "q", ` * ${keyScale(spec.headDim)}`], ["slopes_tile", "dy", ""]].map((
      [tile, name, scale],
    ) =>
      loadTile(tile!, sections, sections[s]!, threads, {
        valid: "base + row < pairs",
        value:
          `fetch_${name}((first_query + (base + row) / ${group}u) * heads + first_head + (base + row) % ${group}u, ` +
          `d)${scale}`,
      })
    ).join("\n");
  return `
${["q", "k", "v", "dy"].map((name) => fetch(name, spec)).join("\n")}
${store("dk", spec)}
${store("dv", spec)}
${softmaxFunctions}
${tileMemory("queries_tile", sections)}
${tileMemory("slopes_tile", sections)}
var<workgroup> probabilities: array<vec4<f32>, ${chunk * weightStride}>;
var<workgroup> score_slopes: array<vec4<f32>, ${chunk * weightStride}>;
${
    entryPoint(
      threads,
      `
  if (work >= p.blocks * p.kv_heads) { return; }
  let kv_head = work % p.kv_heads;
  let entry = p.list_base + work / p.kv_heads * 4u;
  let first_key = u32(list[entry]);
  let count = u32(list[entry + 1u]);
  let first_range = u32(list[entry + 2u]);
  let range_count = u32(list[entry + 3u]);
  let heads = p.kv_heads * ${group}u;
  let first_head = kv_head * ${group}u;
  let row_thread = local / ${keyThreads}u;
  let key_thread = local % ${keyThreads}u;
  // Rows past the end of the block repeat the last one, and are not stored.
  ${
        repeat(perThread, (i) => `
  let key${i} = first_key + min(row_thread + ${rowThreads * i}u, count - 1u);
  let at${i} = key${i} * p.kv_heads + kv_head;`)
      }
  ${accumulators("dk", sections)}
  ${accumulators("dv", sections)}
  for (var r = 0u; r < range_count; r++) {
    let range = p.ranges_base + 3u * (first_range + r);
    let first_query = u32(ranges[range]);
    let pairs = u32(ranges[range + 1u]);
    let causal = ranges[range + 2u] != 0;
    for (var base = 0u; base < pairs; base += ${chunk}u) {
      ${products("s")}
      ${products("t")}
      ${
        sections.map((section, s) => `
      workgroupBarrier();
      ${load(s)}
      workgroupBarrier();
      ${
          dotProducts(
            [
              { sums: "s", tile: "queries_tile", fetch: "fetch_k" },
              { sums: "t", tile: "slopes_tile", fetch: "fetch_v" },
            ],
            "at",
            sections,
            section,
          )
        }`).join("\n")
      }
      ${
        repeat(perThread, (j) => `
      let pair${j} = base + key_thread + ${keyThreads * j}u;
      let query${j} = first_query + min(pair${j}, pairs - 1u) / ${group}u;
      let saved${j} = (first_head + pair${j} % ${group}u) * p.stream_rows + p.first_row + query${j};`)
      }
      let log_sums = vec4<f32>(${repeat(perThread, (j) => `lse[p.lse_base + saved${j}]`, ", ")}) * ${
        f32Literal(Math.LOG2E)
      };
      let means = vec4<f32>(${repeat(perThread, (j) => `dots[p.dots_base + saved${j}]`, ", ")});
      ${
        repeat(perThread, (i) => `
      let seen${i} = vec4<bool>(${
          repeat(perThread, (j) => `pair${j} < pairs && (!causal || key${i} <= query${j})`, ", ")
        });
      let w${i} = select(vec4<f32>(), powers(vec4<f32>(${
          repeat(perThread, (j) => `s${i}${j}`, ", ")
        }) - log_sums), seen${i});
      probabilities[(row_thread + ${rowThreads * i}u) * ${weightStride}u + key_thread] = w${i};
      score_slopes[(row_thread + ${rowThreads * i}u) * ${weightStride}u + key_thread] =
        w${i} * (vec4<f32>(${repeat(perThread, (j) => `t${i}${j}`, ", ")}) - means);`)
      }
      workgroupBarrier();
      ${
        sections.map((_, i) => last - i).map((s) => `
      ${s === last ? "" : `workgroupBarrier(); ${load(s)} workgroupBarrier();`}
      ${
          weightedSums(
            [
              { sums: "dk", weights: "score_slopes", tile: "queries_tile" },
              { sums: "dv", weights: "probabilities", tile: "slopes_tile" },
            ],
            sections,
            s,
            rowThreads,
          )
        }`).join("\n")
      }
    }
  }
  ${
        repeat(perThread, (i) => `
  if (row_thread + ${rowThreads * i}u < count) {
    ${
          // Queries were scaled by log2(e)/√headDim.
          storeSums("dk", "dk", i, `at${i}`, sections, f32Literal(Math.LN2))}
    ${storeSums("dv", "dv", i, `at${i}`, sections)}
  }`)
      }`,
    )
  }`;
}

function keysKernel(queue: CommandQueue, spec: HeadSpec) {
  const name = `attention-backward-keys-${specName(spec)}`;
  return queue.kernel(name, () => ({
    name,
    params: { blocks: "u32", kv_heads: "u32", stream_rows: "u32", first_row: "u32" },
    bindings: {
      list: "in i32",
      ranges: "in i32",
      q: bindingType("in", spec),
      k: bindingType("in", spec),
      v: bindingType("in", spec),
      dy: bindingType("in", spec),
      lse: "in f32",
      dots: "in f32",
      dk: bindingType("out", spec),
      dv: bindingType("out", spec),
    },
    code: keysCode(spec),
  }));
}

/** dk and dv of the blocks of a window that starts at row `firstRow` of the stream. */
export function attentionBackwardKeys(
  queue: CommandQueue,
  spec: HeadSpec,
  kvHeads: number,
  { count, scores, list, ranges }: KeyBlocks,
  tensors: BackwardInputs & { dk: GpuTensor; dv: GpuTensor },
  firstRow: number,
): void {
  queue.run(
    keysKernel(queue, spec),
    { list, ranges, ...tensors },
    { blocks: count, kv_heads: kvHeads, stream_rows: tensors.dots.shape[1]!, first_row: firstRow },
    spread(count * kvHeads, queue.maxGroups),
  );
  queue.weigh(4 * 2 * spec.headDim * scores * kvHeads);
}
