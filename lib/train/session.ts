/**
 * What the training of one arm needs, gathered in one place.
 *
 * @module
 */
import type { Backbone } from "../backbone/open.ts";
import type { Decoder } from "../backbone/decoder.ts";
import type { Triplet } from "../data/training.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { Prompter } from "../rollout/prompt.ts";
import type { Optimizer } from "./optimizer.ts";

/** A training example: a triplet, or a text alone (unsupervised). */
export type Example = Triplet | { readonly text: string };

/** Everything that a training step reads and changes. */
export interface TrainingSession {
  readonly manifest: Manifest;
  readonly backbone: Backbone;
  readonly decoder: Decoder;
  readonly prompter: Prompter;
  readonly examples: readonly Example[];
  readonly optimizer: Optimizer;
  /** Decoder of the untrained backbone; needed where the loss has a KL term. */
  readonly untrained?: () => Decoder;
  /** Told of tokens that were generated or trained on, while the step is under way. */
  readonly onTokens?: (count: number) => void;
}

/** What a step leaves in the journals. Both are deterministic; wall-clock values are added by the loop. */
export interface StepResult {
  readonly record: Record<string, unknown>;
  /** Samples of what was written, with their rewards. */
  readonly rationales: readonly Record<string, unknown>[];
  /** Tokens generated, and rows that went through a training pass: for the speed. */
  readonly generated: number;
  readonly trained: number;
  /** One line for a person who watches. */
  readonly summary: string;
}

/** One training step of an arm; steps count from 1. */
export type Step = (step: number) => Promise<StepResult>;
