/**
 * Which files of a hub data set hold a split: as its card says, or else by their names, as Python's `datasets` finds them.
 *
 * @module
 */
import type { CardConfig } from "./card.ts";

/** What is looked for. */
export interface SplitQuery {
  /** Such as "test"; "corpus", "queries" and "top_ranked" are tables of their own. */
  readonly split: string;
  /** Part of a data set in several languages or subjects. */
  readonly subset?: string | undefined;
  /** Whether the relevance judgements of the split are meant. */
  readonly judgements?: boolean | undefined;
}

/** Files of a split. */
export interface FoundFiles {
  /** Paths in the repository, in order. */
  readonly paths: readonly string[];
  /** False if they hold other subsets too: then a column says which a row is of. */
  readonly ofSubset: boolean;
}

/** Tables of retrieval data sets, which are parts and splits of their own. */
const TABLES = ["corpus", "queries", "top_ranked"];

/** What a data set without a default part is read as where none is named. */
const USUAL_CONFIG: Readonly<Record<string, string>> = { "openai/gsm8k": "main", "cais/mmlu": "all" };

/** Endings of files that are read, the preferred one first. */
const ENDINGS = ["jsonl.gz", "jsonl", "json.gz", "json", "parquet"];

/** Whether a file of a data set holds data that can be read here. */
export function isDataFile(path: string): boolean {
  return [...ENDINGS, "tsv"].some((ending) => path.endsWith(`.${ending}`)) &&
    !/(^|\/)(dataset_infos?|[._].*)\.json$/.test(path);
}

/**
 * The files of a split; undefined if there are none.
 *
 * @param id of the data set, such as "mteb/banking77"
 * @param paths all of its files that there are to choose from
 * @param card what its card lists
 */
export function filesOfSplit(
  id: string,
  paths: readonly string[],
  card: readonly CardConfig[],
  query: SplitQuery,
): FoundFiles | undefined {
  const { subset } = query;
  const data = paths.filter(isDataFile).sort();
  const whole = { ...query, subset: USUAL_CONFIG[id] };
  const own = listed(data, card, query) ?? named(data, query);
  if (own !== undefined) return { paths: own, ofSubset: true };
  const all = listed(data, card, whole) ?? named(data, whole) ?? named(data, { ...query, subset: undefined });
  return all && { paths: all, ofSubset: subset === undefined };
}

/** Files that the card lists. */
function listed(
  data: readonly string[],
  card: readonly CardConfig[],
  query: SplitQuery,
): string[] | undefined {
  const { split, subset, judgements } = query;
  const isTable = TABLES.includes(split);
  const configs = judgements
    ? card.filter(({ name, isDefault }) => name === "qrels" || isDefault)
    : isTable
    ? card.filter(({ name }) => name === split)
    : subset !== undefined
    ? card.filter(({ name }) => name === subset)
    : card.length === 1
    ? card
    : card.filter(({ isDefault }) => isDefault);
  for (const { splits } of configs) {
    const found = splits.find((one) => one.split === split) ?? (isTable ? splits[0] : undefined);
    if (found === undefined) continue;
    const matches = found.patterns.map(globToRegExp);
    const files = data.filter((path) => matches.some((match) => match.test(path)));
    if (files.length > 0) return files;
  }
  return undefined;
}

/** Files whose names say it: all of one folder and one ending, the preferred first. */
function named(data: readonly string[], { split, subset, judgements }: SplitQuery): string[] | undefined {
  const folders = judgements
    ? ["qrels/", "data/", ""]
    : subset !== undefined
    ? [`${subset}/`, `data/${subset}/`]
    : TABLES.includes(split)
    ? ["", `${split}/`, "data/"]
    : ["", "data/", "default/"];
  const word = split.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  for (const folder of folders) {
    for (const ending of judgements ? ["tsv", ...ENDINGS] : ENDINGS) {
      // test.jsonl, test-00000-of-00002.parquet, test/0000.parquet
      const name = new RegExp(`^${word}(-\\d+-of-\\d+(-[0-9a-f]+)?|/\\d+)?\\.${ending.replace(".", "\\.")}$`);
      const found = data.filter((path) => path.startsWith(folder) && name.test(path.slice(folder.length)));
      if (found.length > 0) return found;
    }
  }
  return undefined;
}

/** "data/test-*", "**", "en/?.jsonl", "x-[0-9].parquet" as a regular expression over whole paths. */
export function globToRegExp(glob: string): RegExp {
  const pieces = glob.replace(/^\.?\//, "").match(/\*\*\/?|\*|\?|\[[^\]]+\]|[^*?[]+|\[/g) ?? [];
  const source = pieces.map((piece) => {
    if (piece.startsWith("**")) return piece.endsWith("/") ? "(?:.*/)?" : ".*";
    if (piece === "*") return "[^/]*";
    if (piece === "?") return "[^/]";
    if (/^\[.+\]$/.test(piece)) return `[${piece.slice(1, -1).replace(/^!/, "^").replaceAll("\\", "\\\\")}]`;
    return piece.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${source.join("")}$`);
}

/** Names of files that "<name>-00001-of-00003" promises and that are not there. */
export function missingShards(paths: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    const [, stem, , count, rest] = /^(.*)-(\d+)-of-(\d+)(\.[a-z.]+)$/.exec(path) ?? [];
    if (stem === undefined) continue;
    for (let i = 0; i < Number(count); i++) {
      const shard = `${stem}-${String(i).padStart(count!.length, "0")}-of-${count}${rest}`;
      if (!paths.includes(shard)) missing.add(shard);
    }
  }
  return [...missing];
}
