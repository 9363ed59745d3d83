/**
 * Loss and gradient of softmax regression in one call of ONNX Runtime, in float32 or float64, for the probes of evaluations.
 *
 *     Z = X̃ W,   P = softmax of each row of Z,   loss = Σ_i log Σ_k e^{Z_ik} − Z_{i y_i},   gradient = X̃ᵀ (P − Y)
 *
 * X̃ are the features with a column of ones, so that the last row of W are the intercepts. One thread computes: the bits of a
 * result are then the same whatever the number of cores, though not on every kind of processor. Who has more cores runs several
 * problems side by side.
 *
 * @module
 */
import { BorrowedArrays } from "./borrowed_arrays.ts";
import { DataType, type Graph, node } from "./onnx.ts";
import { OrtTensor, Session } from "./ort.ts";

/** Arrays in the precision of a problem. */
type Floats = Float32Array | Float64Array;

/** `TensorProto.DataType`. */
const types = { float32: DataType.float32, float64: 11 } as const;

type Precision = keyof typeof types;

/** Sessions of a precision: loss and gradient, and the transposition of what stays the same. */
interface Sessions {
  readonly loss: Session;
  readonly transpose: Session;
}

const sessions = new Map<Precision, Sessions>();

function sessionsOf(precision: Precision): Sessions {
  let found = sessions.get(precision);
  if (found === undefined) {
    const type = types[precision];
    found = { loss: new Session(lossGraph(type), 1), transpose: new Session(transposeGraph(type), 1) };
    sessions.set(precision, found);
  }
  return found;
}

function transposeGraph(type: number): Graph {
  return {
    inputs: [{ name: "x", type, shape: ["n", "d"] }],
    outputs: [{ name: "xT", type, shape: ["d", "n"] }],
    nodes: [node("Transpose", ["x"], "xT")],
  };
}

function lossGraph(type: number): Graph {
  return {
    inputs: [
      { name: "x", type, shape: ["n", "d"] },
      { name: "xT", type, shape: ["d", "n"] },
      { name: "y", type, shape: ["n", "k"] },
      { name: "class", type: DataType.int64, shape: ["n", 1] },
      { name: "w", type, shape: ["d", "k"] },
    ],
    outputs: [
      { name: "gradient", type, shape: ["d", "k"] },
      { name: "target", type, shape: ["n", 1] },
      { name: "largest", type, shape: ["n", 1] },
      { name: "share", type, shape: ["n", 1] },
    ],
    constants: [{ name: "last", shape: [1], data: new BigInt64Array([-1n]) }],
    nodes: [
      node("MatMul", ["x", "w"], "z"),
      node("Softmax", ["z"], "p", { axis: -1n }),
      node("Sub", ["p", "y"], "residual"),
      node("MatMul", ["xT", "residual"], "gradient"),
      node("GatherElements", ["z", "class"], "target", { axis: 1n }),
      node("ReduceMax", ["z", "last"], "largest"),
      node("ReduceMax", ["p", "last"], "share"),
    ],
  };
}

/** The loss of softmax regression on fixed rows. */
export class SoftmaxLoss<T extends Floats> {
  /** [columns + 1, classes], the last row are the intercepts: to be filled before {@linkcode SoftmaxLoss.evaluate}. */
  readonly weights: T;
  /** [columns + 1, classes], of the sum of the losses: filled by {@linkcode SoftmaxLoss.evaluate}. */
  readonly gradient: T;
  readonly #session: Session;
  readonly #inputs: Readonly<Record<"x" | "xT" | "y" | "class" | "w", OrtTensor>>;
  readonly #outputs: Readonly<Record<"gradient" | "target" | "largest" | "share", OrtTensor>>;
  readonly #target: T;
  readonly #largest: T;
  readonly #share: T;
  readonly #memory = new BorrowedArrays();

  /**
   * @param x features [rows, columns]; their type is the precision of everything
   * @param y class of each row, 0..classes-1
   */
  constructor(x: T, y: ArrayLike<number>, classes: number) {
    const rows = y.length, columns = x.length / rows, width = columns + 1;
    const array = (length: number) => this.#memory.like(x, length);
    const wide = array(rows * width), hot = array(rows * classes).fill(0) as T;
    const index = new BigInt64Array(rows);
    for (let i = 0; i < rows; i++) {
      wide.set(x.subarray(i * columns, (i + 1) * columns), i * width);
      wide[i * width + columns] = 1;
      hot[i * classes + y[i]!] = 1;
      index[i] = BigInt(y[i]!);
    }
    const tensor = (data: T | BigInt64Array, ...dims: number[]) => new OrtTensor(data, dims, true);
    this.weights = array(width * classes);
    this.gradient = array(width * classes);
    this.#target = array(rows);
    this.#largest = array(rows);
    this.#share = array(rows);
    this.#inputs = {
      x: tensor(wide, rows, width),
      xT: tensor(array(width * rows), width, rows),
      y: tensor(hot, rows, classes),
      class: tensor(index, rows, 1),
      w: tensor(this.weights, width, classes),
    };
    this.#outputs = {
      gradient: tensor(this.gradient, width, classes),
      target: tensor(this.#target, rows, 1),
      largest: tensor(this.#largest, rows, 1),
      share: tensor(this.#share, rows, 1),
    };
    const { loss, transpose } = sessionsOf(x instanceof Float64Array ? "float64" : "float32");
    this.#session = loss;
    transpose.run({ x: this.#inputs.x }, { xT: this.#inputs.xT });
  }

  /** Sum of the losses of all rows at {@linkcode SoftmaxLoss.weights}, added in float64. */
  evaluate(): number {
    this.#session.run(this.#inputs, this.#outputs);
    return sumOfLosses(this.#largest, this.#share, this.#target);
  }

  /** Frees what ONNX Runtime holds of it, and gives back its arrays: nothing of it may be used any more. */
  [Symbol.dispose](): void {
    for (const tensor of [...Object.values(this.#inputs), ...Object.values(this.#outputs)]) tensor.release();
    this.#memory[Symbol.dispose]();
  }
}

/** Σ log Σ e^z − z_y: of the largest share p the logarithm is exact, and never that of 0: log Σ e^z = max z − log max p. */
function sumOfLosses(largest: Floats, share: Floats, target: Floats): number {
  let sum = 0;
  for (let i = 0; i < target.length; i++) sum += largest[i]! - Math.log(share[i]!) - target[i]!;
  return sum;
}
