/**
 * Which files of a model repository a sentence encoder is made of: an ONNX graph with the weights beside it, and what
 * sentence-transformers writes about the model. Not its weights in other formats.
 *
 * @module
 */
import { UsageError } from "#errors";
import { parseJsonObject } from "../backbone/json.ts";
import { DENSE_WEIGHTS } from "../encoder/dense.ts";
import { externalDataOf } from "../encoder/external_data.ts";
import { GRAPHS, LIMIT_FILES } from "../encoder/folder.ts";
import type { FileChoice, Listing } from "./pull.ts";

const REQUIRED = ["config.json", "tokenizer.json"];
const OPTIONAL = ["tokenizer_config.json", "config_sentence_transformers.json", ...LIMIT_FILES];
const MODULES = "modules.json";

/** Graphs of a repository. */
export function graphsOf(paths: readonly string[]): string[] {
  return paths.filter((path) => path.endsWith(".onnx"));
}

/** The files of an encoder, the graph first; of that graph, or of the usual one. */
export function chooseEncoderFiles(named?: string): FileChoice {
  return async (listing) => {
    const { name, paths } = listing, graph = named ?? usualGraph(listing);
    const lacking = [graph, ...REQUIRED].filter((path) => !paths.includes(path));
    if (lacking.length > 0) {
      throw new UsageError(
        `"${name}" has no ${lacking.join(", no ")}: it is not a model that can be an encoder`,
        `its graphs: ${graphsOf(paths).join(", ") || "none"}; export it with optimum-cli, or choose another`,
      );
    }
    const folder = graph.slice(0, graph.lastIndexOf("/") + 1);
    const beside = externalDataOf(await listing.read(graph), `${name}/${graph}`).map((file) => folder + file);
    const absent = beside.filter((path) => !paths.includes(path));
    if (absent.length > 0) {
      throw new UsageError(
        `the weights of "${name}/${graph}" are in ${absent.join(", ")}, which the repository does not hold`,
        "its owner has to complete it; choose another graph or revision",
      );
    }
    const wanted = [...REQUIRED, ...OPTIONAL, MODULES, ...await moduleFiles(listing)];
    return [graph, ...beside, ...wanted.filter((path) => paths.includes(path))];
  };
}

function usualGraph({ name, paths }: Listing): string {
  const usual = GRAPHS.filter((path) => paths.includes(path)), all = graphsOf(paths);
  if (usual.length === 1) return usual[0]!;
  if (all.length === 1) return all[0]!;
  const [id, revision] = name.split("@");
  throw new UsageError(
    all.length === 0 ? `"${name}" has no ONNX graph` : `"${name}" has several graphs: ${all.join(", ")}`,
    all.length === 0
      ? "export the model with optimum-cli export onnx, or choose one that has an export"
      : `name one: grace-repro pull onnx:${id}/${all[0]}${revision === undefined ? "" : `@${revision}`}`,
  );
}

/** Configuration and weights of the modules behind the transformer. */
async function moduleFiles({ name, paths, read }: Listing): Promise<string[]> {
  if (!paths.includes(MODULES)) return [];
  const text = new TextDecoder().decode(await read(MODULES));
  // The list has no object around it.
  const { modules } = parseJsonObject(new TextEncoder().encode(`{"modules":${text}}`), `${name}/${MODULES}`);
  return (Array.isArray(modules) ? modules : []).flatMap((one: { path?: unknown } | null) =>
    typeof one?.path === "string" && one.path !== ""
      ? [`${one.path}/config.json`, `${one.path}/${DENSE_WEIGHTS}`]
      : []
  );
}
