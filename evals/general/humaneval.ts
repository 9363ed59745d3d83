/**
 * HumanEval: Python functions to be written from their signature and description, judged by running their tests.
 *
 * Reference: lm-evaluation-harness `humaneval` 1.0 and `humaneval_instruct` 4.0 without a chat template; pass as in
 * OpenAI's human-eval: the program ends without an exception within 3 seconds. It runs in a {@linkcode PythonSandbox} and
 * nowhere else.
 *
 * @module
 */
import { pythonStrip } from "../../lib/data/python_strip.ts";
import type { Generation, GenerationRequest } from "../encoder.ts";
import type { Score } from "../score.ts";
import { mean, standardError } from "../statistics.ts";
import { cutAtStop } from "./exact_match.ts";
import { passAtK } from "./pass_at_k.ts";
import type { Ending } from "./sandbox/messages.ts";
import type { SandboxLimits } from "./sandbox/python_sandbox.ts";

/** Changes whenever the same generations and endings would give other numbers. */
export const HUMANEVAL_SCORER = "humaneval/1";

/** The prompt as it is, or asked for in words. */
export type HumanEvalVariant = "base" | "instruct";

/** How several programs are drawn for each problem. */
export interface HumanEvalSampling {
  readonly samples: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** Of how many draws one has to pass: the k of pass@k. */
  readonly k: readonly number[];
}

/** Choices of the protocol; one greedy program for each problem unless they are sampled. */
export interface HumanEvalOptions {
  readonly variant: HumanEvalVariant;
  readonly sampling?: HumanEvalSampling;
}

/** As lm-evaluation-harness's `humaneval_64` draws, with a seed. */
export const HUMANEVAL_64: HumanEvalSampling = {
  samples: 64,
  temperature: 0.2,
  topP: 0.95,
  seed: 1234,
  k: [2, 8, 16, 32, 64],
};

/** As Chen et al. 2021 (arXiv 2107.03374, section 3.2) draw for pass@100. */
export const HUMANEVAL_200: HumanEvalSampling = {
  samples: 200,
  temperature: 0.8,
  topP: 0.95,
  seed: 1234,
  k: [10, 100],
};

/** A problem. */
export interface HumanEvalRow {
  /** Such as "HumanEval/0". */
  readonly taskId: string;
  /** Imports, signature and description. */
  readonly prompt: string;
  /** Defines `check(candidate)`. */
  readonly test: string;
  /** Name of the function. */
  readonly entryPoint: string;
}

/** A problem ready to be asked. */
export interface HumanEvalItem {
  readonly id: string;
  /** What the model continues. */
  readonly prompt: string;
  /** What the program begins with. */
  readonly code: string;
  readonly test: string;
  readonly entryPoint: string;
}

/** Limits of a program. 3 seconds are OpenAI's; the memory holds CPython (30 MB) and what the tests make. */
export const HUMANEVAL_LIMITS: SandboxLimits = { seconds: 3, memoryBytes: 512 * 2 ** 20 };

/** Problems of the official data set. */
export const HUMANEVAL_OFFICIAL_ROWS = 164;

/** Where a generation ends. */
export const HUMANEVAL_STOPS: readonly string[] = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"];

const NEW_TOKENS = 1024;

/** Name under which a score of all problems may be shown: lm-eval's, with the temperature where that is another. */
export function humanEvalProtocol({ variant, sampling }: HumanEvalOptions): string {
  const drawn = sampling === undefined ? "" : `_${sampling.samples}`;
  const temperature = sampling === undefined || sampling.temperature === HUMANEVAL_64.temperature
    ? ""
    : `-t${sampling.temperature}`;
  return `humaneval${drawn}${variant === "base" ? "" : "_instruct"}${temperature}`;
}

/** Name under which a score may be shown. */
export function humanEvalName(rows: number, options: HumanEvalOptions): string {
  const name = humanEvalProtocol(options);
  return rows === HUMANEVAL_OFFICIAL_ROWS ? name : `${name}-${rows}-of-${HUMANEVAL_OFFICIAL_ROWS}`;
}

/** The prompts of the problems. */
export function humanEvalItems(
  rows: readonly HumanEvalRow[],
  { variant }: HumanEvalOptions,
): HumanEvalItem[] {
  return rows.map(({ taskId, prompt, test, entryPoint }) => ({
    id: taskId,
    prompt: variant === "base" ? prompt : instructPrompt(prompt),
    code: prompt,
    test,
    entryPoint,
  }));
}

