/**
 * The thread that holds the model of `serve`: the engine computes without a pause, and a server must answer meanwhile. It has no
 * permission for the network.
 *
 * @module
 */
import { NumericError } from "#errors";
import type { EmbeddedText } from "../lib/rollout/embed.ts";
import { type OpenedModel, openServedModel, type ServedModelOptions } from "./served_model.ts";
import { type FromWorker, sentError, type ToWorker } from "./serve_messages.ts";

/** What a worker's global object has, which the types of a window do not show. */
const thread = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

let model: OpenedModel | undefined;
let running: AbortController | undefined;

thread.onmessage = ({ data }) => {
  if (data.kind === "cancel") return running?.abort();
  const work = data.kind === "open" ? open(data.options) : embed(data.texts);
  work.catch((error) => thread.postMessage({ kind: "failed", error: sentError(error) }));
};

async function open(options: ServedModelOptions): Promise<void> {
  model = await openServedModel(options, (text) => thread.postMessage({ kind: "note", text }));
  const { name, rationales, encoder: { dimension, digest } } = model;
  thread.postMessage({ kind: "opened", model: { name, dimension, digest, rationales } });
}

async function embed(texts: readonly string[]): Promise<void> {
  const controller = running = new AbortController();
  try {
    await model!.encoder.encode(texts, {
      signal: controller.signal,
      onEncoded: (index, encoded) => {
        const { embedding, promptTokens } = encoded;
        if (promptTokens === undefined) throw new Error("an embedding without the tokens of its prompt");
        if (!embedding.every(Number.isFinite)) {
          throw new NumericError(
            "the embedding of a text is not finite",
            "the model fails on it; check the weights and the device with the doctor command",
          );
        }
        const result: EmbeddedText = { ...encoded, promptTokens };
        thread.postMessage({ kind: "done", index, result });
      },
    });
    thread.postMessage({ kind: "ended" });
  } finally {
    running = undefined;
  }
}
