/**
 * An engine for tests of what stands before it: it gives no result until it is told to.
 *
 * @module
 */
import type { EmbeddedText } from "../rollout/embed.ts";
import type { TextEngine } from "./text_queue.ts";

/** A batch that waits. */
export interface FakeBatch {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly done: (index: number) => void;
  /** Gives the results that are missing, and ends. */
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/** See the module. The embedding of a text is its length and its first character. */
export class FakeEngine implements TextEngine<EmbeddedText> {
  /** All that was asked for. */
  readonly batches: FakeBatch[] = [];
  #arrived = Promise.withResolvers<void>();

  /** @param onBatch takes a batch by itself, as soon as it comes */
  constructor(readonly onBatch?: (batch: FakeBatch) => void) {}

  /** See {@linkcode TextEngine}. */
  run(
    texts: readonly string[],
    onDone: (index: number, result: EmbeddedText) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const missing = new Set(texts.keys());
      const done = (index: number) => {
        missing.delete(index);
        onDone(index, fakeResult(texts[index]!));
      };
      const end = () => {
        missing.forEach(done);
        resolve();
      };
      signal.addEventListener("abort", () => reject(signal.reason));
      const batch = { texts, signal, done, end, fail: reject };
      this.batches.push(batch);
      this.onBatch?.(batch);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
  }

  /** The batch of a number, once it is there. */
  async batch(number: number): Promise<FakeBatch> {
    while (this.batches.length <= number) await this.#arrived.promise;
    return this.batches[number]!;
  }
}

/** What the engine makes of a text. */
export function fakeResult(text: string): EmbeddedText {
  return {
    embedding: Float32Array.of(text.length, text.codePointAt(0)! / 3),
    rationales: [`about ${text}`],
    rationaleTokens: 2,
    truncatedRationales: 1,
    promptTokens: text.length,
    truncatedPrompt: text.length > 20,
  };
}
