/**
 * How repositories of the Hugging Face hub are named on the command line and in manifests:
 *
 *     Qwen/Qwen2.5-1.5B-Instruct               a model, as its branch `main` was when it was pulled
 *     Qwen/Qwen2.5-1.5B-Instruct@<commit>      the same, pinned; a branch or a tag may stand there too
 *     Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q8_0.gguf@<commit>     one of several models in a repository
 *     qwen2.5-1.5b                             a backbone of the paper, by its short name
 *     datasets/mteb/banking77@<commit>         a data set, as in the hub's own addresses
 *
 * @module
 */
import { UsageError } from "#errors";

/** A repository, or one revision of it. */
export interface Repo {
  readonly type: "model" | "dataset";
  /** Such as "Qwen/Qwen2.5-1.5B-Instruct". */
  readonly id: string;
  /** Commit, branch or tag; undefined for the branch `main`. */
  readonly revision?: string | undefined;
  /** A GGUF or ONNX file of a model, where the repository has several; undefined for what it has. */
  readonly file?: string | undefined;
}

/** Short names: the backbones of the paper (section 4.2), and the smallest that writes rationales on two cores. */
export const ALIASES: Readonly<Record<string, string>> = {
  "qwen2.5-1.5b": "Qwen/Qwen2.5-1.5B-Instruct",
  "qwen2.5-3b": "Qwen/Qwen2.5-3B-Instruct",
  "llama-3.2-3b": "meta-llama/Llama-3.2-3B-Instruct",
  "qwen3-4b": "Qwen/Qwen3-4B-Instruct-2507",
  "smollm2-135m": "HuggingFaceTB/SmolLM2-135M-Instruct",
};

/** The branch that is meant where no revision is named. */
export const DEFAULT_REVISION = "main";

/** A commit in full, and not a branch or a tag. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The repository that a text names; undefined if it does not look like the name of one. */
export function repoNamed(text: string): Repo | undefined {
  const [, name, , revision] = /^([^@]*)(@(.*))?$/s.exec(text) ?? [];
  if (name === undefined || (revision !== undefined && !isRevision(revision))) return undefined;
  const alias = Object.entries(ALIASES).find(([short]) => short === name.toLowerCase())?.[1];
  const parts = (alias ?? name).split("/");
  const type = parts.length === 3 && parts[0] === "datasets" ? "dataset" : "model";
  const [owner, last, ...path] = type === "dataset" ? parts.slice(1) : parts, id = [owner ?? "", last ?? ""];
  if (!id.every(isName) || /^(datasets|models|spaces)$/.test(id[0]!)) return undefined;
  const file = path.length === 0 ? undefined : path.join("/");
  if (file !== undefined && !(isRevision(file) && /\.(gguf|onnx)$/.test(file))) return undefined;
  return {
    type,
    id: id.join("/"),
    ...file !== undefined && { file },
    ...revision !== undefined && { revision },
  };
}

/**
 * The repository that a text names.
 *
 * @throws UsageError if it names none
 */
export function parseRepo(text: string): Repo {
  const repo = repoNamed(text);
  if (repo !== undefined) return repo;
  throw new UsageError(
    `"${text}" is not the name of a repository on the hub`,
    `write <owner>/<name> for a model, datasets/<owner>/<name> for a data set, with @<revision> behind it to pin it; ` +
      `short names: ${Object.keys(ALIASES).join(", ")}`,
  );
}

/** The text that {@linkcode parseRepo} reads as this repository. */
export function repoText({ type, id, file, revision }: Repo): string {
  return (type === "dataset" ? "datasets/" : "") + id + (file === undefined ? "" : `/${file}`) +
    (revision === undefined ? "" : `@${revision}`);
}

/** The command that downloads a repository, for cures. */
export function pullCommand(repo: Repo): string {
  return `grace-repro pull ${repoText(repo)}`;
}

/** The hub's rule for owners and names; it also keeps them from being a path elsewhere. */
function isName(part: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,95}$/.test(part) && !part.includes("--") && !part.includes("..");
}

/** What may be a git reference, and is no path that leaves its folder. */
function isRevision(text: string): boolean {
  return /^[\w.-]+(\/[\w.-]+)*$/.test(text) && !text.split("/").some((part) => /^\.+$/.test(part));
}
