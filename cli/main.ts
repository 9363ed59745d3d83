/**
 * The command line: finds the command, runs it, and turns how it ended into an exit code.
 *
 * A command's file holds its syntax, which is loaded at every start, and its work, which loads what it needs itself:
 * `--help` must not wait for ONNX Runtime.
 *
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { ExitCode, UsageError } from "#errors";
import config from "../deno.json" with { type: "json" };
import { auditCommand, auditSyntax } from "./audit.ts";
import { checkCommand, checkSyntax } from "./check.ts";
import { compareCommand, compareSyntax } from "./compare.ts";
import { diffCommand, diffSyntax } from "./diff.ts";
import { doctorCommand, doctorSyntax } from "./doctor.ts";
import { embedCommand, embedSyntax } from "./embed.ts";
import { evalCommand, evalSyntax } from "./eval.ts";
import { explainError } from "./exit.ts";
import { explainCommand, explainSyntax } from "./explain.ts";
import { exportCommand, exportSyntax } from "./export.ts";
import {
  COLOR_MODES,
  type ColorMode,
  type CommandIo,
  wantsColor,
  writeBytes,
  writeRemark,
  writeText,
} from "./io.ts";
import { manifestCommand, manifestSyntax } from "./manifest.ts";
import { Progress } from "./progress.ts";
import { pullCommand, pullSyntax } from "./pull.ts";
import { runCommand, runSyntax } from "./run.ts";
import { serveCommand, serveSyntax } from "./serve.ts";
import { sweepCommand, sweepSyntax } from "./sweep.ts";
import { formatExamples, oneOf, type Syntax, usageErrorOf } from "./syntax.ts";
import { verifyCommand, verifySyntax } from "./verify.ts";

/** The work of a command whose arguments have been read. */
type Job = (io: CommandIo) => Promise<ExitCode>;

const examples = [
  "grace-repro run --backbone SmolLM2-135M-Instruct.Q4_1.gguf --data-root data --suite mini --steps 10",
  'grace-repro embed --backbone ./my-model "How do plants make food?"',
  "grace-repro compare runs/a runs/b",
  "grace-repro audit",
  "grace-repro doctor",
];

/** The whole syntax; `onJob` gets the work that was asked for. */
function newProgram(onJob: (job: Job) => void, colors: { stdout: boolean; stderr: boolean }) {
  const program = new Command("grace-repro")
    .description(
      "Re-run, audit and extend GRACE (arXiv 2510.04506): embeddings from rationales that GRPO trained.",
    )
    .usage("<command> [options]")
    .addHelpText("before", formatExamples(examples))
    .version(`grace-repro ${config.version}`, "--version", "show the version")
    .option("--json", "results as JSON on stdout")
    .option("-q, --quiet", "no progress and no remarks on stderr")
    .option("--color <when>", `${COLOR_MODES.join(", ")}; NO_COLOR is honoured`, oneOf(COLOR_MODES), "auto")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show help of a command")
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => `\x1b[1m${title}\x1b[22m`,
      subcommandTerm: (command) => command.name(),
    })
    .configureOutput({
      writeOut: (text) => writeText(Deno.stdout, text),
      // What it complains about is thrown too, and told by explainError; only help asked for by accident is left.
      writeErr: (text) => writeText(Deno.stderr, text),
      outputError: () => {},
      getOutHasColors: () => colors.stdout,
      getErrHasColors: () => colors.stderr,
    })
    .exitOverride();
  const commands = [
    runSyntax((options) => onJob((io) => runCommand(options, io))),
    compareSyntax((options) => onJob((io) => compareCommand(options, io))),
    checkSyntax((options) => onJob((io) => checkCommand(options, io))),
    evalSyntax((options) => onJob((io) => evalCommand(options, io))),
    embedSyntax((options) => onJob((io) => embedCommand(options, io))),
    explainSyntax((options) => onJob((io) => explainCommand(options, io))),
    verifySyntax((options) => onJob((io) => verifyCommand(options, io))),
    diffSyntax((options) => onJob((io) => diffCommand(options, io))),
    auditSyntax((options) => onJob((io) => auditCommand(options, io))),
    sweepSyntax((options) => onJob((io) => sweepCommand(options, io))),
    manifestSyntax((request) => onJob((io) => manifestCommand(request, io))),
    pullSyntax((options) => onJob((io) => pullCommand(options, io))),
    exportSyntax((options) => onJob((io) => exportCommand(options, io))),
    serveSyntax((options) => onJob((io) => serveCommand(options, io))),
    doctorSyntax((options) => onJob((io) => doctorCommand(options, io))),
  ];
  for (const command of commands) inherit(command, program);
  return program;
}

