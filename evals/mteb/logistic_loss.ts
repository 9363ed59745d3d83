/**
 * Loss and gradient of logistic regression with two classes, which has one weight vector:
 *
 *     z = X w + b,   loss = Σ_i log(1 + e^{z_i}) − y_i z_i,   gradient = X̃ᵀ (σ(z) − y)
 *
 * @module
 */
import { columnProducts, rowProducts } from "../../kernels/cpu/products.ts";

/** The loss of logistic regression on fixed rows, used as {@linkcode SoftmaxLoss} is. */
export class LogisticLoss<T extends Float32Array | Float64Array> {
  /** [columns + 1], the last one is the intercept: to be filled before {@linkcode LogisticLoss.evaluate}. */
  readonly weights: T;
  /** [columns + 1], of the sum of the losses: filled by {@linkcode LogisticLoss.evaluate}. */
  readonly gradient: T;
  readonly #x: T;
  readonly #y: ArrayLike<number>;
  /** [rows]: z, and then the derivative of the loss by it. */
  readonly #z: T;

  /**
   * @param x features [rows, columns]; their type is the precision of the products
   * @param y class of each row, 0 or 1
   */
  constructor(x: T, y: ArrayLike<number>) {
    const Type = x.constructor as new (length: number) => T, columns = x.length / y.length;
    this.#x = x;
    this.#y = y;
    this.#z = new Type(y.length);
    this.weights = new Type(columns + 1);
    this.gradient = new Type(columns + 1);
  }

  /** Sum of the losses of all rows at {@linkcode LogisticLoss.weights}, added in float64. */
  evaluate(): number {
    const z = this.#z, columns = this.weights.length - 1, intercept = this.weights[columns]!;
    rowProducts(this.#x, this.weights.subarray(0, columns) as T, columns, z);
    let sum = 0, derivatives = 0;
    for (let i = 0; i < z.length; i++) {
      const raw = z[i]! + intercept, y = this.#y[i]!, e = Math.exp(-Math.abs(raw));
      sum += Math.max(raw, 0) + Math.log1p(e) - y * raw;
      derivatives += z[i] = (raw >= 0 ? 1 / (1 + e) : e / (1 + e)) - y;
    }
    columnProducts(z, this.#x, z.length, this.gradient.subarray(0, columns) as T);
    this.gradient[columns] = derivatives;
    return sum;
  }

  /** Nothing is held that would have to be freed. */
  [Symbol.dispose](): void {}
}
