/**
 * Opens a backbone: an instruct model in a Hugging Face folder or a GGUF file.
 *
 * @module
 */
import { basename, resolve } from "node:path";
import { MissingError, UsageError } from "#errors";
import { EMBEDDED_BACKBONE_FOLDER } from "../data/embedded.ts";
import { infoIfThere, isFile } from "../files.ts";
import { cachedCommits, findSnapshot } from "../hub/cache.ts";
import { pullCommand, type Repo, repoNamed, repoText } from "../hub/repo.ts";
import { digestFile } from "../manifest/hash.ts";
import { EMBEDDED_BACKBONE } from "../manifest/names.ts";
import type { ChatTemplate } from "./chat_template.ts";
import type { DecoderConfig } from "./config.ts";
import type { GenerationIds } from "./generation_config.ts";
import { openGguf } from "./gguf.ts";
import { readGgufConversation } from "./gguf_conversation.ts";
import { decoderConfigFromHf } from "./hf_config.ts";
import { type Conversation, HF_FILES, readHfConversation, readHfJson } from "./hf_folder.ts";
import { openSafetensors, safetensorsFiles } from "./safetensors.ts";
import { checkTensors, type TensorSource } from "./tensor_source.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One file of a backbone. */
export interface BackboneFile {
  /** Name inside the folder (or of the GGUF file). */
  readonly name: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** An instruct model, checked and ready to be loaded onto a device. */
export interface Backbone extends GenerationIds {
  /** Last part of the path or of the id, without `.gguf`; "tiny" for the built-in one. */
  readonly name: string;
  /** The path that was opened, without trailing slashes. */
  readonly path: string;
  /** Hugging Face folder or GGUF file. */
  readonly format: "hf" | "gguf";
  /** Shape of the decoder. */
  readonly config: DecoderConfig;
  /** All weights of the decoder, present and in shape. */
  readonly tensors: TensorSource;
  /** Text to token ids and back. */
  readonly tokenizer: Tokenizer;
  /** Messages to prompt text. */
  readonly chatTemplate: ChatTemplate;
  /** Files from which transformers loads the same tokenizer: name to content. */
  readonly tokenizerFiles: ReadonlyMap<string, Uint8Array>;
  /** Every file that was read, with its digest. */
  readonly files: readonly BackboneFile[];
  /** Tensors of the checkpoint that the decoder does not use. */
  readonly unusedTensors: readonly string[];
  /** Closes the weights. */
  close(): void;
}

const ACCEPTED = "give a .gguf file, a folder with config.json, tokenizer.json and *.safetensors, " +
  "or the id of a model that was pulled, such as Qwen/Qwen2.5-1.5B-Instruct";

/**
 * Opens and checks a backbone. No weight is read yet, but every file is (for its digest).
 *
 * @param path a `.gguf` file or a Hugging Face folder; where there is neither, the id or short name of a model on the hub, which is
 *   looked for in the hub's cache on this machine; or "tiny" for the built-in backbone
 * @param embedded folder of the built-in backbone
 * @throws {MissingError} when the path, or a file of the folder, is not there
 * @throws {UsageError} when something in it is damaged, contradictory or not supported
 */
export async function openBackbone(
  path: string,
  embedded: string = EMBEDDED_BACKBONE_FOLDER,
): Promise<Backbone> {
  if (path === EMBEDDED_BACKBONE) return await openEmbedded(embedded);
  const trimmed = path.replace(/(?<=.)\/+$/, "");
  const info = infoIfThere(trimmed);
  if (info === undefined) {
    const repo = repoNamed(trimmed);
    // "models/x.gguf" is a path that is not there; "owner/name/x.gguf" may be a file of a repository.
    const isRepo = repo?.file === undefined ? !trimmed.endsWith(".gguf") : repo.file.endsWith(".gguf");
    if (repo?.type === "model" && isRepo) return await openPulled(path, repo);
    throw new MissingError(`the backbone "${path}" does not exist`, ACCEPTED);
  }
  if (info.isDirectory) return await openHf(trimmed);
  if (trimmed.endsWith(".gguf")) return await openGgufFile(trimmed);
  throw new UsageError(`the backbone "${path}" is neither a folder nor a .gguf file`, ACCEPTED);
}

async function openEmbedded(folder: string): Promise<Backbone> {
  if (isFile(`${folder}/${HF_FILES.config}`)) return { ...await openHf(folder), name: EMBEDDED_BACKBONE };
  throw new MissingError(
    `the built-in backbone "${EMBEDDED_BACKBONE}" is not in "${folder}"`,
    "restore fixtures/tiny/backbone: it is part of the program; or name another model with --backbone",
  );
}

/** Opens a model of the hub's cache. */
async function openPulled(path: string, repo: Repo): Promise<Backbone> {
  const snapshot = findSnapshot(repo);
  if (snapshot === undefined) {
    const [other] = cachedCommits(repo);
    throw new MissingError(
      `the backbone "${path}" is neither a path nor in the hub's cache on this machine`,
      `download it, once: ${pullCommand(repo)}` +
        (other === undefined
          ? ""
          : `; or name the revision that is there: ${repoText({ ...repo, revision: other })}`),
    );
  }
  try {
    const file = repo.file ?? onlyGguf(repo, snapshot.folder);
    return file === undefined
      ? { ...await openHf(snapshot.folder), name: basename(repo.id) }
      : await openPulledFile(`${snapshot.folder}/${file}`);
  } catch (error) {
    if (!(error instanceof MissingError)) throw error;
    throw new MissingError(
      `${repoText(repo)} is in the hub's cache, but not whole: ${error.message}`,
      `complete it: ${pullCommand(repo)}`,
      {
        cause: error,
      },
    );
  }
}

/** A file whose name in the cache is a link to its content. */
async function openPulledFile(path: string): Promise<Backbone> {
  if (!isFile(path)) throw new MissingError(`there is no ${basename(path)}`, "pull it");
  return await openGgufFile(path);
}

/** The GGUF file of a snapshot that has nothing else to be a backbone. */
function onlyGguf(repo: Repo, folder: string): string | undefined {
  if (isFile(`${folder}/${HF_FILES.config}`)) return undefined;
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    name.endsWith(".gguf")
  );
  if (files.length <= 1) return files[0];
  throw new UsageError(
    `${files.length} GGUF files of ${repoText(repo)} were pulled`,
    `name one: ${repoText({ ...repo, file: files.sort()[0]! })}`,
  );
}

