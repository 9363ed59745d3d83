/**
 * The encoder that `eval --encoder` names, as the evaluation sees it.
 *
 * @module
 */
import { basename, join } from "node:path";
import { MissingError, UsageError } from "#errors";
import type { BackboneFile } from "../lib/backbone/open.ts";
import { GRAPHS } from "../lib/encoder/folder.ts";
import { type EncodedText, OnnxEncoder } from "../lib/encoder/onnx_encoder.ts";
import { isThere } from "../lib/files.ts";
import { findSnapshot } from "../lib/hub/cache.ts";
import { type Repo, repoNamed, repoText } from "../lib/hub/repo.ts";
import { canonicalHash } from "../lib/manifest/canonical.ts";
import type { Encoder } from "../evals/encoder.ts";
import type { OnTokens } from "./model.ts";

/** An encoder, loaded. */
export interface OpenedEncoder extends Disposable {
  readonly encoder: Encoder;
  /** Name for folders. */
  readonly name: string;
  /** Every file that was read. */
  readonly files: readonly BackboneFile[];
  /** What the embeddings depend on beside the files. */
  readonly settings: OnnxEncoder["settings"];
}

/**
 * Opens what a specification names: `onnx:` and a folder with an ONNX export, or a graph in it; or where there is neither, the id of a
 * model that was pulled, or of a graph of one.
 *
 * @throws UsageError for any other specification; as {@linkcode OnnxEncoder.open} for what it names
 * @throws MissingError if it names a model that was not pulled
 */
export async function openEncoder(specification: string, onTokens?: OnTokens): Promise<OpenedEncoder> {
  const path = /^onnx:(.+)$/s.exec(specification)?.[1];
  if (path === undefined) {
    throw new UsageError(
      `unknown encoder "${specification}"`,
      "give onnx:<folder>, a folder with model.onnx (or onnx/model.onnx), tokenizer.json and modules.json; or " +
        "onnx:<owner>/<name>, a model that was pulled",
    );
  }
  const pulled = isThere(path) ? undefined : pulledEncoder(path);
  const model = await OnnxEncoder.open(pulled?.path ?? path);
  const { files, settings, prompts } = model, name = pulled?.name ?? model.name;
  const prompted = Object.keys(prompts.named).length > 0 || prompts.standard !== "";
  const encoder: Encoder = {
    digest: canonicalHash({ files: files.map(({ name, sha256 }) => ({ name, sha256 })), settings }),
    dimension: model.dimension,
    ...prompted && { prompts },
    encode: async (texts, { prompt, signal, onEncoded, onProgress } = {}) => {
      let done = 0;
      const results = await model.encode(texts, {
        prompt,
        signal,
        onTokens,
        onDone: (index, text) => {
          onEncoded?.(index, encodedOf(text));
          onProgress?.(++done, texts.length);
        },
      });
      return results.map(encodedOf);
    },
  };
  return { encoder, name, files, settings, [Symbol.dispose]: () => model[Symbol.dispose]() };
}

/** Where the hub's cache has what an id names; undefined if it does not look like one. */
function pulledEncoder(text: string): { path: string; name: string } | undefined {
  const repo = repoNamed(text.replace(/(?<=.)\/+$/, ""));
  if (repo?.type !== "model") return undefined;
  const snapshot = findSnapshot(repo), { file } = repo;
  const path = snapshot === undefined
    ? undefined
    : file === undefined
    ? onlyGraph(snapshot.folder, text, repo)
    : file;
  if (path === undefined || !isThere(join(snapshot!.folder, path))) {
    throw new MissingError(
      `the encoder "${text}" is neither a path nor in the hub's cache on this machine`,
      `download it, once: grace-repro pull onnx:${repoText(repo)}`,
    );
  }
  const graph = file === undefined ? "" : `-${basename(file, ".onnx")}`;
  return { path: join(snapshot!.folder, path), name: basename(repo.id) + graph };
}

/** The usual graph of a snapshot, or the only one that was pulled. */
function onlyGraph(folder: string, text: string, repo: Repo): string | undefined {
  const found = ["", "onnx"].flatMap((inner) =>
    isThere(join(folder, inner))
      ? [...Deno.readDirSync(join(folder, inner))].map(({ name }) => join(inner, name))
      : []
  ).filter((path) => path.endsWith(".onnx"));
  const usual = GRAPHS.find((graph) => found.includes(graph));
  if (usual !== undefined || found.length <= 1) return usual ?? found[0];
  throw new UsageError(
    `several graphs of "${text}" were pulled`,
    `name one: onnx:${repoText({ ...repo, file: found.sort()[0] })}`,
  );
}

/** An encoder writes nothing about a text. */
function encodedOf({ embedding, tokens, truncated }: EncodedText) {
  return {
    embedding,
    rationales: [],
    rationaleTokens: 0,
    truncatedRationales: 0,
    promptTokens: tokens,
    truncatedPrompt: truncated,
  };
}
