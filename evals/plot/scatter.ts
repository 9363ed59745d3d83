/**
 * Points with names on two axes, some of them joined by a line, in one SVG.
 *
 * @module
 */
import { axisTicks, COLOURS, escapeText, formatTick, round, svg } from "./svg.ts";

/** A named point. */
export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Points of one group have one colour. */
  readonly group: number;
}

/** Points with axes. */
export interface Scatter {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly points: readonly ScatterPoint[];
  /** Names of points that a line joins, in order. */
  readonly lines: readonly (readonly string[])[];
}

const size = { width: 640, height: 440, left: 52, right: 130, top: 52, bottom: 44 } as const;
const inner = {
  width: size.width - size.left - size.right,
  height: size.height - size.top - size.bottom,
} as const;
/** Vertical room of a name, in pixels, and the horizontal room within which two names could overlap. */
const label = { height: 12, width: 120 } as const;

/** Pixels: y + height - y may be a little less than height, and a name that has moved must not be found in the way again. */
const ROUNDING = 1e-6;

/**
 * Draws the points.
 *
 * @throws {RangeError} if a coordinate is not finite, or a line names a point that is not there
 */
export function drawScatter({ title, x, y, points, lines }: Scatter): string {
  for (const { name, x, y } of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) throw new RangeError(`"${name}" is at ${x}, ${y}`);
  }
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  const xTicks = axisTicks(Math.min(...xs), Math.max(...xs)),
    yTicks = axisTicks(Math.min(...ys), Math.max(...ys));
  const px = scale(xTicks, size.left, inner.width),
    py = scale(yTicks, size.top + inner.height, -inner.height);
  const at = (name: string) => {
    const point = points.find((candidate) => candidate.name === name);
    if (!point) throw new RangeError(`there is no point "${name}"`);
    return `${round(px(point.x))} ${round(py(point.y))}`;
  };
  const bottom = size.top + inner.height;
  const faint = `stroke="${COLOURS.text}" stroke-opacity="0.25"`;
  return svg(title, size.width, size.height, [
    ...xTicks.flatMap((tick) => [
      `<path d="M${round(px(tick))} ${size.top}v${inner.height}" ${faint}/>`,
      `<text x="${round(px(tick))}" y="${bottom + 16}" text-anchor="middle">${
        formatTick(tick, xTicks)
      }</text>`,
    ]),
    ...yTicks.flatMap((tick) => [
      `<path d="M${size.left} ${round(py(tick))}h${inner.width}" ${faint}/>`,
      `<text x="${size.left - 6}" y="${round(py(tick) + 4)}" text-anchor="end">${
        formatTick(tick, yTicks)
      }</text>`,
    ]),
    `<text x="${size.left + inner.width / 2}" y="${bottom + 34}" text-anchor="middle">${
      escapeText(x)
    }</text>`,
    `<text x="${size.left}" y="${size.top - 10}">${escapeText(y)}</text>`,
    ...lines.map((names) =>
      `<path d="M${names.map(at).join("L")}" fill="none" stroke="${COLOURS.text}" stroke-width="1.5"/>`
    ),
    ...drawPoints(points, px, py),
  ]);
}

function scale(ticks: readonly number[], origin: number, length: number): (value: number) => number {
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return (value) => origin + length * (value - low) / (high - low);
}

/** Dots with their names to the right, from top to bottom; a name that would cover another moves down. */
function drawPoints(
  points: readonly ScatterPoint[],
  px: (x: number) => number,
  py: (y: number) => number,
): string[] {
  const placed: { x: number; y: number }[] = [];
  return [...points].sort((a, b) => b.y - a.y).map(({ name, x, y, group }) => {
    const colour = COLOURS.lines[group % COLOURS.lines.length]!;
    const dot = { x: px(x), y: py(y) };
    let text = dot.y + 4;
    const covers = (other: { x: number; y: number }) =>
      Math.abs(other.x - dot.x) < label.width && Math.abs(other.y - text) < label.height - ROUNDING;
    for (let hit = placed.find(covers); hit; hit = placed.find(covers)) text = hit.y + label.height;
    placed.push({ x: dot.x, y: text });
    return `<circle cx="${round(dot.x)}" cy="${round(dot.y)}" r="4" fill="${colour}"/>` +
      `<text x="${round(dot.x + 8)}" y="${round(text)}" fill="${colour}">${escapeText(name)}</text>`;
  });
}