async function openHf(folder: string): Promise<Backbone> {
  const json = readHfJson(folder, HF_FILES.config);
  const config = decoderConfigFromHf(json, `${folder}/${HF_FILES.config}`);
  const { index, shards } = safetensorsFiles(folder);
  const tensors = openSafetensors(shards.map((shard) => `${folder}/${shard}`));
  const names = [...Object.values(HF_FILES), ...(index ? [index] : [])].filter((name) =>
    isFile(`${folder}/${name}`)
  );
  const read = () => readHfConversation(folder, json);
  return await assemble({ path: folder, format: "hf", config, tensors }, read, folder, [...names, ...shards]);
}

async function openGgufFile(path: string): Promise<Backbone> {
  const { header, config, tensors } = openGguf(path);
  const read = () => readGgufConversation(header);
  const folder = path.slice(0, path.length - basename(path).length) || ".";
  return await assemble({ path, format: "gguf", config, tensors }, read, folder, [basename(path)]);
}

async function assemble(
  opened: Pick<Backbone, "path" | "format" | "config" | "tensors">,
  readConversation: () => Promise<Conversation>,
  folder: string,
  fileNames: readonly string[],
): Promise<Backbone> {
  const { path, config, tensors } = opened;
  try {
    const unusedTensors = checkTensors(tensors, config, path);
    const { generation, ...conversation } = await readConversation();
    conversation.tokenizer.checkFits(config.vocabSize);
    return {
      name: basename(resolve(path)).replace(/\.gguf$/, ""),
      ...opened,
      ...conversation,
      ...generation,
      files: fileNames.map((name) => ({ name, ...digestFile(`${folder}/${name}`) })),
      unusedTensors,
      close: () => tensors.close(),
    };
  } catch (error) {
    tensors.close();
    throw error;
  }
}
