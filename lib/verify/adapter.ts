/**
 * The adapter of a checkpoint: of the shape that the manifest says, and the one that the checkpoint's weights have in them.
 *
 * @module
 */
import { adaptedMatrices, adapterNames, adapterTensors } from "../backbone/lora.ts";
import { ADAPTER_FILES, adapterConfigText, openAdapter, storedName } from "../backbone/lora_files.ts";
import type { LoraOptions } from "../backbone/lora_options.ts";
import type { Backbone } from "../backbone/open.ts";
import { openSafetensors } from "../backbone/safetensors.ts";
import { expectedTensors, type TensorSource } from "../backbone/tensor_source.ts";
import { ADAPTER_FOLDER } from "../train/checkpoint.ts";
import type { Checking } from "./check.ts";
import type { RunFiles } from "./run_files.ts";

/** Largest relative error of one rounding to float32. */
const ROUNDING = 2 ** -24;

/** What is checked. */
export interface AdapterCheckOptions {
  readonly files: RunFiles;
  /** Section lora of the training's manifest; rank 0: there must be no adapter. */
  readonly lora: LoraOptions;
  /** Folder of the checkpoint inside the run. */
  readonly checkpoint: string;
  /** Name of the file with the checkpoint's weights in it. */
  readonly weights: string;
  /** What was adapted; undefined where it is not here. */
  readonly backbone: Pick<Backbone, "config" | "tensors"> | undefined;
}

/** Checks the adapter of a checkpoint. */
export function checkAdapter(options: AdapterCheckOptions, it: Checking): void {
  const { files, lora, checkpoint, weights, backbone } = options, folder = `${checkpoint}/${ADAPTER_FOLDER}`;
  if (lora.rank === 0) {
    if (files.entry(folder)) it.problem({ file: folder, what: "is there, although all weights are trained" });
    return;
  }
  const known: readonly string[] = Object.values(ADAPTER_FILES);
  for (const name of files.names(folder)) {
    if (!known.includes(name)) it.problem({ file: `${folder}/${name}`, what: "is no part of an adapter" });
  }
  const config = `${folder}/${ADAPTER_FILES.config}`, text = files.text(config);
  it.count();
  // The backbone may have had another name where the run was made.
  const base = (JSON.parse(text) as { base_model_name_or_path?: unknown } | null)?.base_model_name_or_path;
  if (text !== adapterConfigText(lora, String(base))) {
    it.problem({ file: config, what: "is not what the manifest's section lora gives" });
  }
  const tensors = `${folder}/${ADAPTER_FILES.tensors}`, adapter = openAdapter(files.path(folder));
  try {
    it.count();
    if (backbone === undefined) {
      it.note(`${ADAPTER_FILES.tensors} is not compared with the weights: the backbone is not here`);
      return;
    }
    if (!hasShapes(adapter, adapterTensors(backbone.config, lora), tensors, it)) return;
    const file = `${checkpoint}/${weights}`, merged = openSafetensors([files.path(file)]);
    try {
      const ours = { base: backbone.tensors, adapter, merged };
      const expected = expectedTensors(backbone.config);
      if (hasTensors(merged, expected, file, it)) checkMerged(ours, options, backbone, file, it);
    } finally {
      merged.close();
    }
  } finally {
    adapter.close();
  }
}

/** Whether the adapter has these tensors, and no others. */
function hasShapes(
  adapter: TensorSource,
  shapes: ReadonlyMap<string, readonly number[]>,
  file: string,
  it: Checking,
): boolean {
  const wanted = new Map([...shapes].map(([name, shape]) => [storedName(name), shape]));
  const others = adapter.names().filter((name) => !wanted.has(name));
  for (const name of others) it.problem({ file, field: name, what: "is no tensor of the adapter" });
  return hasTensors(adapter, wanted, file, it) && others.length === 0;
}

