/**
 * A check of a run's folder: what it looked at, how it ended, and every problem that it found. A check that was not done says so,
 * and never looks like one that passed.
 *
 * @module
 */
import { GraceError, MissingError } from "#errors";
import { isAbsent } from "../files.ts";

/** How a check ended. */
export type CheckStatus =
  /** Everything that it looked at is as it must be. */
  | "ok"
  /** Something is not. */
  | "failed"
  /** Something is otherwise here than where the run was made, and the folder is none the worse for it. */
  | "differs"
  /** An input that it needs is not here. */
  | "not possible"
  /** The run has not come that far. */
  | "not reached";

/** What a check is about. */
export type CheckPart =
  | "files"
  | "identity"
  | "inputs"
  | "journal"
  | "checkpoints"
  | "scores"
  | "report"
  | "replay";

/** One thing that is not as it must be. */
export interface Problem {
  /** Path inside the run's folder, with `/`. */
  readonly file?: string;
  /** Record, step, line or item. */
  readonly at?: string;
  /** Path of the value in it: `reward.total.mean`. */
  readonly field?: string;
  /** What the folder says. */
  readonly stored?: unknown;
  /** What it should say. */
  readonly found?: unknown;
  /** What is wrong, where it is not one value. */
  readonly what?: string;
}

/** A check that was done, or could not be. */
export interface Check {
  readonly part: CheckPart;
  readonly name: string;
  readonly status: CheckStatus;
  /** Number of things that it looked at, and what they are. */
  readonly checked: number;
  readonly unit: string;
  /** Why it did not end with "ok" or "failed", and what would help. */
  readonly why: string | null;
  /** The first problems. */
  readonly problems: readonly Problem[];
  /** How many there are in all. */
  readonly problemCount: number;
  /** What a reader should know besides. */
  readonly notes: readonly string[];
}

/** Problems of a check that are kept: a file whose every line is wrong has too many to read. */
const KEPT_PROBLEMS = 20;

/** Ends a check. */
class Stop extends Error {
  constructor(readonly status: Exclude<CheckStatus, "ok" | "failed">, readonly why: string) {
    super(why);
  }
}

/** A check that is under way. */
export class Checking {
  /** See {@linkcode Check.checked}. */
  checked = 0;
  /** See {@linkcode Check.problemCount}. */
  problemCount = 0;
  /** See {@linkcode Check.problems}. */
  readonly problems: Problem[] = [];
  /** See {@linkcode Check.notes}. */
  readonly notes: string[] = [];

  /** Counts things that were looked at. */
  count(things = 1): void {
    this.checked += things;
  }

  /** Tells a problem. */
  problem(problem: Problem): void {
    this.problemCount++;
    if (this.problems.length < KEPT_PROBLEMS) this.problems.push(problem);
  }

  /** Compares what is stored with what it should be: JSON values, to the last bit. */
  same(where: Pick<Problem, "file" | "at" | "field">, stored: unknown, found: unknown): void {
    if (JSON.stringify(stored) !== JSON.stringify(found)) this.problem({ ...where, stored, found });
  }

  /** Tells something that is no problem. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /** Ends the check: an input is not here. */
  notPossible(why: string): never {
    throw new Stop("not possible", why);
  }

  /** Ends the check: the run has not come that far. */
  notReached(why: string): never {
    throw new Stop("not reached", why);
  }

  /** Ends the check: something is otherwise here. */
  differs(why: string): never {
    throw new Stop("differs", why);
  }
}

/**
 * Does a check. What it throws becomes a part of its result: a folder may hold anything.
 *
 * @param unit what is counted: "records"
 * @throws the reason of an abort
 */
export async function runCheck(
  part: CheckPart,
  name: string,
  unit: string,
  body: (checking: Checking) => void | Promise<void>,
): Promise<Check> {
  const checking = new Checking();
  let stop: Stop | undefined;
  try {
    await body(checking);
    if (checking.checked === 0) stop = new Stop("not possible", "nothing was found to check");
  } catch (error) {
    stop = stopOf(error, checking);
  }
  const { checked, problems, problemCount, notes } = checking;
  const status = problemCount > 0 ? "failed" : stop?.status ?? "ok";
  return { part, name, status, checked, unit, why: stop?.why ?? null, problems, problemCount, notes };
}

/** What a thrown error means for a check; most are a problem of the folder. */
function stopOf(error: unknown, checking: Checking): Stop | undefined {
  if (error instanceof Stop) return error;
  if (error instanceof DOMException && error.name === "AbortError") throw error;
  if (error instanceof MissingError) return new Stop("not possible", `${error.message}; ${error.cure}`);
  if (error instanceof GraceError) checking.problem({ what: error.message });
  else if (isAbsent(error) || error instanceof Deno.errors.PermissionDenied) {
    return new Stop("not possible", (error as Error).message);
  } else {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    checking.problem({ what: `cannot be processed: ${name}: ${message}` });
  }
  return undefined;
}

/** A sentence for a problem: where it is, what is stored and what was found. */
export function describeProblem({ file, at, field, stored, found, what }: Problem): string {
  const where = [file, at, field].filter((part) => part !== undefined).join(", ");
  const said = what ?? `stored ${shown(stored)}, found ${shown(found)}`;
  return where === "" ? said : `${where}: ${said}`;
}

/** Longest value that a sentence shows. */
const SHOWN = 100;

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
