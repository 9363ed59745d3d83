import fc from "fast-check";
import { assert } from "#test";
import { escapeHtml, foreign, lines, markup, ownMarkup } from "./markup.ts";

Deno.test("markup`` escapes what is put in, in elements and in attributes", () => {
  const hostile = `<script>alert("1")</script>'&`;
  assert.equal(
    markup`<p title="${hostile}">${hostile}</p>`.text,
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;">' +
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</p>",
  );
});

Deno.test("markup`` joins lists, keeps markup, and writes nothing for null", () => {
  const items = ["a", "<"].map((text) => markup`<li>${text}</li>`);
  assert.equal(
    markup`<ul>${items}${null}${ownMarkup("<li/>")}</ul>`.text,
    "<ul><li>a</li><li>&lt;</li><li/></ul>",
  );
});

Deno.test("lines() puts each part on a line of its own, and none for null", () => {
  assert.equal(lines([markup`<p>1</p>`, null, "<"]).text, "<p>1</p>\n&lt;\n");
});

Deno.test("escapeHtml() makes visible what HTML does not allow, and leaves lines and tabs", () => {
  assert.equal(escapeHtml("a\0b\x1b[31m\r\n\tc\x7f\x85\ud800\ufffe"), "a␀b␛[31m␍\n\tc␡���");
  assert.equal(escapeHtml("日本 👍"), "日本 👍");
});

Deno.test("escapeHtml() gives no text that ends an element, an attribute or the document", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(escapeHtml(text), /[<>"'\x00-\x08\x0b-\x1f\x7f-\x9f]|&(?!amp;|lt;|gt;|quot;|#39;)/);
  }));
});

Deno.test("foreign() cuts between characters and says how many it left out", () => {
  assert.equal(foreign("👍👍👍", 2).text, '<bdi class="text">👍👍 … (1 more characters)</bdi>');
});
