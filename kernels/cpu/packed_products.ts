/**
 * Products of few rows with weights that were packed before: x·wᵀ as ONNX Runtime's 1×1 convolution of 1 × n pixels, whose
 * kernels want weights in blocks of 16 outputs (8 without AVX-512):
 *
 *     packed[m/16, k, 16] from w[m, k]
 *
 * A Gemm of few rows reads a weight, packs it, and only then multiplies; here memory is read once, in order. At 16 rows of
 * SmolLM2's shape all products take two thirds of the time, at one row as well, and from about 64 rows on a Gemm is as fast.
 * The bits are those of the Gemm: both add up 128 inner elements in order, and then the blocks; the engine compares the
 * two before it packs anything, and does not where they differ or where this is not an x86-64.
 *
 * @module
 */
import type { LayerTailKept } from "../layer_types.ts";
import { ropeNode, type Rotation } from "./elementwise.ts";
import { DataType, type Graph, type Node, node } from "./onnx.ts";
import { type OrtTensor, ortTensor, Session } from "./ort.ts";
import { swigluNodes } from "./swiglu_graph.ts";
import { canPack, spareMemory } from "./spare_memory.ts";
import { fewProducts } from "./safe_threads.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/** ONNX Runtime's ops on blocks of channels. */
const blocked = "com.microsoft.nchwc";

/** Most rows for which the products beat a Gemm. */
export const mostRows = 48;

const pixels = (name: string, channels: string) => ({ name, shape: [1, "n", 1, channels] });
/** The same matrix, as sequences of one token. */
const tokens = (name: string, width: string) => ({ name, shape: ["n", 1, width] });
const rotationInputs = [
  { name: "p", shape: ["n", 1], type: DataType.int64 },
  { name: "cos", shape: ["positions", "half"] },
  { name: "sin", shape: ["positions", "half"] },
];
const weight = (name: string) => ({ name, shape: [`${name}.m`, `${name}.k`, 1, 1] });
const toBlocks = (from: string, to: string): Node =>
  node("ReorderInput", [from], to, { channels_last: 1n }, blocked);
const fromBlocks = (from: string, to: string, channels: number): Node =>
  node("ReorderOutput", [from], to, { channels: BigInt(channels), channels_last: 1n }, blocked);
const product = (x: string, w: string, y: string, addend?: string): Node =>
  node("Conv", addend ? [x, w, "", addend] : [x, w], y, {}, blocked);

const normed = (x: string, eps: number): Node =>
  node("SimplifiedLayerNormalization", [x, "norm"], "h", { axis: -1n, epsilon: eps });

/** A map of `x` or, with a norm before it, of `h`: how many outputs it has, what is added to them, and if they are rotated. */
interface MapShape {
  readonly columns: number;
  readonly added: boolean;
  readonly rotated: boolean;
}

/** y0 ← x·w0ᵀ + c0, y1 ← …; of h = rmsNorm(x) if there is an `eps`. */
const mapsGraph = (maps: readonly MapShape[], eps?: number): Graph => ({
  inputs: [
    pixels("x", "k"),
    ...(eps === undefined ? [] : [{ name: "norm", shape: ["k"] }]),
    ...maps.flatMap(({ added }, i) => [weight(`w${i}`), ...(added ? [pixels(`c${i}`, `m${i}`)] : [])]),
    ...(maps.some(({ rotated }) => rotated) ? rotationInputs : []),
  ],
  outputs: maps.map(({ rotated }, i) => rotated ? tokens(`y${i}`, `m${i}`) : pixels(`y${i}`, `m${i}`)),
  constants: maps.flatMap(({ columns, rotated }, i) =>
    rotated ? [{ name: `tokens${i}`, shape: [3], data: new BigInt64Array([-1n, 1n, BigInt(columns)]) }] : []
  ),
  nodes: [
    ...(eps === undefined ? [] : [normed("x", eps)]),
    toBlocks(eps === undefined ? "x" : "h", "xs"),
    ...maps.flatMap(({ columns, added, rotated }, i) => [
      ...(added ? [toBlocks(`c${i}`, `cs${i}`)] : []),
      product("xs", `w${i}`, `ys${i}`, added ? `cs${i}` : undefined),
      fromBlocks(`ys${i}`, rotated ? `p${i}` : `y${i}`, columns),
      ...(rotated ? [node("Reshape", [`p${i}`, `tokens${i}`], `t${i}`), ropeNode(`t${i}`, `y${i}`)] : []),
    ]),
  ],
});

/** m = x + attended·oᵀ, y ← m + (silu(h·gateᵀ)·(h·upᵀ))·downᵀ, h = rmsNorm(m). */
const layerTailGraph = (dim: number, inner: number, eps: number, kept: boolean): Graph => ({
  inputs: [
    pixels("x", "dim"),
    pixels("attended", "width"),
    { name: "norm", shape: ["dim"] },
    ...["o", "gate", "up", "down"].map(weight),
  ],
  outputs: [
    pixels("y", "dim"),
    ...(kept ? [pixels("m", "dim"), pixels("gated", "inner"), pixels("upped", "inner")] : []),
  ],
  nodes: [
    toBlocks("attended", "as"),
    toBlocks("x", "xs"),
    product("as", "o", "ms", "xs"),
    fromBlocks("ms", "m", dim),
    normed("m", eps),
    toBlocks("h", "hs"),
    product("hs", "gate", "g"),
    product("hs", "up", "u"),
    ...(kept ? [fromBlocks("g", "gated", inner), fromBlocks("u", "upped", inner)] : []),
    ...swigluNodes("g", "u", "act"),
    product("act", "down", "ys", "ms"),
    fromBlocks("ys", "y", dim),
  ],
});

