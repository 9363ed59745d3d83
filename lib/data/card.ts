/**
 * What a data set's card (`README.md` on the hub) says about its files: the YAML between its first two lines of dashes, of which
 * `configs` lists the parts of the data set and the files of each split.
 *
 * @module
 */
import { UsageError } from "#errors";

/** A part of a data set, such as a language; one without parts has one, called "default". */
export interface CardConfig {
  readonly name: string;
  readonly isDefault: boolean;
  readonly splits: readonly { readonly split: string; readonly patterns: readonly string[] }[];
}

/**
 * The parts that a card lists, in its order; none if it lists none.
 *
 * @param label what the card is called in errors
 * @throws UsageError if the YAML is damaged
 */
export async function parseCard(text: string, label: string): Promise<CardConfig[]> {
  const [, front] = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(\r?\n|$)/.exec(text) ?? [];
  if (front === undefined) return [];
  const { parse } = await import("yaml");
  let card: unknown;
  try {
    card = parse(front);
  } catch (cause) {
    throw new UsageError(
      `"${label}" does not begin with valid YAML`,
      "pull the data set again, or another revision",
      {
        cause,
      },
    );
  }
  return listOf(field(card, "configs")).flatMap((config) => {
    const name = field(config, "config_name"), splits = listOf(field(config, "data_files")).flatMap(splitOf);
    return typeof name === "string"
      ? [{ name, isDefault: field(config, "default") === true || name === "default", splits }]
      : [];
  });
}

/** `{split, path}` with one pattern or several; a bare pattern says nothing about splits, whose files are then found by name. */
function splitOf(entry: unknown): CardConfig["splits"] {
  const split = field(entry, "split"),
    patterns = listOf(field(entry, "path")).filter((one) => typeof one === "string");
  return typeof split === "string" && patterns.length > 0 ? [{ split, patterns }] : [];
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listOf(value: unknown): unknown[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}
