import { assert } from "#test";
import { promptOf } from "./prompts.ts";

const scifact = { baseTask: "SciFact", category: "retrieval" } as const;
const sts = { baseTask: "STS13", category: "sts" } as const;

Deno.test("promptOf() takes task and role before task, type and role, type, and role", () => {
  const names = ["SciFact-query", "SciFact", "Retrieval-query", "Retrieval", "query"];
  const named = Object.fromEntries(names.map((name) => [name, `${name}: `]));
  while (names.length > 0) {
    assert.equal(promptOf({ named, standard: "" }, scifact, "query"), `${names[0]}: `);
    delete named[names.shift()!];
  }
  assert.equal(promptOf({ named, standard: "" }, scifact, "query"), "");
});

Deno.test("promptOf() gives texts without a role the prompt of their task or type, else the standard one", () => {
  const prompts = { named: { query: "q: ", passage: "p: ", STS: "alike: " }, standard: "text: " };
  assert.equal(promptOf(prompts, sts, undefined), "alike: ");
  assert.equal(promptOf(prompts, { baseTask: "X", category: "clustering" }, undefined), "text: ");
  assert.equal(promptOf(prompts, scifact, "passage"), "p: ");
  assert.equal(promptOf(undefined, scifact, "query"), "");
});

Deno.test("promptOf() takes a prompt for documents as one for passages, and an empty prompt as a prompt", () => {
  const prompts = { named: { query: "q: ", document: "" }, standard: "text: " };
  assert.equal(promptOf(prompts, scifact, "passage"), "");
});
