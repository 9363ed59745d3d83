/**
 * What `serve` and the worker that holds its model tell each other.
 *
 * @module
 */
import { CheckFailedError, DeviceError, GraceError, MissingError, NumericError, UsageError } from "#errors";
import type { EmbeddedText } from "../lib/rollout/embed.ts";
import type { ServedModelOptions } from "./served_model.ts";

/** To the worker. One model is opened, then one batch at a time is embedded. */
export type ToWorker =
  | { readonly kind: "open"; readonly options: ServedModelOptions }
  | { readonly kind: "embed"; readonly texts: readonly string[] }
  /** Ends the batch that is being embedded, which fails. */
  | { readonly kind: "cancel" };

/** The model that a worker holds. */
export interface WorkerModel {
  readonly name: string;
  readonly dimension: number;
  /** Identity of everything that the embeddings depend on: an evaluation with the same one has the same embeddings. */
  readonly digest: string;
  readonly rationales: boolean;
}

/** From the worker. A batch ends with `ended` or `failed`, and so does opening with `opened` or `failed`. */
export type FromWorker =
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "opened"; readonly model: WorkerModel }
  | { readonly kind: "done"; readonly index: number; readonly result: EmbeddedText }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly error: SentError };

/** An error on its way between threads, where classes are lost. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of one that a user can act on. */
  readonly cure?: string;
}

const CLASSES = [UsageError, MissingError, DeviceError, NumericError, CheckFailedError] as const;

/** Prepares an error to be sent. */
export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack, ...(error instanceof GraceError && { cure: error.cure }) };
}

/** The error that was sent. */
export function receivedError({ name, message, stack, cure }: SentError): Error {
  const kind = CLASSES.find((one) => one.name === name);
  const error = kind !== undefined && cure !== undefined
    ? new kind(message, cure)
    : Object.assign(new Error(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