/** Whether tensors are there, in their shapes. */
function hasTensors(
  source: TensorSource,
  shapes: ReadonlyMap<string, readonly number[]>,
  file: string,
  it: Checking,
): boolean {
  const names = new Set(source.names());
  let all = true;
  for (const [name, shape] of shapes) {
    const stored = names.has(name) ? source.shape(name) : undefined;
    if (stored?.join() === shape.join()) continue;
    it.problem({ file, field: name, stored, found: shape });
    all = false;
  }
  return all;
}

/** Where a matrix comes from, what was added to it, and what came of it. */
interface Merged {
  readonly base: TensorSource;
  readonly adapter: TensorSource;
  readonly merged: TensorSource;
}

/** Every weight is the backbone's, to the last bit, and with the product of the adapter in it where it is adapted. */
function checkMerged(
  { base, adapter, merged }: Merged,
  { lora }: AdapterCheckOptions,
  { config }: Pick<Backbone, "config">,
  file: string,
  it: Checking,
): void {
  const adapted = adaptedMatrices(config, lora.targets);
  for (const name of expectedTensors(config).keys()) {
    const before = base.read(name), after = merged.read(name);
    if (!adapted.has(name)) {
      if (after.every((value, i) => value === before[i])) continue;
      it.problem({ file, field: name, what: "is not the backbone's, although it is not adapted" });
      continue;
    }
    const { a, b } = adapterNames(name),
      product = {
        a: adapter.read(storedName(a)),
        b: adapter.read(storedName(b)),
      };
    const row = firstUnlike(before, after, product, lora);
    if (row === undefined) continue;
    const what = `is not the backbone's with the adapter's product in it, from row ${row} on`;
    it.problem({ file, field: name, what });
  }
  it.count(adapted.size);
}

/**
 * First row in which W·x is not W₀·x + s·B·(A·x) for an x of ±1, by more than rounding can explain; undefined if there is none.
 * Products with one x take no longer than reading the matrices does (Freivalds 1977), and would only by accident hide a wrong row.
 *
 * @param before W₀, [out, in]
 * @param after W, [out, in]
 */
export function firstUnlike(
  before: Float32Array,
  after: Float32Array,
  { a, b }: { readonly a: Float32Array; readonly b: Float32Array },
  { rank, alpha }: Pick<LoraOptions, "rank" | "alpha">,
): number | undefined {
  const out = b.length / rank, into = a.length / rank, scale = alpha / rank;
  const x = signs(into), ax = new Float64Array(rank), sizes = new Float64Array(rank);
  for (let r = 0; r < rank; r++) {
    for (let j = 0; j < into; j++) {
      const value = a[r * into + j]!;
      ax[r]! += value * x[j]!;
      sizes[r]! += Math.abs(value);
    }
  }
  for (let i = 0; i < out; i++) {
    let difference = 0, size = 0;
    for (let j = 0; j < into; j++) {
      const value = before[i * into + j]!;
      difference += (after[i * into + j]! - value) * x[j]!;
      size += Math.abs(value);
    }
    for (let r = 0; r < rank; r++) {
      difference -= scale * b[i * rank + r]! * ax[r]!;
      size += scale * Math.abs(b[i * rank + r]!) * sizes[r]!;
    }
    // An engine rounds the scale, its product with B, each product and each sum, in an order of its own; so NaN is unlike too.
    if (!(Math.abs(difference) <= 2 * (rank + 3) * ROUNDING * size)) return i;
  }
  return undefined;
}

/** ±1 in no pattern, the same at every call: the top bits of multiples of the golden ratio's fraction, scrambled. */
function signs(length: number): Int8Array {
  return Int8Array.from({ length }, (_, i) => {
    let bits = Math.imul(i + 1, 0x9e3779b1);
    bits = Math.imul(bits ^ bits >>> 15, 0x85ebca6b);
    return (bits ^ bits >>> 13) & 1 ? 1 : -1;
  });
}