const packGraph: Graph = {
  inputs: [{ name: "w", shape: [1, "m", 1, "k"] }],
  outputs: [{ name: "packed", shape: [1, "m", 1, "k"] }],
  nodes: [node("ReorderInput", ["w"], "packed", {}, blocked)],
};

/** A map of {@linkcode PackedProducts.projections}. */
export interface PackedMap {
  readonly w: OrtTensor;
  /** [n, m] */
  readonly y: CpuTensor;
  /** Added before the product, [n, m]. */
  readonly add?: CpuTensor | undefined;
  /** Positions of the rows; the maps of one call have the same. */
  readonly rope?: Rotation | undefined;
}

/** What {@linkcode PackedProducts.layerTail} keeps for a backward pass. */
export type TailKept = Readonly<Record<keyof LayerTailKept, CpuTensor>>;

/** Packed o, gate, up and down, see {@linkcode PackedProducts.layerTail}. */
export type PackedTail = Readonly<Record<"o" | "gate" | "up" | "down", OrtTensor>>;

/**
 * Whether a Gemm of an [m, k] weight adds up blocks of 128, as convolutions do: of 64 columns or fewer its blocks are longer,
 * which is the same only where there is but one. Some rows of a weight, such as a chunk of the vocabulary, are a Gemm by themselves.
 */
const addsUpAlike = (m: number, k: number): boolean => k <= 128 || m > 64;

/** A matrix as ONNX Runtime's image of one column, a row a pixel. */
const asPixels = (matrix: CpuTensor): OrtTensor => matrix.ortAs([1, matrix.shape[0]!, 1, matrix.shape[1]!]);

/** Products of few rows on packed weights. */
export class PackedProducts {
  readonly #sessions = new Map<string, Session>();
  #width: number | undefined;

  /** See {@linkcode PackedProducts}. */
  constructor(readonly pool: Pool, readonly threads: number) {}

