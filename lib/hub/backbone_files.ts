/**
 * Which files of a model repository a backbone is made of: its configuration, tokenizer and chat template, and its weights as
 * safetensors, once. Not the same weights as .bin, .pth, .gguf, .onnx or for other frameworks.
 *
 * @module
 */
import { UsageError } from "#errors";
import { parseJsonObject } from "../backbone/json.ts";
import { HF_FILES } from "../backbone/hf_folder.ts";
import { SAFETENSORS_INDEX, SAFETENSORS_SINGLE, shardsOf } from "../backbone/safetensors.ts";
import type { FileChoice } from "./pull.ts";

/** The files of a backbone, weights last. */
export const chooseBackboneFiles: FileChoice = async ({ name, paths, read }) => {
  const has = (path: string) => paths.includes(path);
  const lacking: string[] = [HF_FILES.config, HF_FILES.tokenizer].filter((path) => !has(path));
  const weights = has(SAFETENSORS_INDEX) ? SAFETENSORS_INDEX : SAFETENSORS_SINGLE;
  if (!has(weights)) lacking.push(weights);
  if (lacking.length > 0) {
    throw new UsageError(
      `"${name}" has no ${lacking.join(", no ")}: it is not a model that can be a backbone`,
      `it holds ${
        paths.slice(0, 12).join(", ") || "no files"
      }; choose a repository with ${HF_FILES.config}, ${HF_FILES.tokenizer} and safetensors weights`,
    );
  }
  const small = Object.values(HF_FILES).filter(has);
  if (weights === SAFETENSORS_SINGLE) return [...small, weights];
  const shards = shardsOf(weights, parseJsonObject(await read(weights), weights));
  const absent = shards.filter((path) => !has(path));
  if (absent.length === 0) return [...small, weights, ...shards];
  throw new UsageError(
    `"${name}" lists ${absent.join(", ")} in ${weights}, but does not hold ${
      absent.length === 1 ? "it" : "them"
    }`,
    "its owner has to complete it; choose another revision",
  );
};
