/**
 * RMSNorm, SwiGLU, rotary positions and AdamW on ONNX Runtime. Long inputs are run in pieces whose intermediates
 * stay in the cache; every op here works on elements or rows alone, so pieces do not change the bits.
 *
 * @module
 */
import type { RopeTable } from "../attention_types.ts";
import type { AdamWSpec } from "../training_types.ts";
import { adamWConstants, adamWGraph } from "./adamw.ts";
import { type Graph, type Node, node } from "./onnx.ts";
import { OrtTensor, ortTensor, Session } from "./ort.ts";
import { Ones } from "./ones.ts";
import { safeThreads } from "./safe_threads.ts";
import { swigluGraph } from "./swiglu_graph.ts";
import type { CpuTensor, Pool } from "./tensor.ts";

/**
 * Elements of a piece: a megabyte an array. ONNX Runtime gives a node a second thread only from about 100,000 elements on;
 * with 65,536, which stay in a core's second-level cache, AdamW and the backward ops take half as long again.
 */
const pieceElements = 1 << 18;

/** Elements of a piece of SwiGLU, whose first op works in small blocks by itself. */
const swigluPiece = 1 << 19;

/** Elements of the rows that one sum of a norm's gradient goes over. Another number would give other bits. */
const sumElements = 1 << 16;

/** Below this many elements an op runs on one thread. */
const fewElements = 1 << 15;

const rows = (name: string) => ({ name, shape: ["n", "d"] });

/** Rows in `p` groups, whose gradients are summed by themselves. */
const groups = (name: string) => ({ name, shape: ["p", "n", "d"] });

function rmsNormGraph(eps: number): Graph {
  return {
    inputs: [rows("x"), { name: "w", shape: ["d"] }],
    outputs: [rows("y")],
    nodes: [node("SimplifiedLayerNormalization", ["x", "w"], "y", { axis: -1n, epsilon: eps })],
  };
}

/**
 * dx = r·(g − x̂·mean(g·x̂)) (+ dxIn), dw = Σ dy·x̂ over the rows of each group, with x̂ = x·r, g = dy·w and
 * r = 1/sqrt(mean(x²) + eps).
 * Since g·x̂ = (dy·x̂)·w, its mean is a product of the rows of dw with `wMean` = w/d in two columns (see `ones.ts`).
 */
function rmsNormBackwardGraph(eps: number, accumulate: boolean): Graph {
  return {
    inputs: [
      groups("dy"),
      groups("x"),
      { name: "w", shape: ["d"] },
      { name: "ones", shape: ["d"] },
      { name: "wMean", shape: ["d", 2] },
      { name: "left", shape: [2, "n"] },
      ...(accumulate ? [groups("dxIn")] : []),
    ],
    outputs: [groups("dx"), { name: "dw", shape: ["p", 2, "d"] }],
    constants: [
      { name: "axes", shape: [1], data: new BigInt64Array([2n]) },
      { name: "zero", shape: [1], data: new BigInt64Array([0n]) },
      { name: "one", shape: [1], data: new BigInt64Array([1n]) },
    ],
    nodes: [
      node("SimplifiedLayerNormalization", ["x", "ones"], ["xHat", "r"], { axis: -1n, epsilon: eps }),
      node("Mul", ["dy", "xHat"], "dwRows"),
      node("MatMul", ["left", "dwRows"], "dw"),
      node("MatMul", ["dwRows", "wMean"], "dots"),
      node("Slice", ["dots", "zero", "one", "axes"], "meanDot"),
      node("Mul", ["xHat", "meanDot"], "projection"),
      node("Mul", ["dy", "w"], "g"),
      node("Sub", ["g", "projection"], "tangent"),
      node("Mul", ["tangent", "r"], accumulate ? "dxNew" : "dx"),
      ...(accumulate ? [node("Add", ["dxIn", "dxNew"], "dx")] : []),
    ],
  };
}

/** du = dy·s·g, dg = u·(dy·s + du − du·s), s = sigmoid(g): as few passes as there can be. */
const swigluBackwardGraph: Graph = {
  inputs: [rows("dy"), rows("g"), rows("u")],
  outputs: [rows("dg"), rows("du")],
  nodes: [
    node("Sigmoid", ["g"], "s"),
    node("Mul", ["dy", "s"], "dys"),
    node("Mul", ["dys", "g"], "du"),
    node("Mul", ["du", "s"], "dus"),
    node("Sub", ["du", "dus"], "bent"),
    node("Add", ["dys", "bent"], "slope"),
    node("Mul", ["slope", "u"], "dg"),
  ],
};

