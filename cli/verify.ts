/**
 * `grace-repro verify`: checks everything in a run's folder that can be checked without trusting it.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { Check, CheckStatus } from "../lib/verify/check.ts";
import type { CommandIo } from "./io.ts";
import { backboneHereOption, dataRootOption } from "./options.ts";
import { dataRootOf } from "./settings.ts";
import { newCommand, type Syntax, wholeNumber } from "./syntax.ts";
import { layOut, oneLine } from "./table.ts";
import type { Verification } from "./verify_run.ts";

/** What was asked for. */
export interface VerifyOptions {
  readonly folder: string;
  readonly replay?: number | undefined;
  readonly dataRoot?: string | undefined;
  /** Where the backbone is here. */
  readonly backbone?: string | undefined;
}

const examples = [
  "grace-repro verify runs/tiny-bd93ae73e2e5",
  "grace-repro verify runs/tiny-bd93ae73e2e5 --replay 2",
  "grace-repro verify runs/<run> --backbone ./my-model --data-root data --json",
];

const STATUSES = `Each check ends with ok, failed, differs (this machine or program is another one, the
folder none the worse), not possible (an input is not here) or not reached (the run
has not come that far). Exit code: 1 if one failed, else 3 if one was not possible,
else 0. Nothing is written to the folder.`;

/** Syntax of the command; `onParsed` gets what was asked for. */
export function verifySyntax(onParsed: (options: VerifyOptions) => void): Syntax {
  return newCommand("verify", "check a run's folder: digests, journals, scores, report, bits", examples)
    .argument("<run>", "folder of a run")
    .option("--replay <n>", "also execute the first n training steps of each arm again", wholeNumber(1))
    .addOption(dataRootOption())
    .addOption(backboneHereOption())
    .addHelpText("after", `\n${STATUSES}`)
    .action((folder, options) => onParsed({ ...options, folder }));
}

/** Does the checks and prints them. */
export async function verifyCommand(options: VerifyOptions, io: CommandIo): Promise<ExitCode> {
  const { verifyRun } = await import("./verify_run.ts");
  const { folder, replay, backbone } = options;
  const verification = await verifyRun(
    { folder, replay, backbone, dataRoot: dataRootOf(options.dataRoot) },
    io,
  );
  io.progress.end();
  if (io.json) {
    const { exitCode: _, ...machine } = verification;
    io.print(JSON.stringify({ schema: "grace-verify/1", ...machine }));
  } else {
    const { describeProblem } = await import("../lib/verify/check.ts");
    io.print(render(verification, describeProblem));
  }
  return verification.exitCode;
}

/** Problems of a check that people are shown; `--json` has more. */
const SHOWN = 5;

function render(
  verification: Verification,
  describe: (problem: Check["problems"][number]) => string,
): string {
  const { checks, replay } = verification;
  const rows = layOut(checks.map(({ part, status, name, checked, unit }) => [
    status,
    part,
    oneLine(name),
    checked > 0 ? `${checked} ${checked === 1 ? unit.replace(/s$/, "") : unit}` : "",
  ]));
  const lines = checks.flatMap(({ problems, problemCount, why, notes }, i) => [
    rows[i]!,
    ...problems.slice(0, SHOWN).map((problem) => `    ! ${oneLine(describe(problem))}`),
    ...problemCount > SHOWN ? [`    ! and ${problemCount - Math.min(SHOWN, problems.length)} more`] : [],
    ...why === null ? [] : [`    ${oneLine(why)}`],
    ...notes.map((note) => `    ${oneLine(note)}`),
  ]);
  return [...lines, "", summary(checks), ...replay === null ? [NO_REPLAY] : []].join("\n");
}

const NO_REPLAY = "No training step was executed again: --replay <n> does that.";

/** "21 checks: 19 ok, 1 failed, 1 not possible." */
function summary(checks: readonly Check[]): string {
  const order: readonly CheckStatus[] = ["ok", "failed", "differs", "not possible", "not reached"];
  const counts = order.flatMap((status) => {
    const count = checks.filter((check) => check.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  const some = (wanted: CheckStatus) => checks.some(({ status }) => status === wanted);
  const verdict = some("failed")
    ? "This is not what the run wrote, or not what its inputs give."
    : some("not possible")
    ? "Nothing that could be checked is wrong, but not everything could be checked."
    : some("not reached")
    ? "Everything that is there holds; the run is not finished."
    : "Everything that can be checked holds.";
  return `${checks.length} checks: ${counts.join(", ")}. ${verdict}`;
}
