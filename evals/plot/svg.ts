/**
 * What all charts have in common: colours that can be read on white and on dark pages, round ticks, escaped text.
 *
 * @module
 */

/** At least 3 : 1 against both #ffffff and #0d1117. */
export const COLOURS = {
  text: "#737b85",
  lines: ["#2f81f7", "#d4700c", "#0d9488", "#d6455d", "#8b6cf0"],
} as const;

/** An SVG with a title; `body` is drawn below 34 pixels, which the title takes. */
export function svg(title: string, width: number, height: number, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="system-ui, sans-serif" font-size="11" fill="${COLOURS.text}">`,
    `<title>${escapeText(title)}</title>`,
    `<text x="52" y="20" font-size="14">${escapeText(title)}</text>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

/** Round numbers, three to six of them, that enclose [low, high]. */
export function axisTicks(low: number, high: number): number[] {
  if (!(low <= high)) return [0, 1];
  if (low === high) return axisTicks(low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2);
  const raw = (high - low) / 3, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9))!;
  const from = Math.floor(low / step + 1e-9), to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: to - from + 1 }, (_, i) => (from + i) * step);
}

/** A tick with as many decimals as its neighbours need. */
export function formatTick(tick: number, ticks: readonly number[]): string {
  const step = ticks[1]! - ticks[0]!;
  if (Math.max(...ticks.map(Math.abs)) < 1e-3) return tick === 0 ? "0" : tick.toExponential(0);
  return tick.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

/** A coordinate to a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Text that is no markup. */
export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
