/**
 * Which kernel serves a product: one table by kind of adapter and shape. The choice changes speed only, never bits.
 *
 * @module
 */
import type { OpenedAdapter } from "./adapter.ts";
import type { KernelSpec } from "./kernel.ts";
import { type JointBinding, jointKernel, type JointParam } from "./matmul_joint.ts";
import { lanesKernel } from "./matmul_lanes.ts";
import type { Product, ProductBinding, ProductParam, Variant } from "./matmul_product.ts";
import { chunk } from "./matmul_product.ts";
import { simpleKernel, simpleThreads } from "./matmul_simple.ts";
import { type Tile, tiledKernel, tileName } from "./matmul_tiled.ts";

/** A kernel of products and the part of C that a workgroup of it computes. */
export interface MatmulKernel {
  /** Of its kernels, without what {@linkcode variantName} says. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  spec(variant: Variant): KernelSpec<ProductParam, ProductBinding>;
  /** The kernel of several weights at once, where there is one: see `matmul_joint.ts`. */
  joint?(variant: Variant, weights: number): KernelSpec<JointParam, JointBinding>;
}

/** A kernel, and whether chunks of k are spread over workgroups. */
export interface Plan {
  readonly kernel: MatmulKernel;
  readonly chunks: boolean;
}

/** Kernel for GPUs. */
export function tiled(
  rows: number,
  columns: number,
  threadRows: number,
  threadColumns: number,
  depth = 16,
): MatmulKernel {
  const tile: Tile = { rows, columns, threadRows, threadColumns, depth };
  return {
    name: `matmul-tiled-${tileName(tile)}`,
    rows,
    columns,
    spec: (variant) => tiledKernel(tile, variant),
    joint: (variant, weights) => jointKernel(tile, variant, weights),
  };
}

/** Kernel for software adapters with subgroups of `lanes`. */
export function byLanes(lanes: number, rows: number): MatmulKernel {
  const spec = (variant: Variant) => lanesKernel({ lanes, rows }, variant);
  return { name: `matmul-lanes-${lanes}x${rows}`, rows, columns: 4 * lanes, spec };
}

/** Kernel for software adapters without. */
export function simple(side: number): MatmulKernel {
  const extent = side * simpleThreads;
  return {
    name: `matmul-simple-${side}`,
    rows: extent,
    columns: extent,
    spec: (variant) => simpleKernel(side, variant),
  };
}

/**
 * Tiles for GPUs. The larger a tile, the less is read again, and the fewer workgroups there are. A thread of `large` has 16
 * multiply-adds for each vec4 that it reads from workgroup memory, and with sums, totals and the next piece some 180 of the
 * 255 registers that an NVIDIA thread can have (counted, not read from a driver). The flat ones are for decoding: each weight
 * is read once for all rows.
 */
export const tiles = {
  rows8: tiled(8, 128, 4, 4),
  rows8narrow: tiled(8, 64, 4, 4),
  rows16: tiled(16, 128, 4, 8),
  rows16narrow: tiled(16, 32, 4, 4),
  rows32: tiled(32, 128, 8, 4),
  small: tiled(32, 32, 4, 4),
  medium: tiled(64, 64, 8, 4),
  large: tiled(128, 128, 8, 8),
} as const;

/** Flat tiles for up to so many rows: the second where the first gives too few workgroups. */
const flat: readonly { readonly rows: number; readonly tiles: readonly [MatmulKernel, MatmulKernel] }[] = [
  { rows: 8, tiles: [tiles.rows8, tiles.rows8narrow] },
  { rows: 16, tiles: [tiles.rows16, tiles.rows16narrow] },
  { rows: 32, tiles: [tiles.rows32, tiles.small] },
];

/** Tiles for more rows, with the part of its peak that a GPU should reach with each: by reasoning, not yet measured. */
const square: readonly { readonly tile: MatmulKernel; readonly efficiency: number }[] = [
  { tile: tiles.large, efficiency: 0.7 },
  { tile: tiles.medium, efficiency: 0.55 },
  { tile: tiles.small, efficiency: 0.35 },
];

/** Multiprocessors of a large GPU (H200: 132), all of which a product should keep busy. */
const processors = 132;

/** What a plan depends on. */
export type Extents = Pick<Product, "rows" | "columns" | "inner" | "aLayout">;

function forGpu({ rows, columns, inner }: Extents): Plan {
  const groups = (kernel: MatmulKernel) =>
    Math.ceil(rows / kernel.rows) * Math.ceil(columns / kernel.columns);
  const parts = Math.ceil(inner / chunk), few = flat.find((choice) => rows <= choice.rows);
  if (few) {
    // Two workgroups a multiprocessor. To spread chunks costs little beside reading the weight, so it comes first.
    const [wide, narrow] = few.tiles, enough = 2 * processors;
    const kernel = groups(wide) * parts >= enough ? wide : narrow;
    return { kernel, chunks: parts > 1 && groups(kernel) < enough };
  }
  // The last round of workgroups takes as long as the others, however few they are.
  const time = ({ tile, efficiency }: typeof square[number]) =>
    Math.ceil(groups(tile) / processors) * tile.rows * tile.columns / efficiency;
  const { tile: kernel } = square.reduce((best, other) => time(other) < time(best) ? other : best);
  return { kernel, chunks: parts > 1 && groups(kernel) < processors };
}

/** Lanes of a subgroup on a software adapter where all subgroups are known to be alike; 0 elsewhere. */
function lanesOf({ software, features, device }: OpenedAdapter): number {
  const { subgroupMinSize: least, subgroupMaxSize: most } = device.adapterInfo;
  return software && features.subgroups && least === most && least >= 4 && 32 % least === 0 ? least : 0;
}

/** Chooses the plan of a product on an adapter. */
export function planFor(adapter: OpenedAdapter, product: Extents): Plan {
  if (!adapter.software) return forGpu(product);
  const lanes = lanesOf(adapter);
  if (lanes === 0) return { kernel: simple(product.rows <= 32 ? 4 : 8), chunks: false };
  const few = product.rows <= lanes && product.aLayout === "inner";
  return { kernel: byLanes(lanes, few ? lanes : 32), chunks: false };
}

/**
 * Every kernel that this adapter can run, by name, for benches and tests, from the plainest on: what the table above chooses
 * from, and tiles that are to be measured on a GPU before they can enter it.
 */
export function allKernels(adapter: OpenedAdapter): Readonly<Record<string, MatmulKernel>> {
  const lanes = lanesOf(adapter);
  return {
    "simple4": simple(4),
    "simple8": simple(8),
    ...(lanes > 0 && { "lanes": byLanes(lanes, 32) }),
    ...tiles,
    // Twice the bytes of a weight on their way at a time, which is what few rows wait for.
    "rows8deep": tiled(8, 128, 4, 4, 32),
    "rows32deep": tiled(32, 128, 8, 4, 32),
    // Two independent workgroups a multiprocessor instead of one.
    "half": tiled(64, 128, 8, 8),
    // Half as many barriers, for twice the workgroup memory.
    ...(adapter.device.limits.maxComputeWorkgroupStorageSize >= 32768 &&
      { "deep": tiled(128, 128, 8, 8, 32) }),
  };
}
