/**
 * What the commands share in reading their arguments: typed values, how help looks, and usage errors.
 *
 * The parser is commander with its typings for options. (@optique/core 1.3.6 takes 90-100 ms to load against 35 ms,
 * and suggests no option for a mistyped one; 25 starts each on 2 cores, Deno 2.9.6.)
 *
 * @module
 */
import { UsageError } from "#errors";
import { suggest } from "../lib/manifest/suggest.ts";
import {
  Command,
  type CommanderError,
  type CommandUnknownOpts,
  InvalidArgumentError,
} from "@commander-js/extra-typings";

/** A command with its options, ready to be added to the program. */
export type Syntax = CommandUnknownOpts;

/** A command of its own, before it is added to the program. */
export function newCommand(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name).description(summary).addHelpText("before", formatExamples(examples));
}

/** Help starts with how a thing is used. */
export function formatExamples(examples: readonly string[]): string {
  return `Examples:\n${examples.map((example) => `  ${example}\n`).join("")}`;
}

/** Reads a whole number of at least `least`, and at most `most` where that is given. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most < Number.MAX_SAFE_INTEGER ? `from ${least} to ${most}` : `of at least ${least}`;
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    }
    return value;
  };
}

/** Reads a number from `least` to `most`. */
export function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most)) {
      throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Reads one value out of `allowed`. */
export function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const value = allowed.find((candidate) => candidate === text);
    if (value === undefined) throw new InvalidArgumentError(describeAllowed(text, allowed));
    return value;
  };
}

/** Reads a list such as "base,grace" of distinct names. */
export function listOfNames(): (text: string) => readonly string[] {
  return (text) => {
    const values = text.split(",").map((part) => part.trim());
    if (values.includes("")) throw new InvalidArgumentError("Expected names between the commas.");
    const twice = values.find((value, i) => values.indexOf(value) !== i);
    if (twice !== undefined) throw new InvalidArgumentError(`"${twice}" is there twice.`);
    return values;
  };
}

function describeAllowed(text: string, allowed: readonly string[]): string {
  const near = suggest(text, allowed);
  return `Allowed: ${allowed.join(", ")}.${near === undefined ? "" : `\n(Did you mean ${near}?)`}`;
}

/** Reads a text that is not blank. */
export function nonBlank(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("Expected a text that is not blank.");
  return text;
}

/**
 * What the parser complains about, as an error of ours: its suggestion becomes the cure.
 *
 * @param helpCommand the command that shows what is allowed, such as "grace-repro run --help"
 */
export function usageErrorOf(error: CommanderError, helpCommand: string): UsageError {
  const [complaint, ...rest] = error.message.replace(/^error: /, "").replaceAll(/'([^']*)'/g, '"$1"').split(
    "\n",
  );
  const suggestion = /^\((.*)\)$/.exec(rest.join(" ").trim())?.[1];
  const cure = suggestion === undefined ? `see ${helpCommand}` : suggestion.replace(/^D/, "d");
  return new UsageError(complaint!.replace(/\.$/, ""), cure, { cause: error });
}
