/**
 * `--format` of the commands that print tables of scores: for people, or for other programs.
 *
 * @module
 */
import { Option } from "@commander-js/extra-typings";
import { UsageError } from "#errors";
import type { ReportTable } from "../evals/report_table.ts";
import type { CommandIo } from "./io.ts";
import { oneOf } from "./syntax.ts";

/** Values of `--format`. */
export const REPORT_FORMATS = ["text", "markdown", "csv", "arrow", "json"] as const;

/** One of {@linkcode REPORT_FORMATS}. */
export type ReportFormat = typeof REPORT_FORMATS[number];

/** The option. Without a default: under `--json` the format is another one. */
export const formatOption = <T extends string = ReportFormat>(
  formats: readonly T[] = REPORT_FORMATS as readonly string[] as readonly T[],
) =>
  new Option("--format <name>", `form of the tables: ${formats.join(", ")} (default: text)`)
    .argParser(oneOf(formats));

/**
 * The format that was asked for.
 *
 * @throws UsageError if `--json` asks for another one
 */
export function formatOf<T extends string = ReportFormat>(
  given: T | undefined,
  { json }: Pick<CommandIo, "json">,
): T | "json" | "text" {
  if (json && given !== undefined && given !== "json") {
    throw new UsageError(`--json together with --format ${given}`, "choose one of them");
  }
  return given ?? (json ? "json" : "text");
}

/** What a command can print. */
export interface Printable {
  /** For people, with or without Markdown. */
  readonly people: (format: "text" | "markdown") => string;
  /** One table for other programs, without anything around it. */
  readonly table: () => ReportTable;
  /** Everything, with the name of its schema. */
  readonly json: () => unknown;
}

/** Prints results in a format. */
export async function printAs(format: ReportFormat, printable: Printable, io: CommandIo): Promise<void> {
  switch (format) {
    case "json":
      return io.print(JSON.stringify(printable.json()));
    case "csv": {
      const { tableCsv } = await import("../evals/report_table.ts");
      return io.print(tableCsv(printable.table()).trimEnd());
    }
    case "arrow": {
      const { tableArrow } = await import("../evals/report_table.ts");
      return io.write(await tableArrow(printable.table()));
    }
    default:
      return io.print(printable.people(format).trimEnd());
  }
}
