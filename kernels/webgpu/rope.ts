/**
 * Rotary positions (Su et al. 2021), in halves: element i of a head rotates with element i + headDim / 2.
 *
 * @module
 */
import type { RopeTable } from "../attention_types.ts";
import type { Arena } from "./arena.ts";
import { vectorizable } from "./kernel.ts";
import { rowBlocks } from "./pieces.ts";
import type { CommandQueue } from "./queue.ts";
import { expectShape, type GpuTensor } from "./tensor.ts";
import { spread, workgroupIndex } from "./wgsl.ts";

const threads = 256;

/** Cosines and sines, [positions, headDim / 2] each. */
export interface GpuRopeTable extends RopeTable {
  readonly cos: GpuTensor;
  readonly sin: GpuTensor;
}

/** Where rows are to be rotated to: what a kernel needs to do it on its way. */
export interface Rotation {
  /** i32, one a row. */
  readonly positions: GpuTensor;
  readonly cos: GpuTensor;
  readonly sin: GpuTensor;
}

/** The rotation of `x1` and `x2` by an angle of cosine `c` and sine `s`, in the one order that every kernel keeps. */
export const rotatedPair = (first: string, second: string): string => `
  ${first} = fma(x1, c, -(x2 * s));
  ${second} = fma(x2, c, x1 * s);`;

/**
 * A thread rotates one pair, or four neighbouring ones; `units` is the number of these in half a head. Numbers of heads and
 * units are constants of the shader, as divisions by them would cost more than the rotation.
 */
const rotating = (heads: number, units: number) =>
  `${workgroupIndex}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = workgroup_index(group, groups) * ${threads}u + local;
  if (i >= p.count) { return; }
  let unit = i % ${units}u;
  let head = i / ${units}u;
  let first = head * ${2 * units}u + unit;
  let second = first + ${units}u;
  let angle = u32(positions[p.positions_base + head / ${heads}u]) * ${units}u + unit;
  let c = cos_table[p.cos_table_base + angle];
  let s = sin_table[p.sin_table_base + angle] * p.direction;
  let x1 = x[p.x_base + first];
  let x2 = x[p.x_base + second];
  ${rotatedPair("y[p.y_base + first]", "y[p.y_base + second]")}
}`;

/** See the module comment. */
export class RopeOps {
  readonly #tables = new Map<string, GpuRopeTable>();
  /** The positions of the last call, on the GPU: all layers of a pass rotate the same rows. */
  #last: { readonly memory: GpuTensor; values: Int32Array<ArrayBuffer> } | null = null;

  constructor(readonly queue: CommandQueue, readonly arena: Arena) {}

  /** See `Device.ropeTable`. The same table asked for again is the same memory. */
  table(inverseFrequencies: Float64Array, positions: number): RopeTable {
    const key = `${positions}/${inverseFrequencies.join()}`;
    let table = this.#tables.get(key);
    if (!table) this.#tables.set(key, table = this.#makeTable(inverseFrequencies, positions));
    return table;
  }

  #makeTable(inverseFrequencies: Float64Array, positions: number): GpuRopeTable {
    const half = inverseFrequencies.length;
    const upload = (cosOrSin: (angle: number) => number) => {
      const values = new Float32Array(positions * half);
      for (let position = 0; position < positions; position++) {
        for (let i = 0; i < half; i++) {
          values[position * half + i] = cosOrSin(position * inverseFrequencies[i]!);
        }
      }
      const tensor = this.arena.permanent([positions, half], "f32");
      this.queue.write(tensor, new Uint8Array(values.buffer));
      return tensor;
    };
    return { positions, headDim: 2 * half, cos: upload(Math.cos), sin: upload(Math.sin) };
  }

  /**
   * What a kernel needs to rotate rows to these positions.
   *
   * @throws if one is not in the table
   */
  rotation(positions: Int32Array, table: GpuRopeTable): Rotation {
    const { cos, sin } = table;
    return { positions: this.#place(positions, table), cos, sin };
  }

  /** y ← x rotated by its positions, or back; x [n, heads · headDim]. */
  rotate(
    x: GpuTensor,
    positions: Int32Array,
    table: GpuRopeTable,
    heads: number,
    y: GpuTensor,
    inverse: boolean,
  ): void {
    const { headDim, cos, sin } = table, width = heads * headDim;
    expectShape(x, [positions.length, width], `rope: x of ${heads} heads of ${headDim}`);
    expectShape(y, x.shape, "rope: y");
    const places = this.#place(positions, table);
    for (const [start, end] of rowBlocks(positions.length, 4 * width, this.queue.maxBinding)) {
      const part = { x: x.rows(start, end), y: y.rows(start, end), positions: places.rows(start, end) };
      const vectors = vectorizable(headDim / 2, part.x, part.y);
      const units = vectors ? headDim / 8 : headDim / 2, count = (end - start) * heads * units;
      const element = vectors ? "vec4<f32>" : "f32", name = `rope/${heads}x${headDim}/${element}`;
      const kernel = this.queue.kernel(name, () => ({
        name,
        params: { count: "u32", direction: "f32" },
        bindings: {
          x: `in ${element}`,
          positions: "in i32",
          cos_table: `in ${element}`,
          sin_table: `in ${element}`,
          y: `out ${element}`,
        },
        code: rotating(heads, units),
      }));
      this.queue.run(
        kernel,
        { ...part, cos_table: cos, sin_table: sin },
        { count, direction: inverse ? -1 : 1 },
        spread(Math.ceil(count / threads), this.queue.maxGroups),
      );
    }
  }

  /**
   * The positions in GPU memory, written only where they differ from the last ones.
   *
   * @throws if one is not in the table
   */
  #place(positions: Int32Array, table: RopeTable): GpuTensor {
    for (const position of positions) {
      if (!(position >= 0 && position < table.positions)) {
        throw new Error(`rope: position ${position} of ${table.positions}`);
      }
    }
    const { length } = positions;
    let last = this.#last;
    if (last?.values.length === length && last.values.every((value, i) => value === positions[i])) {
      return last.memory.rows(0, length);
    }
    if (!last || last.memory.size < length) {
      // By powers of two: what is left behind is never more than what is in use.
      const memory = this.arena.permanent([2 ** Math.ceil(Math.log2(Math.max(length, 1024)))], "i32");
      last = this.#last = { memory, values: new Int32Array(0) };
    }
    last.values = Int32Array.from(positions);
    this.queue.write(last.memory, new Uint8Array(last.values.buffer));
    return last.memory.rows(0, length);
  }
}
