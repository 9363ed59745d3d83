/**
 * `grace-repro diff`: what differs between two runs, manifests or presets.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { ArmScores } from "../evals/diff_scores.ts";
import type { Difference } from "../lib/manifest/diff.ts";
import type { LockDifference } from "../lib/manifest/diff_locks.ts";
import type { ArmJournals } from "../lib/verify/journal_diff.ts";
import type { DiffSide } from "./diff_sides.ts";
import type { CommandIo } from "./io.ts";
import { newCommand, type Syntax } from "./syntax.ts";
import { oneLine } from "./table.ts";

/** What was asked for. */
export interface DiffOptions {
  readonly left: string;
  readonly right: string;
}

/** What differs; null for what one side does not have. */
export interface DiffResult {
  readonly settings: readonly Difference[];
  /** Inputs, prompt, order of examples, program and engine. */
  readonly lock: readonly LockDifference[] | null;
  /** Of the arms that both runs trained. */
  readonly journals: readonly ArmJournals[] | null;
  /** Of the arms that both runs evaluated. */
  readonly scores: readonly ArmScores[] | null;
}

const examples = [
  "grace-repro diff runs/a runs/b",
  "grace-repro diff paper code",
  "grace-repro diff grace.json runs/a --json",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function diffSyntax(onParsed: (options: DiffOptions) => void): Syntax {
  return newCommand("diff", "in what two runs, manifests or presets differ", examples)
    .argument("<a>", "folder of a run, grace.json, or name of a preset")
    .argument("<b>", "what it is compared with")
    .addHelpText("after", "\nWhether they differ or not, the exit code is 0.")
    .action((left, right) => onParsed({ left, right }));
}

/** Prints what differs. */
export async function diffCommand(options: DiffOptions, io: CommandIo): Promise<ExitCode> {
  const { readSide } = await import("./diff_sides.ts");
  const [left, right] = [readSide(options.left), readSide(options.right)];
  const result = await diffSides(left, right);
  if (io.json) {
    const name = ({ name, kind }: DiffSide) => ({ name, kind });
    io.print(
      JSON.stringify({
        schema: "grace-diff/1",
        left: name(left),
        right: name(right),
        equal: isEqual(result),
        ...result,
      }),
    );
  } else io.print((await render(left, right, result)).join("\n"));
  return ExitCode.success;
}

async function diffSides(left: DiffSide, right: DiffSide): Promise<DiffResult> {
  const { diffManifests } = await import("../lib/manifest/diff.ts");
  const { diffLocks } = await import("../lib/manifest/diff_locks.ts");
  const settings = diffManifests(left.resolved, right.resolved);
  const lock = left.lock && right.lock ? diffLocks(left.lock, right.lock) : null;
  const [a, b] = [left.files, right.files];
  if (a === null || b === null) return { settings, lock, journals: null, scores: null };
  const { diffJournals } = await import("../lib/verify/journal_diff.ts");
  const { diffScores } = await import("../evals/diff_scores.ts");
  const common = (folder: string) => {
    const there = new Set(b.names(folder));
    return a.names(folder).filter((name) => there.has(name));
  };
  return {
    settings,
    lock,
    journals: common("arms").map((arm) => diffJournals(a, b, arm)),
    scores: common("scores").map((arm) => diffScores(a, b, arm)),
  };
}

function isEqual({ settings, lock, journals, scores }: DiffResult): boolean {
  return settings.length === 0 && (lock ?? []).length === 0 &&
    (journals ?? []).every(({ first }) => first === null) &&
    (scores ?? []).every(({ differences }) => differences.length === 0);
}

async function render(left: DiffSide, right: DiffSide, result: DiffResult): Promise<string[]> {
  const { describeDifference } = await import("../lib/manifest/diff.ts");
  const { describeLockDifference } = await import("../lib/manifest/diff_locks.ts");
  const { settings, lock, journals, scores } = result;
  const without = [left, right].filter((side) => side.lock === null).map(({ name }) => `"${name}"`);
  const has = without.length === 1 ? "has" : "have";
  const lines = [`"${left.name}" (${left.kind}) -> "${right.name}" (${right.kind})`];
  const section = (title: string, list: readonly string[], none: string) =>
    lines.push("", list.length === 0 ? none : title, ...list.map((line) => `- ${oneLine(line)}`));
  section("Settings:", settings.map(describeDifference), "Settings: equal.");
  section(
    "Inputs, prompt, program and engine:",
    (lock ?? []).map(describeLockDifference),
    lock === null
      ? `Inputs, prompt, program and engine: not compared, as ${without.join(" and ")} ${has} no lock.`
      : "Inputs, prompt, program and engine: equal.",
  );
  if (journals === null || scores === null) return lines;
  section("Journals:", journals.map(describeJournals), "Journals: no arm was trained in both.");
  section("Scores:", scores.flatMap(describeScores), "Scores: no arm was evaluated in both.");
  if (scores.some(({ differences }) => differences.length > 0)) {
    lines.push("", `With intervals: grace-repro compare ${quoted(left.name)} ${quoted(right.name)}`);
  }
  if (isEqual(result)) lines.push("", "The two are equal in all of it.");
  return lines;
}

function quoted(path: string): string {
  return /^[\w./:@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function describeJournals({ arm, steps: [left, right], first }: ArmJournals): string {
  if (first === null) return `${arm}: all ${left} steps are the same, but for what a clock says`;
  const { journal, step, record, field, left: a, right: b } = first;
  const same = step === null || step <= 1 ? "no step is the same" : `the same up to step ${step - 1}`;
  const where = journal === "steps" ? `step ${step}` : `rationale ${record} of step ${step}`;
  const what = field === null
    ? `${where} is only in the ${a === null ? "second" : "first"}`
    : `${where} differs first in ${field}: ${shown(a)} -> ${shown(b)}`;
  return `${arm}: ${same}; ${what} (${left} and ${right} steps)`;
}

function describeScores({ arm, common, differences }: ArmScores): string[] {
  if (differences.length === 0) return [`${arm}: all ${common} scores are the same, item by item`];
  const side = (value: number | null) => value === null ? "not there" : (100 * value).toFixed(2);
  return differences.map(({ task, metric, left, right, comparable }) => {
    const values = left === right ? `${side(left)} in both` : `${side(left)} -> ${side(right)}`;
    const remark = left === null || right === null
      ? ""
      : !comparable
      ? ", of other rows or by another scorer"
      : left === right
      ? ", with other items"
      : "";
    return `${arm}: ${task}, ${metric}: ${values}${remark}`;
  });
}

/** Longest value that a line shows. */
const SHOWN = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