function instructPrompt(prompt: string): string {
  return "Write a solution to the following problem and make sure that it passes the tests:\n" +
    `\`\`\`python\n${prompt}\n\`\`\`\nHere is the completed function:\n\`\`\`python\n${prompt}\n`;
}

/** What is asked of the model: the samples of the first item, those of the second, and so on. */
export function humanEvalRequests(
  items: readonly HumanEvalItem[],
  { sampling }: HumanEvalOptions,
): GenerationRequest[] {
  return items.flatMap(({ prompt }) => {
    const request = { prompt, stops: HUMANEVAL_STOPS, maxNewTokens: NEW_TOKENS };
    if (sampling === undefined) return [request];
    const { samples, temperature, topP, seed } = sampling;
    return Array.from({ length: samples }, (_, sample) => ({
      ...request,
      sampling: { temperature, topP, seed, sample },
    }));
  });
}

/** The program that a generation makes: the function with its body, the tests, and a call of them. */
export function humanEvalProgram(
  item: HumanEvalItem,
  text: string,
  { variant }: HumanEvalOptions,
): string {
  const written = cutAtStop(text, HUMANEVAL_STOPS);
  const completion = variant === "instruct" ? cutAtStop(written, ["```"]) : written;
  return `${item.code}${completion}\n${item.test}\ncheck(${item.entryPoint})`;
}

/** How one sample of an item ended. */
export interface HumanEvalSample {
  readonly generation: Generation;
  readonly ending: Ending;
}

/**
 * Scores samples; main metric `pass@1`, and pass@k for each k of the protocol: the mean over the problems of the unbiased estimate
 * from all samples of each.
 *
 * @param samples of each item, in the order of the items; as many as the protocol draws
 */
export function scoreHumanEval(
  items: readonly HumanEvalItem[],
  samples: readonly (readonly HumanEvalSample[])[],
  { sampling }: HumanEvalOptions,
): Score {
  const n = sampling?.samples ?? 1, ks = [...new Set([1, ...sampling?.k ?? []])];
  const scored = items.map(({ id }, i) => {
    const own = samples[i]!;
    if (own.length !== n) throw new RangeError(`${id} has ${own.length} samples, not ${n}`);
    const passed = own.filter(({ ending }) => ending.kind === "returned").length;
    const stopped = own.map(({ generation }) => generation.stopped);
    return {
      id,
      value: passAtK(n, passed, 1),
      samples: n,
      passed,
      passAt: ks.map((k) => passAtK(n, passed, k)),
      endings: own.map(({ ending }) =>
        ending.kind === "returned" ? "passed" : `${ending.kind}: ${ending.detail}`
      ),
      tokens: own.reduce((sum, { generation }) => sum + generation.tokens, 0),
      stopped: n === 1 ? stopped[0]! : stopped,
    };
  });
  const metrics = ks.flatMap((k, which) => {
    const values = scored.map(({ passAt }) => passAt[which]!);
    const error = standardError(values);
    return [[`pass@${k}`, mean(values)], ...(error === undefined ? [] : [[`pass@${k}_stderr`, error]])];
  });
  const endings = samples.flat().map(({ ending }) => ending.kind);
  const count = (kind: Ending["kind"]) => endings.filter((ending) => ending === kind).length;
  const [timeouts, refused] = [count("timeout"), count("refused")];
  const empty = samples.flat().filter(({ generation }) => pythonStrip(generation.text) === "").length;
  return {
    main: "pass@1",
    aggregate: "mean",
    metrics: Object.fromEntries(metrics),
    items: scored,
    counts: {
      items: items.length,
      trials: endings.length,
      correct: count("returned"),
      raised: count("raised"),
      died: count("died"),
      timeout: timeouts,
      refused,
      empty,
      stopped_by_length: samples.flat().filter(({ generation }) => generation.stopped === "length").length,
    },
    warnings: [
      ...(empty > 0
        ? [`${empty} of ${endings.length} functions were left without a body: nothing was written`]
        : []),
      ...(timeouts > 0
        ? [`${timeouts} of ${endings.length} programs ran out of time, which depends on the machine's speed`]
        : []),
      ...(refused > 0
        ? [`${refused} of ${endings.length} programs wanted what the sandbox does not give`]
        : []),
    ],
  };
}
