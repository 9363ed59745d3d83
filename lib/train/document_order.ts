/**
 * Which documents a step of pretraining sees. Documents come as an endless stream, each epoch in a random order of its
 * own, and a step takes from it what fits into its tokens: every document is seen once an epoch, none is left out.
 *
 * @module
 */
import { UsageError } from "#errors";
import { permutation } from "../rollout/permutation.ts";

/** Documents by step. */
export class DocumentOrder {
  #order: Uint32Array = new Uint32Array(0);
  #epoch = -1;
  /** Place in the epoch's order of the document that comes next. */
  #next = 0;
  /** The step that was given last. */
  #step = 0;

  /**
   * @param lengths tokens of each document
   * @param tokensPerStep most tokens of a step
   * @throws {UsageError} if there is no document, or one that is longer than a step
   */
  constructor(readonly lengths: ArrayLike<number>, readonly tokensPerStep: number, readonly seed: number) {
    if (lengths.length === 0) throw new UsageError("there are no documents to train on", "give at least one");
    for (let i = 0; i < lengths.length; i++) {
      if (lengths[i]! > tokensPerStep) {
        throw new UsageError(
          `document ${i} has ${lengths[i]} tokens, one step takes ${tokensPerStep}`,
          "cut the document, or raise tokensPerStep",
        );
      }
    }
  }

  /** Indices of the documents of a step, counted from 1. Going on by one is quick; any other step counts from the first. */
  at(step: number): number[] {
    if (step <= this.#step) {
      this.#step = 0;
      this.#epoch = -1;
      this.#order = new Uint32Array(0);
      this.#next = 0;
    }
    let documents: number[] = [];
    for (; this.#step < step; this.#step++) documents = this.#fill();
    return documents;
  }

  /** Takes documents from the stream up to the first that does not fit any more. */
  #fill(): number[] {
    const taken: number[] = [];
    for (let tokens = 0;; this.#next++) {
      if (this.#next === this.#order.length) {
        this.#order = permutation(this.lengths.length, this.seed, ++this.#epoch);
        this.#next = 0;
      }
      const document = this.#order[this.#next]!;
      tokens += this.lengths[document]!;
      if (tokens > this.tokensPerStep) return taken;
      taken.push(document);
    }
  }
}
