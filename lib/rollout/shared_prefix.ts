/**
 * Packs prompts so that the tokens some of them begin with (the system prompt, the few-shot examples of a task) are run
 * once. Exact for a causal decoder: a row sees the same keys as if its prompt stood alone, and its bits are the same.
 *
 * @module
 */
import { type PackedBatch, packSequences } from "../backbone/decoder.ts";

/** Where a prompt is in a stream. */
export interface PackedPrompt {
  /** Tokens that it begins with and shares with its neighbours; 0 if there are none. */
  readonly shared: number;
  /** First row of these. */
  readonly sharedStart: number;
  /** First row of its other tokens, from token `shared` on. */
  readonly start: number;
  /** Row minus token of these: where token 0 would be, were it not shared. */
  readonly origin: number;
}

/** Prompts in a stream: common beginnings first, then what is each prompt's own. */
export interface PackedPrompts {
  readonly batch: PackedBatch;
  /** One for each prompt, in the order in which they were added. */
  readonly prompts: readonly PackedPrompt[];
}

/** Shorter beginnings than this are not worth a segment of their own. */
const worthSharing = 8;

/** Prompts one after the other that share their first tokens. */
interface Family {
  readonly members: ArrayLike<number>[];
  /** Tokens that all may share, were there more than one. */
  shared: number;
  /** Tokens of all members. */
  tokens: number;
}

/** Rows that are not run because of a beginning that so many prompts share. */
function saved(members: number, shared: number): number {
  return shared < worthSharing ? 0 : (members - 1) * shared;
}

/** Prompts to be packed, added one by one; those that share a beginning should be neighbours. */
export class PromptPacking {
  readonly #families: Family[] = [];
  #rows = 0;

  /** Rows of the stream. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether nothing was added. */
  get empty(): boolean {
    return this.#families.length === 0;
  }

  /** What the last prompts would share if this one were among them; undefined if it is better not. */
  #joined(ids: ArrayLike<number>, limit: number): number | undefined {
    const family = this.#families.at(-1);
    if (!family) return undefined;
    const { members, shared } = family, first = members[0]!;
    const most = Math.min(shared, limit, ids.length - 1);
    let same = 0;
    while (same < most && ids[same] === first[same]) same++;
    const joined = saved(members.length + 1, same);
    return joined > 0 && joined >= saved(members.length, shared) ? same : undefined;
  }

  /**
   * Rows there would be with one more prompt, without what it begins with and shares: that has to be run anyway, so
   * that its relatives cost only what is their own.
   */
  rowsWith(ids: ArrayLike<number>, limit = Infinity): number {
    const shared = this.#joined(ids, limit);
    if (shared === undefined) return this.#rows + ids.length;
    const { members, tokens, shared: before } = this.#families.at(-1)!;
    const others = this.#rows - (tokens - saved(members.length, before));
    return others + tokens + ids.length - (members.length + 1) * shared;
  }

  /**
   * Adds a prompt.
   *
   * @param ids tokens, at least one
   * @param limit most tokens that it may share: the rows from there on are wanted for it on its own
   */
  add(ids: ArrayLike<number>, limit = Infinity): void {
    const shared = this.#joined(ids, limit);
    if (shared === undefined) {
      this.#families.push({ members: [ids], shared: Math.min(limit, ids.length - 1), tokens: ids.length });
      this.#rows += ids.length;
      return;
    }
    const family = this.#families.at(-1)!, { members } = family;
    this.#rows += ids.length + saved(members.length, family.shared) - saved(members.length + 1, shared);
    members.push(ids);
    family.shared = shared;
    family.tokens += ids.length;
  }

  /** The stream. */
  pack(): PackedPrompts {
    const sequences: { ids: number[]; parent?: number }[] = [];
    const places = this.#families.flatMap(({ members, shared: most }) => {
      const shared = saved(members.length, most) > 0 ? most : 0, parent = sequences.length;
      if (shared > 0) sequences.push({ ids: slice(members[0]!, 0, shared) });
      return members.map((ids) => {
        sequences.push({ ids: slice(ids, shared, ids.length), ...(shared > 0 && { parent }) });
        return { shared, parent, at: sequences.length - 1 };
      });
    });
    const batch = packSequences(sequences), startOf = (at: number) => batch.segments[at]!.start;
    const prompts = places.map(({ shared, parent, at }) => ({
      shared,
      sharedStart: startOf(parent),
      start: startOf(at),
      origin: startOf(at) - shared,
    }));
    return { batch, prompts };
  }
}

function slice(ids: ArrayLike<number>, from: number, to: number): number[] {
  return Array.prototype.slice.call(ids, from, to);
}

/** Packs prompts, each of which may share so many tokens at most. */
export function packPrompts(prompts: readonly ArrayLike<number>[], limit = Infinity): PackedPrompts {
  const packing = new PromptPacking();
  for (const ids of prompts) packing.add(ids, limit);
  return packing.pack();
}
