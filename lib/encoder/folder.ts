/**
 * The files of an exported encoder: a sentence-transformers folder, or what optimum exports of one.
 *
 *     model.onnx, or onnx/model.onnx        the graph; another one of the folder can be named itself
 *     tokenizer.json, tokenizer_config.json
 *     config.json                           vocabulary and positions
 *     modules.json, 1_Pooling/config.json   what is behind the transformer
 *     sentence_bert_config.json             max_seq_length
 *     config_sentence_transformers.json     prompts, similarity
 *
 * @module
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { MissingError, UsageError } from "#errors";
import type { BackboneFile } from "../backbone/open.ts";
import { Fields, isObject, type JsonObject, parseJsonObject } from "../backbone/json.ts";
import { isThere, readBytesIfThere } from "../files.ts";
import { digestFile } from "../manifest/hash.ts";
import { DENSE_WEIGHTS } from "./dense.ts";
import { externalData } from "./external_data.ts";
import { type Modules, parseModules } from "./modules.ts";

/** Where a graph is looked for in a folder. */
export const GRAPHS = ["model.onnx", "onnx/model.onnx"] as const;

/** Where the limit of tokens stands, by the class of the transformer. */
export const LIMIT_FILES: readonly string[] = [
  "bert",
  "roberta",
  "distilbert",
  "camembert",
  "albert",
  "xlm-roberta",
  "xlnet",
]
  .map((name) => `sentence_${name}_config.json`);

/** Prompts of a model: by name, and the one for texts that none is named for ("" for none). */
export interface FolderPrompts {
  readonly named: Readonly<Record<string, string>>;
  readonly standard: string;
}

/** What an encoder's folder says. */
export interface EncoderFolder {
  /** Last part of the folder's path, with the graph's name where it is not the usual one. */
  readonly name: string;
  readonly folder: string;
  /** Path of the graph. */
  readonly graph: string;
  /** Every file that embeddings depend on, the graph first. */
  readonly files: readonly BackboneFile[];
  readonly config: JsonObject;
  readonly tokenizer: JsonObject;
  readonly extraTokens: JsonObject;
  /** Most tokens of a text, special tokens included. */
  readonly maxTokens: number;
  readonly lowercase: boolean;
  readonly prompts: FolderPrompts;
  /** null where the folder has no `modules.json`. */
  readonly modules: Modules | null;
}

/**
 * Reads a folder, or the folder of a graph.
 *
 * @param path the folder, or one of the graphs in it or in its folder `onnx`
 * @throws MissingError naming a file that is not there; UsageError if one says what cannot be done
 */
export function readEncoderFolder(path: string): EncoderFolder {
  const { folder, graph } = locate(path);
  const read: string[] = [];
  const optional = (name: string): Fields | null => {
    const bytes = readBytesIfThere(join(folder, name));
    if (bytes === undefined) return null;
    read.push(name);
    return new Fields(parseJsonObject(bytes, join(folder, name)), join(folder, name));
  };
  const required = (name: string): Fields => {
    const fields = optional(name);
    if (fields) return fields;
    throw new MissingError(
      `there is no ${join(folder, name)}`,
      `download ${name} of the model into its folder`,
    );
  };
  const config = required("config.json");
  const tokenizer = required("tokenizer.json");
  const tokenizerConfig = optional("tokenizer_config.json") ?? new Fields({}, "tokenizer_config.json");
  const limits = LIMIT_FILES.map(optional).find((fields) => fields !== null) ?? null;
  const modules = readModules(folder, (name) => required(name).object, read);
  const sentence = optional("config_sentence_transformers.json");
  requireCosine(sentence, modules);
  requireRightSide(tokenizerConfig);
  const extraTokens = tokenizerConfig.object["added_tokens_decoder"];
  const weights = (modules?.steps ?? []).flatMap((step) => step.kind === "dense" ? [step.path] : []);
  const names = [
    ...graphFiles(folder, graph),
    ...read,
    ...weights.map((module) => `${module}/${DENSE_WEIGHTS}`).filter((name) => isThere(join(folder, name))),
  ];
  const usual = GRAPHS.some((name) => graph === join(folder, name));
  return {
    name: basename(folder) + (usual ? "" : `-${basename(graph, ".onnx")}`),
    folder,
    graph,
    files: names.map((name) => ({ name, ...digestFile(join(folder, name)) })),
    config: config.object,
    tokenizer: tokenizer.object,
    extraTokens: isObject(extraTokens) ? extraTokens : {},
    maxTokens: maxTokensOf(limits, tokenizerConfig, config),
    lowercase: limits?.boolean("do_lower_case", false) ?? false,
    prompts: promptsOf(sentence),
    modules,
  };
}

