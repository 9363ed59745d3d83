import { assert, testWith } from "#test";
import { MissingError, UsageError } from "#errors";
import { golden, SMOLLM2 } from "./_golden.ts";
import { ChatTemplate, chooseTemplate, type Message, type SpecialTokens } from "./chat_template.ts";
import { openBackbone } from "./open.ts";

interface Case {
  name: string;
  messages: Message[];
  addGenerationPrompt: boolean;
  date: string;
  variables: Record<string, unknown>;
  text: string;
}
const { templates, specialTokens, cases } = golden<
  { templates: Record<string, string>; specialTokens: SpecialTokens; cases: Case[] }
>("templates.json");

for (const name of Object.keys(templates)) {
  Deno.test(`ChatTemplate.render() gives the text of transformers for a template like ${name}`, async () => {
    const template = await ChatTemplate.create(templates[name]!, specialTokens, name);
    for (
      const { messages, text, date, addGenerationPrompt, variables } of cases.filter((c) => c.name === name)
    ) {
      // transformers leaves date_string to the template, which takes it from strftime_now.
      assert.equal(template.render(messages, { date, addGenerationPrompt, variables }), text);
    }
  });
}

testWith(SMOLLM2, "ChatTemplate.render() gives the text of transformers for SmolLM2", async (path) => {
  const backbone = await openBackbone(path);
  backbone.close();
  const { chats } = golden<{ chats: Omit<Case, "date">[] }>("smollm2.json");
  for (const { messages, text, addGenerationPrompt } of chats) {
    assert.equal(backbone.chatTemplate.render(messages, { addGenerationPrompt }), text);
  }
});

Deno.test("ChatTemplate.render() uses a fixed date, never today's", async () => {
  const source = "{{ date_string }}|{{ strftime_now('%Y-%m-%d') }}";
  const template = await ChatTemplate.create(source, {}, "x");
  assert.equal(template.render([]), "26 Jul 2024|2024-07-26");
  assert.equal(template.render([], { date: "1999-12-31" }), "31 Dec 1999|1999-12-31");
});

Deno.test("ChatTemplate.render() reports the template's own reason when it rejects the messages", async () => {
  const source = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}ok";
  const template = await ChatTemplate.create(source, {}, "gemma");
  assert.equal(template.render([{ role: "user", content: "x" }]), "ok");
  assert.throws(() => template.render([{ role: "system", content: "x" }]), {
    name: "UsageError",
    message: /gemma rejects the messages \(system\): .*no system role/,
  });
});

Deno.test("ChatTemplate.create() refuses text that is not Jinja", async () => {
  await assert.rejects(ChatTemplate.create("{% if %}", {}, "x"), UsageError);
});

Deno.test("chooseTemplate() prefers the file, then the only or the default template", () => {
  const named = [{ name: "tool_use", template: "b" }, { name: "default", template: "a" }];
  assert.equal(chooseTemplate(named, "file", "x"), "file");
  assert.equal(chooseTemplate(named, null, "x"), "a");
  assert.equal(chooseTemplate("one", null, "x"), "one");
  assert.throws(() => chooseTemplate(undefined, null, "x"), MissingError);
  assert.throws(() => chooseTemplate([named[0]], null, "x"), UsageError);
});
