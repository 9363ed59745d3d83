/**
 * `grace-repro audit`: tables re-derived from their own numbers.
 *
 * @module
 */
import { ExitCode } from "#errors";
import type { CommandIo } from "./io.ts";
import { newCommand, oneOf, type Syntax } from "./syntax.ts";

/** Values of `--format`. */
const formats = ["text", "markdown"] as const;

/** What was asked for. */
export interface AuditOptions {
  /** Tables to audit, JSON or CSV; those of the paper if undefined. */
  readonly file?: string | undefined;
  readonly format: typeof formats[number];
  /** Whether to show what nothing speaks against, too. */
  readonly all?: true | undefined;
}

const examples = [
  "grace-repro audit",
  "grace-repro audit my-tables.json --all",
  "grace-repro audit my-table.csv --json",
];

/** Syntax of the command; `onParsed` gets what was asked for. */
export function auditSyntax(onParsed: (options: AuditOptions) => void): Syntax {
  return newCommand("audit", "re-derive the paper's tables, or your own, from their own numbers", examples)
    .argument("[file]", "tables, .json or .csv as docs/audit.md describes (default: the paper's)")
    .option("--all", "also every average and every accuracy as k of N")
    .option("--format <name>", `form of the tables: ${formats.join(", ")}`, oneOf(formats), "text")
    .addHelpText(
      "after",
      "\nExits with 1 if anything contradicts: an average, a shifted column, a copy, a\n" +
        "delta, an accuracy that no count gives (GRIM), a claim. Notes do not count.",
    )
    .action((file, options) => onParsed({ ...options, file }));
}

/** Prints what was found; fails if anything contradicts. */
export async function auditCommand(options: AuditOptions, io: CommandIo): Promise<ExitCode> {
  const { audit } = await import("../evals/paper/audit/audit.ts");
  const { loadTables, paperTables } = await import("../evals/paper/audit/load_tables.ts");
  const { renderAudit } = await import("../evals/paper/audit/report.ts");
  const report = audit(options.file === undefined ? paperTables() : loadTables(options.file));
  if (io.json) io.print(JSON.stringify(report));
  else io.print(renderAudit(report, options.format, options.all ?? false).trimEnd());
  return report.contradictions > 0 ? ExitCode.checkFailed : ExitCode.success;
}