  #session(key: string, threads: number, graph: () => Graph): Session {
    let session = this.#sessions.get(`${key} ${threads}`);
    if (!session) this.#sessions.set(`${key} ${threads}`, session = new Session(graph(), threads));
    return session;
  }

  /** Outputs in a block of packed weights; 0 where there are no such products of the Gemm's bits. */
  get width(): number {
    return this.#width ??= canPack ? [16, 8].find((width) => this.#sameBits(width)) ?? 0 : 0;
  }

  /** Packs weights for products of few rows, those that are not and can be, unless it took much of the free memory. */
  pack(weights: readonly CpuTensor[]): void {
    const wanted = weights.filter((weight) => this.#canPack(weight));
    const bytes = wanted.reduce((sum, { size, packed }) => sum + (packed ? 0 : 4 * size), 0);
    if (wanted.length === 0 || bytes > spareMemory()) return;
    for (const weight of wanted) {
      const [m, k] = weight.shape as [number, number];
      weight.packed ??= this.pool.alloc([m, k, 1, 1], "f32");
      weight.packedIsStale = true; // until it is done: what fails on the way leaves nothing that is used
      this.#pack(weight.f32, weight.packed.f32, m, k);
      weight.packedIsStale = false;
    }
  }

  #canPack({ dtype, shape, slab, packed, packedIsStale }: CpuTensor): boolean {
    const [m = 0, k = 0] = shape;
    if (packed && !packedIsStale) return false;
    if (dtype !== "f32" || shape.length !== 2 || slab === null || this.width === 0) return false;
    return m % this.width === 0 && k % this.width === 0 && addsUpAlike(m, k);
  }

  #pack(w: Float32Array, packed: Float32Array, m: number, k: number): void {
    this.#session("pack", this.threads, () => packGraph)
      .run({ w: ortTensor(w, [1, m, 1, k]) }, { packed: ortTensor(packed, [1, m, 1, k]) });
  }

  /** The packed forms of weights that `n` rows are multiplied with: undefined unless all are packed, and rows are few. */
  allOf(n: number, weights: readonly CpuTensor[]): OrtTensor[] | undefined {
    if (n === 0 || n > mostRows) return undefined;
    const packed: OrtTensor[] = [];
    for (const weight of weights) {
      const one = this.#packedOf(weight);
      if (!one) return undefined;
      packed.push(one);
    }
    return packed;
  }

  /** The packed form of a weight, or of some rows of one. */
  #packedOf(w: CpuTensor): OrtTensor | undefined {
    const { packed, packedIsStale } = w.owner, [m = 0, k = 0] = w.shape;
    if (!packed || packedIsStale || w.shape.length !== 2 || k !== packed.shape[1]) return undefined;
    if (m % this.width > 0 || !addsUpAlike(m, k)) return undefined;
    if (w.owner === w) return packed.ort;
    const from = (w.data.byteOffset - w.owner.data.byteOffset) / 4;
    return from % (this.width * k) > 0 ? undefined : packed.ortAs([m, k, 1, 1], from);
  }

  #threadsFor(products: number): number {
    return products < fewProducts ? 1 : this.threads;
  }

  /** y ← x·wᵀ + add; x [n, k], w [m, k] packed, y and add [n, m]. */
  linear(x: CpuTensor, w: OrtTensor, y: CpuTensor, add?: CpuTensor): void {
    this.#run(x, undefined, [{ w, y, add }]);
  }

  /** See {@linkcode Device.projections}. */
  projections(x: CpuTensor, norm: CpuTensor, eps: number, maps: readonly PackedMap[]): void {
    this.#run(x, { norm, eps }, maps);
  }

  #run(x: CpuTensor, norm: { norm: CpuTensor; eps: number } | undefined, maps: readonly PackedMap[]): void {
    const [n, k] = x.shape as [number, number];
    const inputs: Record<string, OrtTensor> = { x: asPixels(x) }, outputs: Record<string, OrtTensor> = {};
    let key = `${norm?.eps}`, products = 0;
    if (norm) inputs.norm = norm.norm.ort;
    maps.forEach(({ w, y, add, rope }, i) => {
      const columns = y.shape[1]!;
      key += ` ${columns}${add ? "c" : ""}${rope ? "p" : ""}`;
      products += n * k * columns;
      inputs[`w${i}`] = w;
      if (add) inputs[`c${i}`] = asPixels(add);
      if (rope) Object.assign(inputs, rope);
      outputs[`y${i}`] = rope ? y.ortAs([n, 1, columns]) : asPixels(y);
    });
    const shapes = () =>
      maps.map(({ y, add, rope }) => ({ columns: y.shape[1]!, added: !!add, rotated: !!rope }));
    this.#session(key, this.#threadsFor(products), () => mapsGraph(shapes(), norm?.eps)).run(inputs, outputs);
  }

  /** See {@linkcode Device.layerTail}. */
  layerTail(
    x: CpuTensor,
    attended: CpuTensor,
    norm: CpuTensor,
    weights: PackedTail,
    eps: number,
    y: CpuTensor,
    kept?: TailKept,
  ): void {
    const [n, dim] = x.shape as [number, number], inner = weights.gate.dims[0]!;
    const products = n * Object.values(weights).reduce((sum, { dims: [m, k] }) => sum + m! * k!, 0);
    const session = this.#session(
      `layerTail ${dim} ${inner} ${eps} ${kept !== undefined}`,
      this.#threadsFor(products),
      () => layerTailGraph(dim, inner, eps, kept !== undefined),
    );
    const inputs = { x: asPixels(x), attended: asPixels(attended), norm: norm.ort, ...weights };
    session.run(inputs, {
      y: asPixels(y),
      ...(kept && { m: asPixels(kept.m), gated: asPixels(kept.gate), upped: asPixels(kept.up) }),
    });
  }

  /** Whether products of weights in blocks of `width` have the bits of a Gemm. */
  #sameBits(width: number): boolean {
    const n = 7, m = 96, k = 272; // two whole blocks of the sum, and a part of one
    const numbers = (count: number, step: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i * step));
    const x = numbers(n * k, 0.37), w = numbers(m * k, 0.61), c = numbers(n * m, 0.83);
    const packed = new Float32Array(m * k), y = new Float32Array(n * m), expected = new Float32Array(n * m);
    const gemm = new Session({
      inputs: [["x", "n", "k"], ["w", "m", "k"], ["c", "n", "m"]].map(([name, ...shape]) => ({
        name: name!,
        shape,
      })),
      outputs: [{ name: "y", shape: ["n", "m"] }],
      nodes: [node("Gemm", ["x", "w", "c"], "y", { transB: 1n })],
    }, 1);
    try {
      gemm.run({ x: ortTensor(x, [n, k]), w: ortTensor(w, [m, k]), c: ortTensor(c, [n, m]) }, {
        y: ortTensor(expected, [n, m]),
      });
      // By hand: what ONNX Runtime takes for a block is what is asked here.
      for (let i = 0; i < m; i++) {
        const block = i - i % width;
        for (let j = 0; j < k; j++) packed[block * k + j * width + i % width] = w[i * k + j]!;
      }
      this.#session(
        `${undefined} ${m}c`,
        1,
        () => mapsGraph([{ columns: m, added: true, rotated: false }]),
      ).run({
        x: ortTensor(x, [1, n, 1, k]),
        w0: ortTensor(packed, [m, k, 1, 1]),
        c0: ortTensor(c, [1, n, 1, m]),
      }, { y0: ortTensor(y, [1, n, 1, m]) });
      return y.every((value, i) => value === expected[i]);
    } catch {
      // A library that was built without these ops says so when the session is made.
      return false;
    } finally {
      gemm.dispose();
    }
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
  }
}