/** Adds a command to another, under whose settings it and its own commands then are. */
function inherit(command: Syntax, parent: Syntax): void {
  parent.addCommand(command.copyInheritedSettings(parent));
  for (const part of command.commands) part.copyInheritedSettings(command);
}

/** Names of the command that arguments ask for: its own, behind that of the command it is part of. */
function namedIn(program: Syntax, args: readonly string[]): string[] {
  const names: string[] = [];
  let within = program;
  for (const arg of args) {
    const found = within.commands.find((command) => command.name() === arg);
    if (found === undefined) continue;
    names.push(arg);
    within = found;
  }
  return names;
}

/** Reads the arguments; undefined where help or the version was all that was asked for. */
function parseArguments(args: readonly string[], colors: { stdout: boolean; stderr: boolean }) {
  let job: Job | undefined;
  const program = newProgram((parsed) => job = parsed, colors);
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const named = namedIn(program, args);
    const help = `"${["grace-repro", ...named, "--help"].join(" ")}"`;
    // Help was shown on stderr, for want of a command or for one that is none; the message says nothing.
    if (error.code === "commander.help") {
      const unknown = args.find((arg) => arg !== "help" && !arg.startsWith("-") && !named.includes(arg));
      throw new UsageError(
        unknown === undefined
          ? `no command given${named.map((name) => ` to ${name}`).join("")}`
          : `unknown command "${[...named, unknown].join(" ")}"`,
        `see ${help}`,
      );
    }
    throw usageErrorOf(error, help);
  }
  return { job: job!, options: program.opts() };
}

/**
 * Aborts at the first SIGINT or SIGTERM, so that the job can reach its next checkpoint; ends at once at the second. The reason is an
 * AbortError with the signal's name as its message.
 */
function abortOnSignals(progress: Progress): AbortSignal {
  const controller = new AbortController();
  const listenTo = (name: "SIGINT" | "SIGTERM") =>
    Deno.addSignalListener(name, () => {
      if (controller.signal.aborted) Deno.exit(ExitCode.interrupted);
      progress.note("stopping as soon as nothing is lost by it; press Ctrl-C again to stop at once");
      controller.abort(new DOMException(name, "AbortError"));
    });
  listenTo("SIGINT");
  listenTo("SIGTERM");
  return controller.signal;
}

/** Width of the terminal; that of a narrow one where it does not know its own (0), or was closed. */
function columnsOfTerminal(): number {
  const narrow = 80;
  try {
    return Deno.consoleSize().columns || narrow;
  } catch {
    return narrow;
  }
}

/** The value of `--color`, before the arguments are parsed: help and complaints about them are coloured too. */
function colorModeOf(args: readonly string[]): ColorMode {
  const at = args.findLastIndex((arg) => arg === "--color" || arg.startsWith("--color="));
  const value = at < 0 ? "auto" : args[at] === "--color" ? args[at + 1] : args[at]!.slice("--color=".length);
  return COLOR_MODES.find((mode) => mode === value) ?? "auto";
}

/** Runs the command that `args` name and returns the exit code of the process. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const env = (name: string) => Deno.env.get(name);
  const mode = colorModeOf(args);
  const interactive = Deno.stderr.isTerminal() && env("TERM") !== "dumb";
  const colors = {
    stdout: wantsColor(mode, Deno.stdout.isTerminal(), env),
    stderr: wantsColor(mode, Deno.stderr.isTerminal(), env),
  };
  let progress: Progress | undefined;
  try {
    const parsed = parseArguments(args, colors);
    if (parsed === undefined) return ExitCode.success;
    progress = new Progress({
      write: (text) => writeRemark(Deno.stderr, text),
      interactive,
      color: colors.stderr,
      quiet: parsed.options.quiet ?? false,
      columns: columnsOfTerminal,
      now: () => performance.now(),
    });
    const exitCode = await parsed.job({
      json: parsed.options.json ?? false,
      color: colors.stdout,
      columns: Deno.stdout.isTerminal() ? columnsOfTerminal() : undefined,
      signal: abortOnSignals(progress),
      progress,
      print: (line) => writeText(Deno.stdout, `${line}\n`),
      write: (bytes) => {
        if (Deno.stdout.isTerminal()) {
          throw new UsageError("a terminal cannot show this format", "send it to a file: ... > report.arrow");
        }
        writeBytes(Deno.stdout, bytes);
      },
    });
    progress.end();
    return exitCode;
  } catch (error) {
    progress?.end();
    const ending = explainError(error, { color: colors.stderr, debug: Boolean(env("GRACE_DEBUG")) });
    writeRemark(Deno.stderr, ending.text);
    return ending.exitCode;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
