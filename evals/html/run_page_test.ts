import { assert } from "#test";
import { examplePage } from "./_example_page.ts";
import { renderRunPage } from "./run_page.ts";
import { renderComparePage } from "./compare_page.ts";

const page = renderRunPage(examplePage());

/** Text of the section with this id. */
function section(id: string, of = page): string {
  return of.match(new RegExp(`<section id="${id}"(?:.|\\n)*?</section>`))![0];
}

/** Elements that have no end tag. */
const VOID = ["meta"];

/** Fails unless every element ends where it must. */
function assertNested(text: string): void {
  const open: string[] = [];
  for (const [tag, end, name, self] of text.matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^>]*?)?(\/?)>/gi)) {
    if (self === "/" || VOID.includes(name!)) continue;
    if (end === "") open.push(name!);
    else assert.equal(open.pop(), name, `at ${tag}`);
  }
  assert.deepEqual(open, []);
}

Deno.test("renderRunPage() lets no text of a model or a file become markup", () => {
  assert.doesNotMatch(page, /<script|<img|<!--/);
  assert.equal(page.match(/&lt;script&gt;alert\(&quot;1&quot;\)/g)!.length > 8, true);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(page, /[\x00-\x08\x0b-\x1f\x7f]|\p{Surrogate}/u);
  assertNested(page);
});

Deno.test("renderRunPage() needs nothing from elsewhere, and forbids it", () => {
  assert.match(page, /default-src 'none'; style-src 'unsafe-inline'/);
  assert.doesNotMatch(page, /<[^>]*\s(src=|href="(?!#)|style=)|url\(|@import/);
  assert.doesNotMatch(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', ""), /https?:/);
});

Deno.test("renderRunPage() gives the same bytes for the same records, and tells no path and no date", () => {
  assert.equal(renderRunPage(examplePage()), page);
  assert.doesNotMatch(page, /\/home\/me/);
  assert.doesNotMatch(page, new RegExp(`\\b${new Date().getFullYear()}-\\d\\d-\\d\\d`));
});

Deno.test("renderRunPage() has heads with a scope, names for charts, and links that lead somewhere", () => {
  for (const [head] of page.matchAll(/<th\b[^>]*>/g)) assert.match(head, /scope="(row|col)"/);
  for (const [chart] of page.matchAll(/<svg\b(?:.|\n)*?<\/svg>/g)) {
    assert.match(chart, /^<svg role="img" [^>]*>\n<title>[^<]+<\/title>/);
  }
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
  assert.deepEqual(ids, [...new Set(ids)], "each id once");
  const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id!);
  assert.ok(links.some((id) => /^about-[PB]\d/.test(id)));
  assert.deepEqual(links.filter((id) => !ids.includes(id)), []);
});

Deno.test("renderRunPage() tells every departure from the preset, where it was set and what it is about", () => {
  const settings = section("settings");
  assert.match(
    settings,
    /<code>reward.lambda1<\/code><\/th><td class="t short">0.2<\/td><td class="t short">0.5<\/td><td class="t short">grace.json</,
  );
  assert.match(settings, /<code>arms<\/code>/);
  assert.doesNotMatch(settings, /<caption>Settings(.|\n)*<code>reward.lambda2<\/code>(.|\n)*How the preset/);
});

Deno.test("renderRunPage() says first what may not be concluded, training rows of a task before all else", () => {
  const told = [...section("cautions").matchAll(/<li>([^<]*)/g)].map(([, text]) => text!);
  assert.match(told[0]!, /^3 of 10 training rows are from .* no score of unseen data\.$/);
  assert.ok(told.some((text) => text.includes("seed 1")));
  assert.ok(told.some((text) => text === "Fewer than 100 items: T (4)."));
  assert.ok(told.some((text) => text.startsWith("Partial")));
});

Deno.test("renderRunPage() marks what was lost in a task, and labels the paper's numbers", () => {
  const tasks = section("tasks");
  assert.match(tasks, /<span class="warn">truncated rationales<\/span><\/small><\/summary>/);
  assert.match(tasks, /truncated rationales<\/th><td class="n">0<\/td><td class="n"><span class="warn">2</);
  assert.match(
    section("paper"),
    /From the paper, not from this run(.|\n)*<caption>Paper<\/caption>(.|\n)*a note/,
  );
  assert.match(section("training"), /cut to fit the prompt<\/th><td class="n">5<\/td>/);
  assert.match(section("training"), /<span class="warn">length<\/span>(.|\n)*-0\.500</);
});

Deno.test("renderRunPage() shows the scores of a single arm, and compares nothing", () => {
  const { arms, ...rest } = examplePage();
  const single = renderRunPage({ ...rest, arms: arms.slice(0, 1), comparison: null });
  assert.match(section("results", single), /<caption>Scores \(x 100\)<\/caption>/);
  assert.doesNotMatch(single, /<section id="paper"|Change against/);
  assertNested(single);
});

Deno.test("renderComparePage() shows settings side by side, escaped too", () => {
  const { comparison, arms } = examplePage();
  const differences = [{
    path: "seed",
    left: { value: 1, source: "" },
    right: { value: "<2>", source: "" },
    ids: ["P1"],
  }];
  const compared = renderComparePage(comparison!, arms, [
    { left: "a", right: "<b>", differences },
    { left: "a", right: "c", differences: [] },
  ]);
  assertNested(compared);
  assert.match(
    compared,
    /<code>seed<\/code><\/th><td class="t short">1<\/td><td class="t short">&quot;&lt;2&gt;&quot;</,
  );
  assert.match(compared, /<code>a<\/code> and <code>c<\/code> are the same/);
  assert.doesNotMatch(compared, /<script|<b>/);
});
