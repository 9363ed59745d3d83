/**
 * Rationales made elsewhere, which a backbone embeds with their texts: JSON Lines of
 *
 *     {"text": "..", "rationale": ".."}                     or "rationales": [..], whose embeddings are averaged
 *     {"sha256": "..", "rationale": ".."}                   the SHA-256 of the text's UTF-8 in the place of the text
 *
 * or the `rationales.jsonl` of another evaluation.
 *
 * @module
 */
import { MissingError, UsageError } from "#errors";
import { placeOf, stringColumn, stringListColumn } from "../lib/data/columns.ts";
import type { JsonlRow } from "../lib/data/jsonl.ts";
import { readRows } from "../lib/data/rows.ts";
import { MissingInputs } from "./inputs.ts";
import type { ResolvedTask } from "./suite.ts";
import { keyOf, keyOfDigest, type TextOrKey } from "./texts.ts";

/** What is given for a text, and where it stands. */
interface Given {
  readonly rationales: readonly string[];
  /** Such as `rationales: "mine.jsonl" line 3`. */
  readonly place: string;
}

/** Rationales by their texts. */
export class GivenRationales {
  private constructor(
    readonly path: string,
    /** SHA-256 of the file. */
    readonly sha256: string,
    private readonly byText: ReadonlyMap<string, Given>,
  ) {}

  /**
   * Reads a file.
   *
   * @throws MissingError if it is not there
   * @throws UsageError naming the line if one is damaged, has no rationale, or has others for a text that was there before
   */
  static async read(path: string): Promise<GivenRationales> {
    const found = new Map<string, Given>(), source = { task: "rationales", file: path };
    let ofEvaluation = false;
    const file = await readRows(path, (row) => {
      if (row.line === 1 && typeof row.value["schema"] === "string") {
        ofEvaluation = true;
        return;
      }
      const list = "rationales" in row.value
        ? stringListColumn(row, "rationales", source)
        : [stringColumn(row, "rationale", source)];
      const key = keyOfRow(row, ofEvaluation, source), before = found.get(key), place = placeOf(row, source);
      const fault = list.length === 0
        ? "has no rationale"
        : before !== undefined && JSON.stringify(before.rationales) !== JSON.stringify(list)
        ? "has other rationales than a line before for the same text"
        : undefined;
      if (fault !== undefined) {
        throw new UsageError(`${place} ${fault}`, "give every text its rationales once");
      }
      if (before === undefined) found.set(key, { rationales: list, place });
    });
    if (found.size === 0) throw new UsageError(`"${path}" holds no rationales`, "give one for every text");
    return new GivenRationales(path, file.sha256, found);
  }

  /** Number of texts. */
  get size(): number {
    return this.byText.size;
  }

  /** The rationales of a text. Throws MissingError if there are none. */
  of(text: TextOrKey): readonly string[] {
    return this.#given(text).rationales;
  }

  /** File and line of the rationales of a text, for error messages. Throws MissingError if there are none. */
  placeOf(text: TextOrKey): string {
    return this.#given(text).place;
  }

  #given(text: TextOrKey): Given {
    const found = this.byText.get(keyOf(text));
    if (found !== undefined) return found;
    throw new MissingError(`"${this.path}" has no rationale of a text`, "give one for every text");
  }

  /**
   * Fails unless there are rationales of all texts that some tasks need.
   *
   * @throws MissingError with the number of those that lack one and the first of them
   */
  async requireAll(tasks: readonly ResolvedTask[]): Promise<void> {
    const inputs = new MissingInputs(tasks, undefined, (text) => this.byText.has(keyOf(text)));
    if (inputs.missing === 0) return;
    throw new MissingError(
      `"${this.path}" lacks the rationales of ${await inputs.told()}`,
      "write them too, or choose tasks whose texts have one with --tasks",
    );
  }
}

function keyOfRow(row: JsonlRow, ofEvaluation: boolean, source: { task: string; file: string }): string {
  if (!ofEvaluation && !("sha256" in row.value)) return keyOf(stringColumn(row, "text", source));
  const column = ofEvaluation ? "text" : "sha256", digest = stringColumn(row, column, source);
  if (/^[0-9a-f]{64}$/.test(digest)) return keyOfDigest(digest);
  throw new UsageError(`${placeOf(row, source)}: "${digest}" is no SHA-256`, "give 64 hexadecimal digits");
}
