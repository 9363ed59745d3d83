/**
 * Tables of a report as HTML: a caption, and heads that say whether they are of a row or of a column.
 *
 * @module
 */
import { type Content, lines, type Markup, markup } from "./markup.ts";

/** A table whose first column names its rows. */
export interface HtmlTable {
  readonly title: Content;
  readonly head: readonly Content[];
  readonly rows: readonly (readonly Content[])[];
  /** Number of columns from the left that hold text; the others are numbers, aligned to the right. */
  readonly textColumns: number;
}

/** Characters of a text that is not broken into lines. */
const SHORT = 24;

/** The table, in a box that scrolls sideways where the page is narrower. */
export function htmlTable({ title, head, rows, textColumns }: HtmlTable): Markup {
  const align = (i: number, cell: Content) =>
    i >= textColumns ? "n" : typeof cell === "string" && cell.length <= SHORT ? "t short" : "t";
  const headCell = (cell: Content, i: number) =>
    markup`<th scope="col" class="${align(i, cell)}">${cell}</th>`;
  const bodyCell = (cell: Content, i: number) =>
    i === 0
      ? markup`<th scope="row" class="t">${cell}</th>`
      : markup`<td class="${align(i, cell)}">${cell}</td>`;
  return markup`<div class="scroll" tabindex="0"><table>
<caption>${title}</caption>
<thead>
<tr>${head.map(headCell)}</tr>
</thead>
<tbody>
${lines(rows.map((cells) => markup`<tr>${cells.map(bodyCell)}</tr>`))}</tbody>
</table></div>`;
}

/** Names with their values. */
export function htmlList(entries: readonly (readonly [name: Content, value: Content])[]): Markup {
  const entry = ([name, value]: typeof entries[number]) =>
    markup`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return markup`<dl>
${lines(entries.map(entry))}</dl>`;
}

/** What is shown when its summary is asked for. */
export function details(summary: Content, body: Content): Markup {
  return markup`<details>
<summary>${summary}</summary>
${body}
</details>`;
}
