/**
 * Which kernel serves a product: one table by kind of adapter and shape. The choice changes speed only, never bits.
 *
 * @module
 */
import type { OpenedAdapter } from "./adapter.ts";
import type { KernelSpec } from "./kernel.ts";
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
): MatmulKernel {
  const tile: Tile = { rows, columns, threadRows, threadColumns, depth: 16 };
  return {
    name: `matmul-tiled-${tileName(tile)}`,
    rows,
    columns,
    spec: (variant) => tiledKernel(tile, variant),
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
 * 255 registers that an NVIDIA thread can have. The flat ones are for decoding: each weight is read once for all rows.
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

/** The tiles for up to so many rows, the preferred one first: the first that gives enough workgroups is taken, or the last. */
const choices: readonly { readonly rows: number; readonly tiles: readonly MatmulKernel[] }[] = [
  { rows: 8, tiles: [tiles.rows8, tiles.rows8narrow] },
  { rows: 16, tiles: [tiles.rows16, tiles.rows16narrow] },
  { rows: 32, tiles: [tiles.rows32, tiles.small] },
  { rows: Infinity, tiles: [tiles.large, tiles.medium, tiles.small] },
];

/** Workgroups that keep a large GPU (132 multiprocessors) busy. */
const enoughGroups = 128;

/** Workgroups below which chunks are spread, and what spreading is to reach: two for each multiprocessor. */
const spreadBelow = 264;

type Extents = Pick<Product, "rows" | "columns" | "inner" | "aLayout">;

function forGpu({ rows, columns, inner }: Extents): Plan {
  const choice = choices.find((choice) => rows <= choice.rows)!.tiles;
  const groups = (kernel: MatmulKernel) =>
    Math.ceil(rows / kernel.rows) * Math.ceil(columns / kernel.columns);
  const parts = Math.ceil(inner / chunk);
  // Few rows: spreading costs little beside the weight, so it comes before a narrower tile.
  const enough = (kernel: MatmulKernel) =>
    rows <= 32 ? groups(kernel) * parts >= spreadBelow : groups(kernel) >= enoughGroups;
  const kernel = choice.find(enough) ?? choice.at(-1)!;
  return { kernel, chunks: parts > 1 && groups(kernel) < spreadBelow };
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

/** Every kernel that this adapter can run, by name, for benches and tests, from the plainest on. */
export function allKernels(adapter: OpenedAdapter): Readonly<Record<string, MatmulKernel>> {
  const lanes = lanesOf(adapter);
  return {
    "simple4": simple(4),
    "simple8": simple(8),
    ...(lanes > 0 && { "lanes": byLanes(lanes, 32) }),
    ...tiles,
  };
}
