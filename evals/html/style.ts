/**
 * How a report looks: on white and on dark pages, on narrow screens and on paper.
 *
 * @module
 */

/** Style sheet of every page. Of its colours, each has at least 4.5 : 1 on its ground. */
export const STYLE = `\
:root {
  color-scheme: light dark;
  --ground: #ffffff; --text: #1f2328; --faint: #59636e; --line: #d1d9e0; --raised: #f6f8fa;
  --link: #0550ae; --warn: #8a4600; --warn-ground: #fff6e5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --text: #e6edf3; --faint: #9198a1; --line: #3d444d; --raised: #161b22;
    --link: #79b8ff; --warn: #f0b45c; --warn-ground: #2b2111;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); font-size: 1.3rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
p, li { max-width: 48rem; }
a { color: var(--link); }
code, pre, .text { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere; }
pre { padding: .75rem 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; }
.text { white-space: pre-wrap; }
code, .text, th, td, dd, li { unicode-bidi: isolate; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0; list-style: none; }
dl { margin: .75rem 0; }
dl div { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: 1rem; padding: .2rem 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { margin: .75rem 0 1.25rem; overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 .4rem; text-align: left; font-weight: 600; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; white-space: nowrap; }
tbody th:has(.text) { min-width: 18rem; white-space: normal; font-weight: 400; }
tbody th, thead th:first-child { position: sticky; left: 0; background: var(--ground); }
details details th:first-child { background: var(--raised); }
th.n, td.n { text-align: right; white-space: nowrap; }
thead th.n { white-space: normal; }
td.t { min-width: 4rem; max-width: 40rem; }
td.short { white-space: nowrap; }
details { margin: .5rem 0; padding: .4rem .9rem; border: 1px solid var(--line); border-radius: 6px; }
details details { background: var(--raised); }
summary { cursor: pointer; font-weight: 500; }
details[open] > summary { margin-bottom: .5rem; }
summary small { color: var(--faint); font-size: .875rem; font-weight: 400; }
figure { margin: 1rem 0 1.5rem; overflow-x: auto; }
figure svg { min-width: 30rem; max-width: 100%; height: auto; }
figcaption { color: var(--faint); font-size: .9rem; }
.paper { margin: 1rem 0; padding: .25rem 1rem; border-left: 4px solid var(--line); background: var(--raised); }
.warnings { padding: .6rem 1rem .6rem 2.2rem; background: var(--warn-ground); border-left: 4px solid var(--warn); }
.warn { color: var(--warn); font-weight: 600; }
@media print {
  :root { --ground: #fff; --text: #000; --faint: #444; --line: #bbb; --raised: #fff; --warn: #000; --warn-ground: #fff; }
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: .15rem .3rem; }
  tbody th, th.n, td.n, td.short { white-space: normal; }
  thead th { overflow-wrap: anywhere; }
  figure, tr, dl div { break-inside: avoid; }
  h2, h3, caption, summary { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  tbody th, thead th:first-child { position: static; }
}
`;
