/**
 * The linear layer that some sentence-transformers models have behind pooling.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { isThere } from "../files.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import type { DenseModule } from "./modules.ts";

/** Activations that can be computed as PyTorch computes them. */
export const ACTIVATIONS = ["Identity", "Tanh", "ReLU", "Sigmoid"] as const;

/** One of {@linkcode ACTIVATIONS}. */
export type Activation = typeof ACTIVATIONS[number];

const FUNCTIONS: Readonly<Record<Activation, (x: number) => number>> = {
  Identity: (x) => x,
  Tanh: Math.tanh,
  ReLU: (x) => Math.max(0, x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Name of the file of weights. */
export const DENSE_WEIGHTS = "model.safetensors";

/**
 * Reads the weights and returns y = activation(W x + b), sums in float64.
 *
 * @param folder of the model
 * @throws MissingError if there is no {@linkcode DENSE_WEIGHTS}
 * @throws UsageError if a weight has another shape than the configuration says
 */
export function openDense(
  folder: string,
  { path, inFeatures, outFeatures, bias, activation }: DenseModule,
): (x: Float32Array) => Float32Array<ArrayBuffer> {
  const file = `${folder}/${path}/${DENSE_WEIGHTS}`;
  if (!isThere(file)) {
    throw new MissingError(
      `there is no ${file}`,
      "download it; pytorch_model.bin is not read: save the model again with safetensors",
    );
  }
  const tensors = openSafetensors([file]);
  try {
    const read = (name: string, shape: readonly number[]) => {
      if (tensors.shape(name).join() !== shape.join()) {
        throw new UsageError(
          `${file}: "${name}" is [${tensors.shape(name)}], ${path}/config.json says [${shape}]`,
          "download the model again: its files do not belong together",
        );
      }
      return tensors.read(name);
    };
    const w = read("linear.weight", [outFeatures, inFeatures]);
    const b = bias ? read("linear.bias", [outFeatures]) : new Float32Array(outFeatures);
    const activate = FUNCTIONS[activation];
    return (x) =>
      Float32Array.from(b, (start, row) => {
        let sum = start;
        for (let i = 0; i < inFeatures; i++) sum += w[row * inFeatures + i]! * x[i]!;
        return activate(sum);
      });
  } finally {
    tensors.close();
  }
}
