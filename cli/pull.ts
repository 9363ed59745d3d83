/**
 * `grace-repro pull`: the one command that downloads. The launcher grants it, and no other, the network.
 *
 * @module
 */
import { CheckFailedError, ExitCode, GraceError, MissingError, UsageError } from "#errors";
import type { SplitChoice } from "../evals/data_needs.ts";
import type { Pulled } from "../lib/hub/pull.ts";
import type { Repo } from "../lib/hub/repo.ts";
import type { CommandIo } from "./io.ts";
import { newCommand, type Syntax } from "./syntax.ts";
import { formatBytes, layOut } from "./table.ts";

/** What was asked for. */
export interface PullOptions {
  /** Models and data sets as {@linkcode Repo} describes them, `onnx:` before a model whose ONNX export is meant. */
  readonly ids: readonly string[];
  /** Of the one that is named. */
  readonly revision?: string | undefined;
  /** Suite whose data sets are pulled. */
  readonly suite?: string | undefined;
}

const examples = [
  "grace-repro pull qwen2.5-1.5b",
  "grace-repro pull meta-llama/Llama-3.2-3B-Instruct --revision main",
  "grace-repro pull Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q8_0.gguf",
  "grace-repro pull onnx:sentence-transformers/all-MiniLM-L6-v2",
  "grace-repro pull --suite mini",
  "grace-repro pull datasets/mteb/banking77@0fd18e25b25c072e09e0d92ab615fda904d66300",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function pullSyntax(onParsed: (options: PullOptions) => void): Syntax {
  return newCommand("pull", "download models and data sets from the Hugging Face hub", examples)
    .argument(
      "[id...]",
      "<owner>/<name>[/<file>][@<revision>] of a model, onnx:<owner>/<name> for its ONNX export, datasets/<owner>/<name>[@...], or a short name",
    )
    .option("--revision <rev>", "commit, branch or tag of the one that is named (default: main)")
    .option("--suite <id>", "the data sets of a suite, at the revisions that its tasks pin")
    .addHelpText(
      "after",
      "\nThe only command that uses the network. Files go to the cache of the hub's own\n" +
        "libraries (HF_HUB_CACHE, or HF_HOME/hub), where run and eval find them by id.\n" +
        "What is there is checked, not fetched; what broke off is continued; what has\n" +
        "the wrong hash is not kept. HF_TOKEN opens gated repositories, HF_ENDPOINT\n" +
        "names another hub.",
    )
    .action((ids, options) => onParsed({ ...options, ids }));
}

/** Something to pull. */
interface Wanted {
  readonly repo: Repo;
  /** Splits of a data set; undefined for all of it, and for a model. */
  readonly choices?: readonly SplitChoice[];
  /** Whether the ONNX export of a model is meant. */
  readonly encoder?: boolean;
}

/** Downloads everything that was asked for, and prints what it is. */
export async function pullCommand(options: PullOptions, io: CommandIo): Promise<ExitCode> {
  const { cacheFolder } = await import("../lib/hub/cache.ts");
  const { HubConnection, hubSettings } = await import("../lib/hub/connection.ts");
  const { pull } = await import("../lib/hub/pull.ts");
  const { chooseModelFiles } = await import("../lib/hub/model_files.ts");
  const { chooseDataFiles } = await import("../lib/data/choose_data_files.ts");
  const { repoText } = await import("../lib/hub/repo.ts");
  const wanted = await wantedBy(options), cache = cacheFolder(), { signal } = io;
  const onNote = (text: string) => io.progress.note(text);
  const connection = new HubConnection({ ...hubSettings(), signal, onNote });
  const pulled: Pulled[] = [], failed: GraceError[] = [];
  for (const { repo, choices, encoder = false } of wanted) {
    try {
      const choose = repo.type === "model"
        ? chooseModelFiles(repo, encoder)
        : chooseDataFiles(repo.id, choices);
      pulled.push(
        await pull(connection, repo, {
          cache,
          choose,
          signal,
          onNote,
          onProgress: (done, total, path) =>
            io.progress.update({
              task: `pull ${repoText(repo)}`,
              done: Math.floor(done / 1e6),
              total: Math.ceil(total / 1e6),
              unit: "MB",
              detail: path,
            }),
        }),
      );
    } catch (error) {
      // One data set of a suite that cannot be had is no reason to go without the others.
      if (!(error instanceof GraceError) || wanted.length === 1) throw error;
      failed.push(error);
      io.progress.note(`${repoText(repo)}: ${error.message}`);
    }
  }
  io.progress.end();
  if (io.json) io.print(JSON.stringify({ schema: "grace-repro/pull/1", cache, repos: pulled }));
  else for (const one of pulled) io.print(render(one));
  const [first] = failed;
  if (first === undefined) return ExitCode.success;
  const message = `${failed.length} of ${wanted.length} could not be pulled: ${
    failed.map((one) => one.message).join("; ")
  }`;
  throw first instanceof CheckFailedError
    ? new CheckFailedError(message, first.cure)
    : new MissingError(message, first.cure);
}

async function wantedBy({ ids, revision, suite }: PullOptions): Promise<Wanted[]> {
  const { parseRepo } = await import("../lib/hub/repo.ts");
  const named = ids.map(wantedId);
  if (revision !== undefined) {
    const [only] = named;
    if (named.length !== 1 || suite !== undefined || only!.repo.revision !== undefined) {
      throw new UsageError(
        `--revision "${revision}" belongs to one repository, which is named without a revision of its own`,
        "write <owner>/<name>@<revision> for each",
      );
    }
    return [wantedId(`${ids[0]}@${revision}`)];
  }
  if (named.length === 0 && suite === undefined) {
    throw new UsageError("nothing to pull", "name a model, a data set, or a suite with --suite");
  }
  if (suite === undefined) return named;
  const { findSuite } = await import("../evals/find_suite.ts");
  const { dataNeeds } = await import("../evals/data_needs.ts");
  const needs = dataNeeds(findSuite(suite));
  if (needs.length === 0) {
    throw new UsageError(
      `the data of the suite "${suite}" come with the program`,
      "there is nothing to pull",
    );
  }
  return [...named, ...needs];

  function wantedId(id: string): Wanted {
    const model = id.replace(/^onnx:/, ""), encoder = model !== id, repo = parseRepo(model);
    if (encoder && repo.type === "model" || !encoder) return { repo, encoder };
    throw new UsageError(`"${id}" is a data set and no encoder`, "leave out onnx:");
  }
}

/** What a model that was pulled is called by the other commands. */
function usage({ id, file, revision }: Repo, paths: readonly string[]): string {
  const pin = revision === undefined ? "" : `@${revision}`;
  const name = id + (file === undefined ? "" : `/${file}`) + pin;
  return paths.some((path) => path.endsWith(".onnx")) ? `--encoder onnx:${name}` : `--backbone ${name}`;
}

/** The files of a repository with their digests, as `sha256sum` would print them. */
function render({ repo, commit, folder, files, received }: Pulled): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = files.map((file) => [file.sha256, formatBytes(file.bytes), file.path]);
  const came = received === 0 ? "all of it was there" : `${formatBytes(received)} downloaded`;
  return [
    `${repo.type === "dataset" ? "datasets/" : ""}${repo.id}@${commit}: ${files.length} files, ${
      formatBytes(bytes)
    }, ${came}`,
    ...layOut(rows, new Set([1])).map((line) => `  ${line}`),
    `  in ${folder}`,
    ...repo.type === "model" ? [`  use it as ${usage(repo, files.map(({ path }) => path))}`] : [],
  ].join("\n");
}
