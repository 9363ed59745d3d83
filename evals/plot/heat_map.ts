/**
 * Numbers over two settings, each a coloured field with its number in it: a map of where a method is good.
 *
 * @module
 */
import { escapeText, svg } from "./svg.ts";

/** One map. */
export interface HeatPanel {
  readonly title: string;
  /** [rows][columns]; null where there is no number. */
  readonly values: readonly (readonly (number | null)[])[];
  /** Written below a number, such as its deviation; null for nothing. */
  readonly notes: readonly (readonly (string | null)[])[];
}

/** Maps over the same two settings. */
export interface HeatMap {
  readonly title: string;
  /** Names of the settings, and texts of their values. */
  readonly rows: { readonly name: string; readonly values: readonly string[] };
  readonly columns: { readonly name: string; readonly values: readonly string[] };
  readonly panels: readonly HeatPanel[];
}

const field = { width: 88, height: 44 } as const;
const room = { left: 90, top: 58, right: 24, bottom: 20 } as const;
/** Width of a character of a label, at most, in pixels. */
const character = 6.5;
const headline = 34;

/** From the lowest to the highest number, and the text on it. */
const LOW = [224, 236, 250], HIGH = [16, 62, 130], DARK = "#0d1117", LIGHT = "#ffffff";

/**
 * Draws the maps, below each other.
 *
 * @throws {RangeError} if a map has not one number for each pair of values
 */
export function drawHeatMap({ title, rows, columns, panels }: HeatMap): string {
  const left = Math.max(
    room.left,
    16 + character * Math.max(...[rows.name, ...rows.values].map((text) => text.length)),
  );
  const width = left + field.width * columns.values.length + room.right;
  const height = room.top + field.height * rows.values.length + room.bottom;
  const body = panels.map((panel, i) => {
    const fits = panel.values.length === rows.values.length &&
      panel.values.every((row) => row.length === columns.values.length);
    if (!fits) throw new RangeError(`"${panel.title}" has not one number for each pair of values`);
    return `<g transform="translate(0 ${headline + i * height})">\n${
      drawPanel(panel, rows, columns, left)
    }\n</g>`;
  });
  return svg(title, Math.max(width, 420), headline + panels.length * height, body);
}

function drawPanel(
  { title, values, notes }: HeatPanel,
  rows: HeatMap["rows"],
  columns: HeatMap["columns"],
  left: number,
): string {
  const numbers = values.flat().filter((value) => value !== null);
  const low = Math.min(...numbers), high = Math.max(...numbers);
  const share = (value: number) => high > low ? (value - low) / (high - low) : 0;
  const x = (column: number) => left + field.width * column;
  const y = (row: number) => room.top + field.height * row;
  return [
    `<text x="8" y="16" font-weight="600">${escapeText(title)}</text>`,
    `<text x="${left}" y="34">${escapeText(columns.name)}</text>`,
    `<text x="8" y="50">${escapeText(rows.name)}</text>`,
    ...columns.values.map((text, i) =>
      `<text x="${x(i + 0.5)}" y="50" text-anchor="middle">${escapeText(text)}</text>`
    ),
    ...rows.values.map((text, i) =>
      `<text x="${left - 8}" y="${y(i + 0.5) + 4}" text-anchor="end">${escapeText(text)}</text>`
    ),
    ...values.flatMap((row, r) =>
      row.map((value, c) =>
        value === null
          ? drawNothing(x(c), y(r))
          : drawField(x(c), y(r), value, notes[r]?.[c] ?? null, share(value))
      )
    ),
  ].join("\n");
}

function drawField(x: number, y: number, value: number, note: string | null, share: number): string {
  const colour = LOW.map((from, i) => Math.round(from + (HIGH[i]! - from) * share));
  const text = luminance(colour) > 0.18 ? DARK : LIGHT, middle = x + field.width / 2;
  return `<rect x="${x}" y="${y}" width="${field.width - 2}" height="${
    field.height - 2
  }" fill="rgb(${colour})"/>` +
    `<text x="${middle - 1}" y="${
      y + (note === null ? 25 : 19)
    }" text-anchor="middle" font-size="12" fill="${text}">${value.toFixed(2)}</text>` +
    (note === null
      ? ""
      : `<text x="${middle - 1}" y="${y + 34}" text-anchor="middle" fill="${text}">${
        escapeText(note)
      }</text>`);
}

function drawNothing(x: number, y: number): string {
  return `<rect x="${x + 0.5}" y="${y + 0.5}" width="${field.width - 3}" height="${
    field.height - 3
  }" fill="none" ` +
    `stroke="currentColor" stroke-opacity="0.3" stroke-dasharray="3 3"/>`;
}

/** Relative luminance (WCAG 2): of 0.18, black and white text have about the same contrast. */
function luminance(colour: readonly number[]): number {
  const [red, green, blue] = colour.map((part) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4
  );
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