/**
 * y ← x [n, 1, width], rotated by positions `p` [n, 1] in tables `cos` and `sin`. As n sequences of one token: the op wants
 * tables at least as long as a sequence, and these are packed.
 */
export function ropeNode(x: string, y: string): Node {
  return node("RotaryEmbedding", [x, "p", "cos", "sin"], y, { interleaved: 0n }, "com.microsoft");
}

/** cos and sin [positions, headDim / 2]; sin is also kept negated, for the rotation back. */
export interface CpuRopeTable extends RopeTable {
  readonly cos: OrtTensor;
  readonly sin: OrtTensor;
  readonly minusSin: OrtTensor;
}

/** Positions of rows and the tables that they look up, see {@linkcode ropeNode}. */
export interface Rotation {
  readonly p: OrtTensor;
  readonly cos: OrtTensor;
  readonly sin: OrtTensor;
}

/** The ops of this file. */
export class ElementwiseOps {
  readonly #sessions = new Map<string, Session>();
  readonly #ones = new Ones();
  /** Table of the last rotation: ONNX Runtime knows of no other. */
  #table: CpuRopeTable | undefined;
  /** Positions of the last call, as ONNX Runtime takes them: all layers of a pass rotate the same rows. */
  #positions = { values: new Int32Array(0), ids: ortTensor(new BigInt64Array(0), [0, 1]) };

  /** See {@linkcode ElementwiseOps}. */
  constructor(readonly pool: Pool, readonly threads: number) {}

