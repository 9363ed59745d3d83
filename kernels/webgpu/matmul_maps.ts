/**
 * Second pass of several products of the same rows (`matmul_joint.ts`): adds up the chunks of queries, keys and values in
 * order, adds the biases and rotates what has positions, in one dispatch.
 *
 * @module
 */
import type { BindingType, KernelSpec } from "./kernel.ts";
import type { CommandQueue } from "./queue.ts";
import { rotatedPair, type Rotation } from "./rope.ts";
import type { GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

/** Threads of a workgroup, a pair of elements each. */
const threads = 256;

/** A map of {@linkcode Device.projections}, checked; all that are rotated share their {@linkcode Rotation}. */
export interface MapOfRows {
  /** [columns, inner], an even number of columns. */
  readonly w: GpuTensor;
  readonly bias?: GpuTensor | undefined;
  readonly rope?: Rotation | undefined;
  /** [rows, columns] */
  readonly y: GpuTensor;
}

/** What the kernel depends on, of each map. */
interface MapShape {
  readonly columns: number;
  readonly biased: boolean;
  /** Elements of half a head, where the map is rotated. */
  readonly half: number | null;
}

function shapeOf({ w, bias, rope }: MapOfRows): MapShape {
  return { columns: w.shape[0]!, biased: bias !== undefined, half: rope ? rope.cos.shape[1]! : null };
}

function codeOf(maps: readonly MapShape[]): string {
  const all = maps.reduce((sum, { columns }) => sum + columns, 0);
  let start = 0;
  const placed = maps.map((map, i) => ({ ...map, i, from: start, to: start += map.columns }));
  const inMap = (from: number, to: number) => `pair >= ${from / 2}u && pair < ${to / 2}u`;
  // Which columns of its map a pair is: neighbours, or those that rotate together.
  const places = placed.map(({ from, to, half }) => `
  if (${inMap(from, to)}) {
    let at = pair - ${from / 2}u;
    start = ${from}u;
    ${
    half === null
      ? "first = 2u * at;"
      : `first = at / ${half}u * ${2 * half}u + at % ${half}u; step = ${half}u;`
  }
  }`);
  const results = placed.map(({ i, from, to, columns, biased, half }) => `
  if (${inMap(from, to)}) {
    let at = p.y${i}_base + row * ${columns}u + first;
    ${
    biased ? `x1 += bias${i}[p.bias${i}_base + first]; x2 += bias${i}[p.bias${i}_base + first + step];` : ""
  }
    ${
    half === null
      ? `y${i}[at] = x1; y${i}[at + step] = x2;`
      : `let angle = u32(positions[p.positions_base + row]) * ${half}u + first % ${half}u;
    let c = cos_table[p.cos_table_base + angle];
    let s = sin_table[p.sin_table_base + angle];
    ${rotatedPair(`y${i}[at]`, `y${i}[at + step]`)}`
  }
  }`);
  return `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) thread: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + thread;
  let row = i / ${all / 2}u;
  let pair = i % ${all / 2}u;
  if (row >= p.rows) { return; }
  var start = 0u;
  var first = 0u;
  var step = 1u;${places.join("")}
  var x1 = 0.0f;
  var x2 = 0.0f;
  var at = p.sums_base + row * ${all}u + start + first;
  for (var part = 0u; part < p.parts; part++) {
    x1 += sums[at];
    x2 += sums[at + step];
    at += p.rows * ${all}u;
  }${results.join("")}
}`;
}

function specOf(name: string, maps: readonly MapShape[]): KernelSpec<"rows" | "parts", string> {
  const bindings: Record<string, BindingType> = { sums: "in f32" };
  maps.forEach(({ biased }, i) => {
    bindings[`y${i}`] = "out f32";
    if (biased) bindings[`bias${i}`] = "in f32";
  });
  if (maps.some(({ half }) => half !== null)) {
    Object.assign(bindings, { positions: "in i32", cos_table: "in f32", sin_table: "in f32" });
  }
  return { name, params: { rows: "u32", parts: "u32" }, bindings, code: codeOf(maps) };
}

/** Fills the results of maps from the sums of their chunks, side by side, [parts · rows, columns of all]. */
export function addMaps(queue: CommandQueue, sums: GpuTensor, maps: readonly MapOfRows[]): void {
  const shapes = maps.map(shapeOf), [rows = 0] = maps[0]!.y.shape;
  const name = `matmul-add-maps/${
    shapes.map(({ columns, biased, half }) => `${columns}${biased ? "b" : ""}${half ? `r${half}` : ""}`)
      .join()
  }`;
  const bindings: Record<string, GpuTensor> = { sums };
  maps.forEach(({ y, bias, rope }, i) => {
    bindings[`y${i}`] = y;
    if (bias) bindings[`bias${i}`] = bias;
    if (rope) {
      Object.assign(bindings, { positions: rope.positions, cos_table: rope.cos, sin_table: rope.sin });
    }
  });
  const pairs = rows * sums.shape[1]! / 2;
  queue.run(
    queue.kernel(name, () => specOf(name, shapes)),
    bindings,
    { rows, parts: sums.shape[0]! / rows },
    spread(Math.ceil(pairs / threads), queue.maxGroups),
  );
}
