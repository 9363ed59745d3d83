/**
 * Which files of a model repository to download: those of a backbone in safetensors, of an encoder in ONNX, or one GGUF file.
 *
 * @module
 */
import { UsageError } from "#errors";
import { SAFETENSORS_INDEX, SAFETENSORS_SINGLE } from "../backbone/safetensors.ts";
import { chooseBackboneFiles } from "./backbone_files.ts";
import { chooseEncoderFiles, graphsOf } from "./encoder_files.ts";
import type { FileChoice } from "./pull.ts";
import type { Repo } from "./repo.ts";

/**
 * Chooses files of a model.
 *
 * - A file that the repository is named with: that GGUF file, or that graph with what an encoder needs.
 * - `encoder`, or a repository of sentence-transformers with a graph, or one without safetensors and with a graph: the encoder.
 * - A repository with nothing but GGUF: the file, if it is one.
 * - Else a backbone.
 */
export function chooseModelFiles({ file }: Repo, encoder: boolean): FileChoice {
  return async (listing) => {
    const { name, paths } = listing;
    if (file?.endsWith(".gguf")) return ggufOf(paths, file, name);
    if (encoder || file !== undefined) return await chooseEncoderFiles(file)(listing);
    const hasGraph = graphsOf(paths).length > 0;
    if (hasGraph && paths.includes("modules.json")) return await chooseEncoderFiles()(listing);
    if (paths.includes(SAFETENSORS_SINGLE) || paths.includes(SAFETENSORS_INDEX)) {
      return await chooseBackboneFiles(listing);
    }
    if (hasGraph) return await chooseEncoderFiles()(listing);
    const gguf = paths.filter((path) => path.endsWith(".gguf"));
    if (gguf.length === 0) return await chooseBackboneFiles(listing);
    if (gguf.length === 1) return ggufOf(paths, gguf[0]!, name);
    const [id, revision] = name.split("@");
    throw new UsageError(
      `"${name}" has ${gguf.length} GGUF files: ${gguf.join(", ")}`,
      `name one: grace-repro pull ${id}/${gguf[0]}${revision === undefined ? "" : `@${revision}`}`,
    );
  };
}

function ggufOf(paths: readonly string[], file: string, name: string): string[] {
  if (!paths.includes(file)) {
    throw new UsageError(
      `the repository has no ${file}, as "${name}" says`,
      `it has ${paths.filter((path) => path.endsWith(".gguf")).join(", ") || "no GGUF files"}`,
    );
  }
  if (/-\d+-of-\d+\.gguf$/.test(file)) {
    throw new UsageError(
      `"${file}" is one part of a model that is split over files, which cannot be read`,
      "choose a file that is whole, or the repository with the safetensors",
    );
  }
  return [file];
}
