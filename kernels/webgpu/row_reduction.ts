/**
 * Kernels that reduce each row of a matrix to one or two sums and then rewrite the row with them: the norms.
 *
 * A row is shared by a number of threads that depends on its width alone, so that its bits depend on nothing else: thread
 * t adds up quads t, t + lanes, …, and a tree of fixed shape in workgroup memory adds up the threads. Short rows share a
 * workgroup.
 *
 * @module
 */
import type { KernelSpec, ParamType } from "./kernel.ts";
import { quadAccess, type QuadBinding, quadBindings, quadParams } from "./quads.ts";
import type { CommandQueue, Groups, HostList } from "./queue.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, treeReduction, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Threads that share a row: two to four quads each, where there are enough of them. */
function lanesOf(width: number): number {
  return Math.min(threads, Math.max(8, 2 ** Math.ceil(Math.log2(width / 16))));
}

/** A row reduction as data. In its WGSL, `row` is the number of the row and `quad` the place in it. */
export interface RowReduction<P extends string, B extends string, C extends string> {
  readonly name: string;
  readonly params: Readonly<Record<P, "u32" | "f32">>;
  /** Matrices, read and written through `load_x` and `store_x`. A vector is a matrix of one row. */
  readonly matrices: Readonly<Record<B, QuadBinding>>;
  /** Vectors with one f32 a row, written as `x[p.x_base + row]`. */
  readonly columns?: Readonly<Record<C, "out f32">>;
  /** Adds a quad to the vec4 sums `first` and `second`. */
  readonly accumulate: string;
  /** What follows from the totals `total.x` and `total.y`, once a row and thread. */
  readonly conclude: string;
  /** What the first thread of a row writes. */
  readonly once?: string;
  /** Writes a quad. */
  readonly rewrite: string;
}

function specOf<P extends string, B extends string, C extends string>(
  name: string,
  reduction: RowReduction<P, B, C>,
  lanes: number,
  vectors: boolean,
) {
  const { matrices, columns = {} as Record<C, "out f32">, accumulate, conclude, once, rewrite } = reduction;
  return {
    name,
    params: { rows: "u32", ...quadParams, ...reduction.params } as Record<P | Shape, ParamType>,
    bindings: { ...quadBindings(matrices, vectors), ...columns },
    code: `${workgroupIndex}${quadAccess(matrices, vectors)}
var<workgroup> parts: array<vec2<f32>, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let lane = local % ${lanes}u;
  let wanted = workgroup_index(group, groups) * ${threads / lanes}u + local / ${lanes}u;
  // Threads past the last row compute it again and write nothing: all of them must reach the barriers.
  let row = min(wanted, p.rows - 1u);
  var first = vec4<f32>();
  var second = vec4<f32>();
  for (var quad = lane; quad < p.quads; quad += ${lanes}u) {
    ${accumulate}
  }
  parts[local] = vec2((first.x + first.y) + (first.z + first.w), (second.x + second.y) + (second.z + second.w));
  ${treeReduction(lanes, "lane", (step) => `parts[local] += parts[local + ${step}];`)}
  workgroupBarrier();
  let total = parts[local - lane];
  if (wanted >= p.rows) { return; }
  ${conclude}
  ${once ? `if (lane == 0u) { ${once} }` : ""}
  for (var quad = lane; quad < p.quads; quad += ${lanes}u) {
    ${rewrite}
  }
}`,
  } satisfies KernelSpec<P | Shape, B | C>;
}

type Shape = "rows" | keyof typeof quadParams;

/** Runs a row reduction over `rows` rows of `width`; `vectors` chooses the variant (see `quads.ts`). */
export function reduceRows<P extends string, B extends string, C extends string>(
  queue: CommandQueue,
  reduction: RowReduction<P, B, C>,
  { rows, width, vectors }: { rows: number; width: number; vectors: boolean },
  bindings: Readonly<Record<NoInfer<B | C>, GpuTensor | HostList>>,
  params: Readonly<Record<P, number>>,
): void {
  const lanes = lanesOf(width), name = `${reduction.name}/${lanes}${vectors ? "/vec4" : ""}`;
  const kernel = queue.kernel(name, () => specOf(name, reduction, lanes, vectors));
  const groups: Groups = spread(Math.ceil(rows / (threads / lanes)), queue.maxGroups);
  const shape = { rows, width, quads: Math.ceil(width / 4) };
  queue.run(kernel, bindings, { ...shape, ...params } as Record<P | Shape, number>, groups);
}
