/**
 * Whether what the general benchmarks ask fits into a backbone's positions.
 *
 * @module
 */
import { UsageError } from "#errors";
import type { GenerationRequest } from "../evals/encoder.ts";
import { entryName } from "../evals/find_suite.ts";
import { generalRequests, isGeneral } from "../evals/general/general_task.ts";
import type { GeneralData } from "../evals/general/load.ts";
import type { ModelRequest } from "../evals/generation_store.ts";
import type { ResolvedTask, Suite } from "../evals/suite.ts";
import type { Backbone } from "../lib/backbone/open.ts";
import { promptIds } from "../lib/rollout/continue_text.ts";

/**
 * Questions of a task that are put into tokens, those of the longest texts: BBH has 20 million characters in all, which would
 * take half a minute.
 */
const LONGEST = 32;

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

const isWritten = (request: ModelRequest): request is GenerationRequest => "prompt" in request;

/** Text of a question with what it is compared with, and how many tokens have to fit behind it. */
function need(request: ModelRequest): { text: string; room: number } {
  return isWritten(request)
    ? { text: request.prompt, room: request.maxNewTokens }
    : { text: request.context + request.continuation, room: 0 };
}

/** Most positions that a question takes, of the longest of those that may take more than `most`; 0 if there is none. */
function longestOf(data: GeneralData, backbone: Backbone, most: number): number {
  const long = generalRequests(data).map(need)
    .filter(({ text, room }) => bytesOf(text) + room >= most) // A token has a byte at least, and one may stand before all.
    .sort((a, b) => b.text.length - a.text.length)
    .slice(0, LONGEST);
  return Math.max(0, ...long.map(({ text, room }) => promptIds(backbone, text).length + room));
}

/**
 * Fails if a task asks for more than the backbone has positions. To be asked before anything is trained or evaluated, because
 * otherwise the first question that is too long would show it.
 *
 * @param tasks the resolved tasks of `suite`
 * @throws {UsageError} naming these tasks, what they need, and the others
 */
export function requireAnswerRoom(suite: Suite, tasks: readonly ResolvedTask[], backbone: Backbone): void {
  const { maxPositions } = backbone.config;
  const needs = tasks.map(({ data }) => isGeneral(data) ? longestOf(data, backbone, maxPositions) : 0);
  const tooLong = tasks.flatMap(({ name }, i) =>
    needs[i]! > maxPositions ? [`${name} ${needs[i]} tokens`] : []
  );
  if (tooLong.length === 0) return;
  const others = new Set(suite.entries.filter((_, i) => needs[i]! <= maxPositions).map(entryName));
  const whole = suite.id.replace(/[:@].*/, ""), profile = suite.id.replace(/^[^@]*/, "");
  throw new UsageError(
    `the backbone has ${maxPositions} positions, and questions with their answers take more: ${
      tooLong.join(", ")
    }`,
    others.size === 0
      ? "choose another suite, or another backbone"
      : `choose the others with --suite ${whole}:${[...others].join(",")}${profile}, or another backbone`,
  );
}
