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
 * Tiles for GPUs, the best for many rows last: the larger a tile, the less is read again, and the fewer workgroups there
 * are. A thread with 8 x 8 sums has 16 multiply-adds for each vec4 that it reads from workgroup memory, and with sums, totals
 * and the next piece some 180 of the 255 registers that an NVIDIA thread can have. The flat tiles are for decoding: each
 * weight is read once for all rows.
 */
export const tiles = {
  rows8: tiled(8, 128, 4, 4),
  rows16: tiled(16, 128, 4, 8),
  rows32: tiled(32, 128, 8, 4),
  small: tiled(32, 32, 4, 4),
  medium: tiled(64, 64, 8, 4),
  large: tiled(128, 128, 8, 8),
} as const;

/** Workgroups that keep a large GPU (132 multiprocessors) busy. */
const enoughGroups = 128;

/** Workgroups below which the chunks of few rows are spread: two for each multiprocessor. */
const spreadBelow = 264;

const groupsOf = (kernel: MatmulKernel, { rows, columns }: Pick<Product, "rows" | "columns">) =>
  Math.ceil(rows / kernel.rows) * Math.ceil(columns / kernel.columns);

function forGpu(product: Pick<Product, "rows" | "columns">): MatmulKernel {
  const { rows } = product;
  if (rows <= 8) return tiles.rows8;
  if (rows <= 16) return tiles.rows16;
  if (rows <= 32) return tiles.rows32;
  if (groupsOf(tiles.large, product) >= enoughGroups) return tiles.large;
  return groupsOf(tiles.medium, product) >= enoughGroups ? tiles.medium : tiles.small;
}

/** Lanes of a subgroup on a software adapter where all subgroups are known to be alike; 0 elsewhere. */
function lanesOf({ software, features, device }: OpenedAdapter): number {
  const { subgroupMinSize: least, subgroupMaxSize: most } = device.adapterInfo;
  return software && features.subgroups && least === most && least >= 4 && 32 % least === 0 ? least : 0;
}

/** Chooses the plan of a product on an adapter. */
export function planFor(
  adapter: OpenedAdapter,
  product: Pick<Product, "rows" | "columns" | "inner" | "aLayout">,
): Plan {
  if (adapter.software) {
    const lanes = lanesOf(adapter);
    if (lanes === 0) return { kernel: simple(product.rows <= 32 ? 4 : 8), chunks: false };
    const least = product.aLayout === "outer" ? 4 * lanes : lanes;
    const rows = [8, 16, 32].find((rows) => rows >= product.rows && rows % least === 0) ?? 32;
    return { kernel: byLanes(lanes, rows), chunks: false };
  }
  const kernel = forGpu(product);
  return { kernel, chunks: product.inner > chunk && groupsOf(kernel, product) < spreadBelow };
}
