/**
 * What follows the transformer in a sentence-transformers model: `modules.json` and the configurations it points to.
 *
 * Reference: sentence-transformers 4.1 (which mteb 1.38.33 runs) and 6.2, whose files differ in names.
 *
 * @module
 */
import { UsageError } from "#errors";
import { describe, Fields, isObject, type JsonObject } from "../backbone/json.ts";
import { type Activation, ACTIVATIONS } from "./dense.ts";
import { type Pooling, POOLING_MODES, type PoolingMode } from "./pooling.ts";

/** A linear map of the pooled vector. */
export interface DenseModule {
  readonly kind: "dense";
  /** Folder of its weights, below the model's. */
  readonly path: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  readonly activation: Activation;
}

/** One step behind pooling. */
export type Step = DenseModule | { readonly kind: "normalize" };

/** All steps behind the transformer. */
export interface Modules {
  /** Width of the transformer's output. */
  readonly wordDimension: number;
  readonly pooling: Pooling;
  readonly steps: readonly Step[];
}

/**
 * Reads the modules of a model.
 *
 * @param list the content of `modules.json`
 * @param configOf parsed `config.json` of a module's folder
 * @param origin path of `modules.json`
 * @throws UsageError naming a module or an option that is not known
 */
export function parseModules(
  list: unknown,
  configOf: (path: string) => JsonObject,
  origin: string,
): Modules {
  const modules = Array.isArray(list) ? list.map((one) => moduleOf(one, origin)) : [];
  const [first, second, ...rest] = modules;
  if (first?.name !== "Transformer" || second?.name !== "Pooling") {
    throw new UsageError(
      `${origin} has the modules ${modules.map(({ name }) => name).join(", ") || "none"}`,
      "use a model that begins with Transformer and Pooling",
    );
  }
  const { wordDimension, pooling } = poolingOf(
    new Fields(configOf(second.path), `${second.path}/config.json`),
  );
  let width = wordDimension * pooling.modes.length;
  const steps = rest.map(({ name, path }): Step => {
    if (name === "Normalize") return { kind: "normalize" };
    if (name !== "Dense") {
      throw new UsageError(
        `${origin} has a module "${name}"`,
        "use a model of Transformer, Pooling, Dense and Normalize",
      );
    }
    const dense = denseOf(new Fields(configOf(path), `${path}/config.json`), path);
    if (dense.inFeatures !== width) {
      throw new UsageError(
        `${path}/config.json takes ${dense.inFeatures} features, what is before it gives ${width}`,
        "download the model again: its files do not belong together",
      );
    }
    width = dense.outFeatures;
    return dense;
  });
  return { wordDimension, pooling, steps };
}

function moduleOf(module: unknown, origin: string): { name: string; path: string } {
  if (!isObject(module)) throw new UsageError(`${origin} lists ${describe(module)}`, "download it again");
  const fields = new Fields(module, origin);
  const path = fields.string("path");
  // A plain name: modules from a stranger must not be read from elsewhere.
  if (!/^[\w.-]*$/.test(path) || /^\.+$/.test(path)) {
    fields.refuse("path", "name a folder inside the model's");
  }
  const type = fields.string("type");
  if (!type.startsWith("sentence_transformers.")) {
    fields.refuse(
      "type",
      "a module of the model's own cannot be run; use a model of sentence-transformers' modules",
    );
  }
  return { name: type.split(".").at(-1)!, path };
}

function poolingOf(config: Fields): { wordDimension: number; pooling: Pooling } {
  const named = config.object["pooling_mode"];
  const modes = named === undefined ? flaggedModes(config) : [named].flat();
  if (modes.length === 0 || !modes.every((mode) => POOLING_MODES.includes(mode as PoolingMode))) {
    throw new UsageError(
      `${config.origin} pools by ${describe(named ?? modes)}`,
      `use ${POOLING_MODES.join(", ")}`,
    );
  }
  const key = config.has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension";
  return {
    wordDimension: config.number(key),
    pooling: { modes: modes as PoolingMode[], includePrompt: config.boolean("include_prompt", true) },
  };
}

/** Flags of older files, in the order in which the results stand beside each other. */
const FLAGS: readonly (readonly [flag: string, mode: PoolingMode])[] = [
  ["pooling_mode_cls_token", "cls"],
  ["pooling_mode_max_tokens", "max"],
  ["pooling_mode_mean_tokens", "mean"],
  ["pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"],
  ["pooling_mode_weightedmean_tokens", "weightedmean"],
  ["pooling_mode_lasttoken", "lasttoken"],
];

function flaggedModes(config: Fields): PoolingMode[] {
  const known = new Set(FLAGS.map(([flag]) => flag));
  for (const key of Object.keys(config.object)) {
    if (key.startsWith("pooling_mode_") && !known.has(key)) {
      config.refuse(key, "this pooling is not known here");
    }
  }
  return FLAGS.filter(([flag, mode]) => config.boolean(flag, mode === "mean")).map(([, mode]) => mode);
}

function denseOf(config: Fields, path: string): DenseModule {
  for (const key of ["module_input_name", "module_output_name"]) {
    if (config.string(key, "sentence_embedding") !== "sentence_embedding") {
      config.refuse(key, 'only "sentence_embedding" is known');
    }
  }
  const name = config.string("activation_function", "torch.nn.modules.activation.Tanh");
  const activation = ACTIVATIONS.find((one) => name === one || name.endsWith(`.${one}`));
  if (!activation) config.refuse("activation_function", `use one of ${ACTIVATIONS.join(", ")}`);
  return {
    kind: "dense",
    path,
    inFeatures: config.number("in_features"),
    outFeatures: config.number("out_features"),
    bias: config.boolean("bias", true),
    activation: activation!,
  };
}
