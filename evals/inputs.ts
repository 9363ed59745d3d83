/**
 * What a model is given of the texts of tasks: each text once for every prompt that stands before it.
 *
 * @module
 */
import { StringIndex } from "../lib/data/string_index.ts";
import type { EncoderPrompts } from "./encoder.ts";
import { isGeneral } from "./general/general_task.ts";
import { promptOf } from "./mteb/prompts.ts";
import { usesOf } from "./mteb/score_task.ts";
import type { ResolvedTask } from "./suite.ts";
import { keyOf, type TextOrKey, type Texts } from "./texts.ts";

/** A text with what stands before it. */
export interface PromptedText {
  readonly text: string;
  /** "" for nothing. */
  readonly prompt: string;
}

/** Inputs that an error shows, and characters of each text. */
const SHOWN = 3, SHOWN_CHARACTERS = 60;

/** A list of texts, and those of them that are inputs: 1 where a text stands first that is missing, else 0. */
interface Selection {
  readonly texts: Texts;
  readonly prompt: string;
  readonly wanted: Uint8Array;
}

/** The inputs that the scores of tasks need and that are not there yet. Of each text that is not in memory, it is a byte. */
export class MissingInputs {
  /** Distinct inputs that are needed. */
  readonly needed: number;
  /** How many of them are missing. */
  readonly missing: number;
  readonly #selections: readonly Selection[];

  /** @param has whether the result of an input is there already */
  constructor(
    tasks: readonly Pick<ResolvedTask, "data" | "baseTask" | "category">[],
    prompts: EncoderPrompts | undefined,
    has: (text: TextOrKey, prompt: string) => boolean,
  ) {
    using distinct = new StringIndex();
    let needed = 0, missing = 0;
    this.#selections = listsByPrompt(tasks, prompts).map(({ texts, prompt }) => {
      const wanted = new Uint8Array(texts.size);
      for (let place = 0; place < texts.size; place++) {
        const text = texts.at(place);
        if (distinct.push(keyOf(text, prompt)) >= 0) continue;
        needed++;
        if (!has(text, prompt)) missing += wanted[place] = 1;
      }
      return { texts, prompt, wanted };
    });
    this.needed = needed;
    this.missing = missing;
  }

  /**
   * Reads what is missing, in the order of the tasks, the texts of one prompt together. Lists that lack none are not read.
   *
   * @param onInput the next is not read before the promise is kept that it returns, if it returns one
   */
  async read(onInput: (input: PromptedText) => void | Promise<void>): Promise<void> {
    for (const { texts, prompt, wanted } of this.#selections) {
      if (!wanted.includes(1)) continue;
      await texts.read((text, place) => wanted[place] === 1 ? onInput({ text, prompt }) : undefined);
    }
  }

  /** What an error tells of them: their number and the first, as `2 of 9 texts: "a", "b" behind "query: "`. */
  async told(): Promise<string> {
    const first: string[] = [];
    await this.read(({ text, prompt }) => {
      if (first.length === SHOWN) return;
      const behind = prompt === "" ? "" : ` behind ${JSON.stringify(prompt)}`;
      first.push(JSON.stringify(text.slice(0, SHOWN_CHARACTERS)) + behind);
    });
    return `${this.missing} of ${this.needed} texts: ${first.join(", ")}${
      this.missing > SHOWN ? ", .." : ""
    }`;
  }
}

function listsByPrompt(
  tasks: readonly Pick<ResolvedTask, "data" | "baseTask" | "category">[],
  prompts: EncoderPrompts | undefined,
): { readonly texts: Texts; readonly prompt: string }[] {
  const lists = tasks.flatMap((task) => {
    if (isGeneral(task.data)) return [];
    return usesOf(task.data).map(({ texts, role }) => ({ texts, prompt: promptOf(prompts, task, role) }));
  });
  return [...Map.groupBy(lists, ({ prompt }) => prompt).values()].flat();
}
