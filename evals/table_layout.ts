/**
 * Tables of scores as plain text and as Markdown, and how their numbers are written.
 *
 * @module
 */

/** Columns are aligned: text to the left, numbers to the right. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Number of columns from the left that hold text. */
  readonly textColumns: number;
}

/** Tables below each other, then notes; the result ends with a line feed. */
export function layOutText(list: readonly Table[], notes: readonly string[]): string {
  const tables = list.map((table) => {
    const lines = aligned(table).map((cells) => cells.join("  ").trimEnd());
    const rule = "-".repeat(Math.max(...lines.map((line) => line.length)));
    return [table.title, rule, lines[0]!, rule, ...lines.slice(1)].join("\n");
  });
  return [...tables, ...notes].join("\n\n") + "\n";
}

/** The same in Markdown. */
export function layOutMarkdown(list: readonly Table[], notes: readonly string[]): string {
  const escape = (cells: readonly string[]) => cells.map((cell) => cell.replaceAll("|", "\\|"));
  const tables = list.map((table) => {
    const cells = aligned({ ...table, head: escape(table.head), rows: table.rows.map(escape) });
    const rule = cells[0]!.map((cell, i) =>
      i < table.textColumns ? "-".repeat(cell.length) : "-".repeat(cell.length - 1) + ":"
    );
    const [head, ...rows] = [cells[0]!, rule, ...cells.slice(1)].map((row) => `| ${row.join(" | ")} |`);
    return [`**${table.title}**`, "", head, ...rows].join("\n");
  });
  return [...tables, ...notes].join("\n\n") + "\n";
}

/** Two decimals of a fraction times 100. A number that is not finite has no place in a report. */
export function points(fraction: number): string {
  if (!Number.isFinite(fraction)) throw new TypeError(`a report cannot show ${fraction}`);
  const text = (100 * fraction).toFixed(2);
  return text === "-0.00" ? "0.00" : text;
}

/** The same with its sign. */
export function signed(fraction: number): string {
  const text = points(fraction);
  return text.startsWith("-") ? text : `+${text}`;
}

/** A share such as a confidence: "95 %". */
export function percentText(fraction: number): string {
  return `${Number((100 * fraction).toFixed(2))} %`;
}

/** Head and rows with every column padded to one width. */
function aligned(table: Table): string[][] {
  const all = [table.head, ...table.rows];
  const widths = table.head.map((_, i) => Math.max(3, ...all.map((cells) => cells[i]!.length)));
  return all.map((cells) =>
    cells.map((cell, i) => i < table.textColumns ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
  );
}
