/**
 * What P1, B1 and so on mean: where the paper and its released code say different things (P), and where the code does not
 * do what it seems to intend (B). Code means GasolSun36/GRACE at commit f636fdc of February 2026, an extension of verl 0.4.
 *
 * `departures.ts` says which settings follow from them.
 *
 * @module
 */

/** Paper and released code disagree, or the paper with itself. */
export interface Discrepancy {
  readonly id: `P${number}`;
  /** What it is about. */
  readonly topic: string;
  readonly paper: string;
  readonly code: string;
  /** What this program does about it. */
  readonly here: string;
}

/** The released code has a defect. */
export interface Defect {
  readonly id: `B${number}`;
  readonly defect: string;
  /** What this program does about it. */
  readonly here: string;
}

/** Paper against released code. */
export const DISCREPANCIES: readonly Discrepancy[] = [
  {
    id: "P1",
    topic: "scale of the reward",
    paper: "divides by τ = 10 (Eq. 17, A.2.5)",
    code: "divides by 0.1: 100 times as much, beside a length penalty of fixed size",
    here: "switch",
  },
  {
    id: "P2",
    topic: "temperature of query and negative rationales",
    paper: "names one temperature, 1.0",
    code: "0.5, hard-coded",
    here: "switch",
  },
  {
    id: "P3",
    topic: "evaluation against training",
    paper: "the same configuration",
    code: "decoded text instead of token ids, no end-of-sequence token, bf16 sums, no normalisation",
    here: "switches for end token and norm; ids and f32 sums always",
  },
  {
    id: "P4",
    topic: "negatives without labels",
    paper: "as in Eq. 15: a maximum, the same for all rationales of a text",
    code: "a mean over other anchors, which depends on the rationale",
    here: "switch",
  },
  {
    id: "P5",
    topic: "policy loss",
    paper: "Σ A log π, on-policy (Eq. 19)",
    code: "clipped probability ratio, four updates per batch",
    here: "switch",
  },
  {
    id: "P6",
    topic: "definition of GRPO",
    paper: "Eq. 7-8 divide by the group's deviation and each sequence's length; Eq. 18 does not",
    code: "no deviation, mean over tokens",
    here: "switch",
  },
  {
    id: "P7",
    topic: "baseline of the advantage",
    paper: "Algorithm 1, lines 25-26: from the reward before scale and penalty; Eq. 18: after",
    code: "after scale and penalty",
    here: "Eq. 18",
  },
  {
    id: "P8",
    topic: "λ1 = λ2 = 0.2",
    paper: "used for training, but not on the grid of its ablation, whose best cell is 0.5 / 0.5",
    code: "0.2 / 0.2",
    here: "settings",
  },
  {
    id: "P9",
    topic: "without consistency and negatives",
    paper: '"worst" at (0, 0) = 49.5, but (1, 0) = 49.3',
    code: "-",
    here: "no setting follows",
  },
  {
    id: "P10",
    topic: "length of training",
    paper: "2 epochs of 1.5 M examples (46,000 steps); curves end at step 1,000",
    code: "2 epochs",
    here: "`train.steps`, 1,000 in the presets of the paper's size",
  },
  {
    id: "P11",
    topic: "KL term",
    paper: "none",
    code: "loads a reference model for a term of weight 0",
    here: "loaded only where `loss.klCoef` is above 0",
  },
  {
    id: "P12",
    topic: "training data",
    paper: '"public portion of E5", 1.5 M',
    code: "an unspecified concatenation",
    here: "file, SHA-256 and order are pinned in the lock",
  },
  {
    id: "P13",
    topic: "texts that are too long",
    paper: "cut on the right",
    code: "cuts the templated prompt: the assistant's header is lost",
    here: "the text is cut, the template stays whole, and it is counted",
  },
  {
    id: "P14",
    topic: "mined negatives",
    paper: "a set, whose similarities are summed",
    code: "exactly one",
    here: "switch; the data format has one",
  },
  {
    id: "P15",
    topic: "pooling ablation",
    paper: "last, max, end-of-sequence and penultimate-layer pooling",
    code: "the mean only; the end-of-sequence branch is broken",
    here: "the mean",
  },
  {
    id: "P16",
    topic: "tasks",
    paper: "56 tasks, and a subset of 16",
    code: "its script has 55 and 9, some in all languages or of another split",
    here: "no average over a benchmark unless it is complete",
  },
  {
    id: "P17",
    topic: "checkpoints and data",
    paper: '"publicly available"',
    code: "none; the authors report the checkpoint deleted (issue 3 of the repository)",
    here: "nothing to compare weights with",
  },
];

