/**
 * Which sequence decodes in which slot: those of a kind lie side by side, so that what is done to a kind is done to a range of
 * rows.
 *
 * @module
 */

/** Slots [from, to), all of one kind. */
export interface SlotRun {
  readonly kind: number;
  readonly from: number;
  readonly to: number;
}

/** See the module comment. Sequences are in slots 0 … n − 1, by increasing kind. */
export class SlotGroups<T> {
  readonly #sequences: T[] = [];

  /**
   * @param kindOf of a sequence, always the same
   * @param move copies what belongs to a slot over another one, in the order of the calls
   */
  constructor(
    readonly kindOf: (sequence: T) => number,
    readonly move: (from: number, to: number) => void,
  ) {}

  /** Sequences by slot. */
  get sequences(): readonly T[] {
    return this.#sequences;
  }

  /** The kinds that there are. */
  runs(): SlotRun[] {
    const runs: { kind: number; from: number; to: number }[] = [];
    this.#sequences.forEach((sequence, slot) => {
      const kind = this.kindOf(sequence), last = runs.at(-1);
      if (last?.kind === kind) last.to++;
      else runs.push({ kind, from: slot, to: slot + 1 });
    });
    return runs;
  }

  /**
   * Takes sequences in, behind those of their kind and in the order in which they come. What belongs to their slots is that
   * of others, or undefined.
   */
  add(sequences: readonly T[]): void {
    const below = (kind: number, some: readonly T[]) =>
      some.reduce((count, sequence) => count + (this.kindOf(sequence) < kind ? 1 : 0), 0);
    const ends = new Map<number, number>();
    for (const sequence of sequences) {
      const kind = this.kindOf(sequence);
      ends.set(kind, below(kind, this.#sequences) + below(kind, sequences));
    }
    // From the last kind on, so that each moves into slots that are free.
    for (const { kind, from, to } of this.runs().reverse()) {
      const start = from + below(kind, sequences), free = Math.max(to, start);
      for (let slot = from; slot < Math.min(to, start); slot++) this.#move(slot, free + slot - from);
      if (ends.has(kind)) ends.set(kind, start + to - from);
    }
    for (const sequence of sequences) {
      const kind = this.kindOf(sequence), slot = ends.get(kind)!;
      this.#sequences[slot] = sequence;
      ends.set(kind, slot + 1);
    }
  }

  /** Lets the sequence of a slot go, and the last of its kind take its place. */
  remove(slot: number): void {
    let hole = slot;
    for (const { to } of this.runs()) {
      if (to <= hole) continue;
      if (to - 1 !== hole) this.#move(to - 1, hole);
      hole = to - 1;
    }
    this.#sequences.pop();
  }

  #move(from: number, to: number): void {
    this.move(from, to);
    this.#sequences[to] = this.#sequences[from]!;
  }
}
