/**
 * HTML that is written by template, in which everything that is put in is escaped: a report shows what a model wrote, which may
 * be anything.
 *
 * @module
 */

/** Text that is HTML already. Only {@linkcode markup} and {@linkcode ownMarkup} make it. */
export class Markup {
  /** @param text HTML */
  constructor(readonly text: string) {}
}

/** What a template takes: text is escaped, lists are joined, null is nothing. */
export type Content = Markup | string | number | null | readonly Content[];

/** A template whose values are escaped. (Not called `html`, whose templates the formatter lays out anew, spaces and all.) */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, i) => part + (i < values.length ? textOf(values[i]!) : "")).join(""));
}

/** Parts below each other, each on a line of its own; null is none. */
export function lines(parts: readonly Content[]): Markup {
  return new Markup(parts.map((part) => part === null ? "" : `${textOf(part)}\n`).join(""));
}

/** Markup of this program's own, such as a chart. Never for anything that was read. */
export function ownMarkup(text: string): Markup {
  return new Markup(text);
}

function textOf(value: Content): string {
  if (value === null) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map(textOf).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text as it may stand in an element or in a quoted attribute. What HTML does not allow becomes visible: control characters
 * their pictures (U+2400 and on), halves of surrogate pairs and characters that are none U+FFFD. Line feeds and tabs stay.
 */
export function escapeHtml(text: string): string {
  return text.toWellFormed()
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replaceAll("\x7f", "\u2421")
    .replace(/[\x80-\x9f]|\p{Noncharacter_Code_Point}/gu, "\ufffd");
}

/** The first characters of a text, and how many follow. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  return `${characters.slice(0, most).join("")} … (${characters.length - most} more characters)`;
}

/** A text that somebody else wrote: isolated, so that its direction does not turn what stands beside it. */
export function foreign(text: string, most: number): Markup {
  return markup`<bdi class="text">${shortened(text, most)}</bdi>`;
}