/** Defects of the released code. */
export const DEFECTS: readonly Defect[] = [
  {
    id: "B1",
    defect:
      "with labels, negatives and λ2 are the same for all rationales of a group and cancel in the advantage",
    here: "switch; `fixed` takes them per rationale",
  },
  {
    id: "B2",
    defect: "an exception in the reward gives rewards of 0, and training goes on",
    here: "it ends the run",
  },
  {
    id: "B3",
    defect:
      "examples with the same positive become one group; the second is scored with the first one's negative",
    here: "switch",
  },
  {
    id: "B4",
    defect: "the ReMax baseline is always 0",
    here: "`remax` has the reward of a greedy rationale; what the code computes is `no-baseline`",
  },
  {
    id: "B5",
    defect: "the reward of validation is always 0",
    here: "no validation inside training; arms are evaluated by scores",
  },
  {
    id: "B6",
    defect:
      "the length penalty replaces the reward by -1: in a group with lower rewards, being cut off is best",
    here: "switch; `fixed` subtracts",
  },
  {
    id: "B7",
    defect: "only the tokenizer's end token counts as an end, though generation stops on others too",
    here: "switch",
  },
  {
    id: "B8",
    defect: "a failed generation becomes an empty rationale in evaluation",
    here: "it ends the evaluation; rationales that are empty are counted",
  },
  {
    id: "B9",
    defect: "evaluation cuts long prompts to 1,024 tokens and decodes them without special tokens",
    here: "the text is cut, the template stays",
  },
  {
    id: "B10",
    defect: "evaluation tokenises decoded text again, without the end token, in bf16, not normalised",
    here: "ids as generated, f32; switches for end token and norm",
  },
  { id: "B11", defect: "end-of-sequence pooling takes a wrong position", here: "the mean only" },
  {
    id: "B12",
    defect: "Llama prompts get two begin tokens in evaluation; the template prints today's date",
    here: "one tokenisation without extra tokens; `prompt.dateString`",
  },
  {
    id: "B13",
    defect: "above 3,072 tokens, what is cut depends on the batch",
    here: "each text has its own limit; batches are packed, not padded",
  },
  {
    id: "B14",
    defect: "results and runs are found again by name: stale scores, another run's checkpoint, failed merges",
    here: "folders are named by the hash of everything that went in; records carry the model's digest",
  },
  {
    id: "B15",
    defect: "a token mean per micro-batch makes the gradient depend on packing and number of GPUs",
    here: "switch; `fixed` divides by the mini-batch's tokens",
  },
  {
    id: "B16",
    defect: "nothing shows what each term of the reward contributes",
    here: "the journal has mean and within-group variance of each",
  },
  {
    id: "B17",
    defect: "hidden states of all tokens are sent to one process and pooled there",
    here: "pooled while decoding",
  },
  { id: "B18", defect: "groups are found by comparing padded prompts, all with all", here: "by id" },
  {
    id: "B19",
    defect: "evaluation, rollouts and workers are not seeded; results depend on the batch",
    here: "a random number is a function of seed and place; bits do not depend on the batch",
  },
  {
    id: "B20",
    defect: "torch, transformers and flash-attn are not pinned",
    here: "every dependency is, with hashes (`deno.lock`)",
  },
];