  /** A session for that many elements: for few, waking a second thread takes longer than it saves. */
  #session(name: string, elements: number, graph: () => Graph): Session {
    const threads = elements < fewElements ? 1 : this.threads;
    const key = `${name}/${threads}`;
    let session = this.#sessions.get(key);
    if (!session) this.#sessions.set(key, session = new Session(graph(), threads));
    return session;
  }

  /** y ← rmsNorm(x)·w. */
  rmsNorm(x: CpuTensor, w: CpuTensor, eps: number, y: CpuTensor): void {
    if (x.shape[1] !== w.size || y.size !== x.size) {
      throw new Error(`rmsNorm: [${x.shape}] with weight [${w.shape}]`);
    }
    if (x.size === 0) return;
    this.#session(`rmsNorm/${eps}`, x.size, () => rmsNormGraph(eps)).run({ x: x.ort, w: w.ort }, {
      y: y.ort,
    });
  }

  /** See {@linkcode Device.rmsNormBackward}. */
  rmsNormBackward(
    dy: CpuTensor,
    x: CpuTensor,
    w: CpuTensor,
    eps: number,
    dx: CpuTensor,
    dw: CpuTensor,
    accumulate: boolean,
  ): void {
    const n = x.shape[0]!, d = x.shape[1]!;
    if (w.size !== d || dw.size !== d || dx.size !== x.size || dy.size !== x.size) {
      throw new Error(`rmsNormBackward: [${x.shape}] with weight [${w.shape}]`);
    }
    if (n === 1) return this.#rmsNormBackwardOneRow(dy, x, w, eps, dx, dw, accumulate);
    const session = this.#session(
      `rmsNormBackward/${eps}/${accumulate}`,
      x.size,
      () => rmsNormBackwardGraph(eps, accumulate),
    );
    const wMean = ortTensor(Float32Array.from({ length: 2 * d }, (_, i) => w.f32[i >> 1]! / d), [d, 2]);
    const step = Math.max(2, Math.floor(sumElements / d)), sums = dw.f32;
    // Products of several groups are split over threads in another way than one is. Where its bits depend on that, one.
    const invariant = safeThreads(d, step, this.threads) === this.threads;
    const together = invariant ? pieceElements / sumElements : 1;
    const parts = this.pool.alloc([together, 2, d], "f32");
    for (let start = 0, m = 0, count = 0; start < n; start += count * m) {
      // A last group of one row would take another code path: it joins the one before.
      const whole = Math.max(0, Math.floor((n - start - 2) / step));
      [count, m] = whole > 0 ? [Math.min(together, whole), step] : [1, n - start];
      const piece = (t: CpuTensor) =>
        ortTensor(t.f32.subarray(start * d, (start + count * m) * d), [count, m, d]);
      session.run({
        dy: piece(dy),
        x: piece(x),
        w: w.ort,
        ones: ortTensor(this.#ones.flat(d), [d]),
        wMean,
        left: ortTensor(this.#ones.flat(2 * m), [2, m]),
        ...(accumulate && { dxIn: piece(dx) }),
      }, { dx: piece(dx), dw: ortTensor(parts.f32.subarray(0, count * 2 * d), [count, 2, d]) });
      for (let group = 0; group < count; group++) {
        for (let j = 0; j < d; j++) sums[j]! += parts.f32[2 * group * d + j]!;
      }
    }
    this.pool.release(parts);
  }

  /** One row alone takes another code path in matrix products: it is followed by a row whose dy is 0. */
  #rmsNormBackwardOneRow(
    dy: CpuTensor,
    x: CpuTensor,
    w: CpuTensor,
    eps: number,
    dx: CpuTensor,
    dw: CpuTensor,
    accumulate: boolean,
  ): void {
    const padded = (row: CpuTensor) => {
      const rows = this.pool.alloc([2, row.size], "f32");
      rows.f32.fill(0);
      rows.f32.set(row.f32);
      return rows;
    };
    const dy2 = padded(dy), x2 = padded(x), dx2 = padded(dx);
    this.rmsNormBackward(dy2, x2, w, eps, dx2, dw, accumulate);
    dx.f32.set(dx2.f32.subarray(0, dx.size));
    for (const rows of [dy2, x2, dx2]) this.pool.release(rows);
  }

  /** y ← silu(gate)·up. */
  swiglu(gate: CpuTensor, up: CpuTensor, y: CpuTensor): void {
    if (gate.size !== up.size || y.size !== up.size) {
      throw new Error(`swiglu: [${gate.shape}] and [${up.shape}]`);
    }
    const session = this.#session("swiglu", gate.size, () => swigluGraph);
    inPieces(gate.size, (a, b) => {
      const piece = (t: CpuTensor) => ortTensor(t.f32.subarray(a, b), [1, b - a]);
      session.run({ g: piece(gate), u: piece(up) }, { y: piece(y) });
    }, swigluPiece);
  }

  /**
   * See {@linkcode Device.swigluBackward}. dGate depends on every input, so it can go over `gate`; dUp does not depend
   * on `up`, and ONNX Runtime computes it before it has read `up` for dGate: it goes to scratch memory first.
   */
  swigluBackward(dy: CpuTensor, gate: CpuTensor, up: CpuTensor, dGate: CpuTensor, dUp: CpuTensor): void {
    for (const other of [dy, up, dGate, dUp]) {
      if (other.size !== gate.size) {
        throw new Error(`swigluBackward: [${other.shape}] beside gate [${gate.shape}]`);
      }
    }
    const session = this.#session("swigluBackward", gate.size, () => swigluBackwardGraph);
    const scratch = this.pool.alloc([Math.min(pieceElements, gate.size)], "f32");
    inPieces(gate.size, (a, b) => {
      const piece = (t: CpuTensor) => ortTensor(t.f32.subarray(a, b), [1, b - a]);
      const du = scratch.f32.subarray(0, b - a);
      session.run({ dy: piece(dy), g: piece(gate), u: piece(up) }, {
        dg: piece(dGate),
        du: ortTensor(du, [1, b - a]),
      });
      dUp.f32.set(du, a);
    });
    this.pool.release(scratch);
  }

  /** See {@linkcode Device.ropeTable}. */
  ropeTable(inverseFrequencies: Float64Array, positions: number): CpuRopeTable {
    const half = inverseFrequencies.length;
    const cos = new Float32Array(positions * half), sin = new Float32Array(positions * half);
    for (let p = 0; p < positions; p++) {
      for (let i = 0; i < half; i++) {
        cos[p * half + i] = Math.cos(p * inverseFrequencies[i]!);
        sin[p * half + i] = Math.sin(p * inverseFrequencies[i]!);
      }
    }
    const wrap = (data: Float32Array) => new OrtTensor(data, [positions, half], true);
    return {
      positions,
      headDim: 2 * half,
      cos: wrap(cos),
      sin: wrap(sin),
      minusSin: wrap(sin.map((s) => -s)),
    };
  }

  /** What rotates rows of `heads` heads by their positions; fails unless they fit together. */
  rotationOf(rows: CpuTensor, positions: Int32Array, table: CpuRopeTable, heads: number): Rotation {
    if (rows.shape[1] !== heads * table.headDim || positions.length !== rows.shape[0]) {
      throw new Error(
        `rope: [${rows.shape}] with ${heads} heads of ${table.headDim} and ${positions.length} positions`,
      );
    }
    if (table !== this.#table) this.#useTable(table);
    return { p: this.#positionsOf(positions, table), cos: table.cos, sin: table.sin };
  }

  /** Frees what ONNX Runtime knows of the table before. */
  #useTable(table: CpuRopeTable | undefined): void {
    const last = this.#table;
    for (const tensor of last ? [last.cos, last.sin, last.minusSin] : []) tensor.release();
    this.#table = table;
  }

  /** Positions [n, 1] as ONNX Runtime takes them, the same tensor as long as they are the same. */
  #positionsOf(positions: Int32Array, table: CpuRopeTable): OrtTensor {
    for (const position of positions) {
      if (position < 0 || position >= table.positions) {
        throw new Error(`rope: position ${position} of ${table.positions}`);
      }
    }
    const n = positions.length, { values } = this.#positions;
    // Compared by content: the caller may write new positions into the same array.
    if (n !== values.length || !positions.every((p, i) => p === values[i])) {
      this.#positions.ids.release();
      this.#positions = {
        values: positions.slice(),
        ids: new OrtTensor(BigInt64Array.from(positions, BigInt), [n, 1], true),
      };
    }
    return this.#positions.ids;
  }

  /** See {@linkcode Device.rope}. */
  rope(
    x: CpuTensor,
    positions: Int32Array,
    table: CpuRopeTable,
    heads: number,
    y: CpuTensor,
    inverse: boolean,
  ): void {
    const n = x.shape[0]!, width = heads * table.headDim;
    if (y.size !== x.size) throw new Error(`rope: [${x.shape}] to [${y.shape}]`);
    const { p, cos, sin } = this.rotationOf(x, positions, table, heads);
    if (n === 0) return;
    const session = this.#session("rope", x.size, () => ({
      inputs: [
        { name: "x", shape: ["n", 1, "width"] },
        { name: "p", shape: ["n", 1], type: 7 },
        { name: "cos", shape: ["positions", "half"] },
        { name: "sin", shape: ["positions", "half"] },
      ],
      outputs: [{ name: "y", shape: ["n", 1, "width"] }],
      nodes: [ropeNode("x", "y")],
    }));
    session.run(
      { x: x.ortAs([n, 1, width]), p, cos, sin: inverse ? table.minusSin : sin },
      { y: y.ortAs([n, 1, width]) },
    );
  }

  /** See {@linkcode Device.adamW}. Outputs alias inputs: every input is read before the node that overwrites it. */
  adamW(p: CpuTensor, g: CpuTensor, m: CpuTensor, v: CpuTensor, spec: AdamWSpec): void {
    if (g.size !== p.size || m.size !== p.size || v.size !== p.size) {
      throw new Error(`adamW: sizes differ [${p.shape}]`);
    }
    const { passes, constants } = adamWConstants(spec);
    const kind = `adamW/${passes.scales}/${passes.decays}`;
    const session = this.#session(kind, p.size, () => adamWGraph(passes));
    inPieces(p.size, (a, b) => {
      const piece = (t: CpuTensor) => ortTensor(t.f32.subarray(a, b), [b - a]);
      session.run({ p: piece(p), g: piece(g), m: piece(m), v: piece(v), ...constants }, {
        pNew: piece(p),
        mNew: piece(m),
        vNew: piece(v),
      });
    });
  }

  /** Frees the sessions. */
  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
    this.#positions.ids.release();
    this.#ones.dispose();
    this.#useTable(undefined);
  }
}

function inPieces(size: number, run: (start: number, end: number) => void, piece = pieceElements): void {
  for (let start = 0; start < size; start += piece) run(start, Math.min(size, start + piece));
}
