/**
 * Which files of a data set to download: its card, and the splits that are needed or else all data that can be read here.
 *
 * @module
 */
import { MissingError } from "#errors";
import type { FileChoice } from "../hub/pull.ts";
import { parseCard } from "./card.ts";
import { filesOfSplit, isDataFile, type SplitQuery } from "./hub_layout.ts";

const CARD = "README.md";

/**
 * Chooses files of a data set.
 *
 * @param id such as "mteb/banking77"
 * @param choices for each use of the data set, lists of splits of which the first is taken that it has; undefined for all data
 */
export function chooseDataFiles(
  id: string,
  choices: readonly (readonly (readonly SplitQuery[])[])[] | undefined,
): FileChoice {
  return async ({ name, paths, read }) => {
    const about = paths.includes(CARD) ? [CARD] : [];
    if (choices === undefined) {
      const data = paths.filter(isDataFile);
      if (data.length > 0) return [...about, ...data];
      throw new MissingError(
        `"${name}" holds no JSON Lines, Parquet or TSV file`,
        `it holds ${
          excerptOf(paths)
        }; what a script makes cannot be read: look for a revision with data files`,
      );
    }
    const card = about.length > 0
      ? await parseCard(new TextDecoder().decode(await read(CARD)), `${name}/${CARD}`)
      : [];
    const files = new Set(about);
    for (const choice of choices) {
      const found = choice.map((queries) => queries.map((query) => filesOfSplit(id, paths, card, query)));
      const whole = found.find((splits) => splits.every((split) => split !== undefined));
      if (whole === undefined) {
        const lacking = choice.at(-1)!.filter((_, i) => found.at(-1)![i] === undefined).map(describe);
        throw new MissingError(
          `"${name}" has no file of ${lacking.join(", nor of ")}`,
          `it holds ${excerptOf(paths)}; store the split below a folder and name that with --data-root`,
        );
      }
      for (const split of whole) for (const path of split!.paths) files.add(path);
    }
    return [...files];
  };
}

function describe({ split, subset, judgements }: SplitQuery): string {
  return `${judgements ? "the judgements of " : ""}the split "${split}"${
    subset === undefined ? "" : ` of "${subset}"`
  }`;
}

function excerptOf(paths: readonly string[]): string {
  const more = paths.length - 12;
  return `${paths.slice(0, 12).join(", ") || "no files"}${more > 0 ? ` and ${more} more` : ""}`;
}