function locate(path: string): { folder: string; graph: string } {
  const resolved = resolve(path);
  if (resolved.endsWith(".onnx")) {
    if (!isThere(resolved)) {
      throw new MissingError(`there is no ${path}`, "give a folder with an ONNX export, or a graph in it");
    }
    const beside = dirname(resolved);
    return { folder: basename(beside) === "onnx" ? dirname(beside) : beside, graph: resolved };
  }
  const found = GRAPHS.filter((name) => isThere(join(resolved, name)));
  if (found.length === 1) return { folder: resolved, graph: join(resolved, found[0]!) };
  if (found.length > 1) {
    throw new UsageError(`"${path}" has both ${found.join(" and ")}`, "name the graph to run");
  }
  throw new MissingError(
    isThere(resolved) ? `"${path}" has neither ${GRAPHS.join(" nor ")}` : `there is no folder "${path}"`,
    "export the model with optimum-cli export onnx, or download one that has an ONNX export",
  );
}

/** The graph, and the files of its weights where they are outside of it. */
function graphFiles(folder: string, graph: string): string[] {
  const inside = relative(folder, graph).replaceAll("\\", "/");
  const beside = inside.slice(0, inside.lastIndexOf("/") + 1);
  return [inside, ...externalData(graph).map((name) => beside + name)];
}

function readModules(
  folder: string,
  configOf: (name: string) => JsonObject,
  read: string[],
): Modules | null {
  const path = join(folder, "modules.json");
  const bytes = readBytesIfThere(path);
  if (bytes === undefined) return null;
  read.push("modules.json");
  // The list has no object around it.
  const { modules } = parseJsonObject(
    new TextEncoder().encode(`{"modules":${new TextDecoder().decode(bytes)}}`),
    path,
  );
  return parseModules(modules, (module) => configOf(`${module}/config.json`), path);
}

function maxTokensOf(limits: Fields | null, tokenizer: Fields, config: Fields): number {
  const positions = config.number("max_position_embeddings", Infinity);
  const limit = limits?.number("max_seq_length", 0) ||
    Math.min(positions, tokenizer.number("model_max_length", Infinity));
  // A tokenizer without a limit says 1e30.
  if (!(limit < 1e9)) {
    throw new UsageError(
      `${config.origin} and its neighbours do not say how many tokens the model takes`,
      'write {"max_seq_length": ...} to sentence_bert_config.json',
    );
  }
  if (limit > positions || !Number.isInteger(limit)) {
    throw new UsageError(
      `max_seq_length is ${limit}, but the model has ${positions} positions (max_position_embeddings)`,
      "correct sentence_bert_config.json",
    );
  }
  return limit;
}

function promptsOf(sentence: Fields | null): FolderPrompts {
  if (sentence === null) return { named: {}, standard: "" };
  const named: Record<string, string> = {};
  if (sentence.has("prompts")) {
    const prompts = sentence.fields("prompts");
    for (const name of Object.keys(prompts.object)) named[name] = prompts.string(name);
  }
  const name = sentence.string("default_prompt_name", "");
  if (name !== "" && !Object.hasOwn(named, name)) {
    sentence.refuse("default_prompt_name", "name one of its prompts, or null");
  }
  return { named, standard: named[name] ?? "" };
}

/** Scores are cosines: another similarity must be one that comes to the same. */
function requireCosine(sentence: Fields | null, modules: Modules | null): void {
  const similarity = sentence?.string("similarity_fn_name", "cosine") ?? "cosine";
  const unit = modules?.steps.at(-1)?.kind === "normalize";
  if (similarity === "cosine" || (similarity === "dot" && unit)) return;
  sentence!.refuse(
    "similarity_fn_name",
    'tasks are scored by cosine here: evaluate a model that was trained for it, or set it to "cosine"',
  );
}

function requireRightSide(tokenizer: Fields): void {
  if (tokenizer.string("truncation_side", "right") !== "right") {
    tokenizer.refuse("truncation_side", "texts are cut on the right here");
  }
}
