/**
 * A page that needs nothing but itself: no script, no network, no font. Its policy forbids all of them, too, should something in
 * it ever escape from its quotes.
 *
 * @module
 */
import { type Content, lines, markup, ownMarkup } from "./markup.ts";
import { STYLE } from "./style.ts";

/** A part of a page, with a place in its table of contents. */
export interface Section {
  /** Part of its address: "tasks". */
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

/** A whole page. */
export interface Page {
  readonly title: string;
  /** Stands below the title. */
  readonly lead: Content;
  readonly sections: readonly Section[];
}

/** Renders a page; the result ends with a line feed. */
export function renderPage({ title, lead, sections }: Page): string {
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>
${ownMarkup(STYLE)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${lead}
</header>
<nav aria-label="Contents"><ul>
${lines(sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`))}</ul></nav>
<main>
${lines(sections.map(sectionMarkup))}</main>
</body>
</html>
`.text;
}

function sectionMarkup({ id, title, body }: Section): Content {
  return markup`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>`;
}

/** A chart of ours inside a page. */
export function figure(svg: string, caption: Content): Content {
  return markup`<figure>
${ownMarkup(svg.replace("<svg ", '<svg role="img" ').trimEnd())}
<figcaption>${caption}</figcaption>
</figure>`;
}
