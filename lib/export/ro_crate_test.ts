import { join } from "node:path";
import { assert } from "#test";
import { CRATE, crateSubject } from "../../fixtures/golden/export/crate.ts";
import { CRATE_FILE, roCrate } from "./ro_crate.ts";

Deno.test("roCrate() gives the document that roc-validator accepts", () => {
  const document = JSON.parse(Deno.readTextFileSync(join(CRATE, CRATE_FILE)));
  assert.deepEqual(JSON.parse(JSON.stringify(roCrate(crateSubject()))), document);
});

Deno.test("roCrate() describes every file that it names, and names every file that it describes", () => {
  const graph = roCrate(crateSubject())["@graph"],
    files = graph.filter((entity) => entity["@type"] === "File");
  const named = new Set<string>(),
    idsIn = (value: unknown): string[] => {
      if (typeof value !== "object" || value === null) return [];
      return Object.entries(value).flatMap(([key, entry]) =>
        key === "@id" ? [entry as string] : idsIn(entry)
      );
    };
  for (const { "@id": _, ...entity } of graph) for (const id of idsIn(entity)) named.add(id);
  const outside = ["https://w3id.org/ro/crate/1.1"];
  const described = graph.map((entity) => entity["@id"]);
  assert.equal(new Set(described).size, described.length, "no entity is there twice");
  assert.deepEqual([...named].filter((id) => !described.includes(id)), outside);
  assert.deepEqual(files.filter((file) => !named.has(file["@id"])), []);
  // Three outputs, a backbone file, and one content that two data files have.
  assert.equal(files.length, 5);
  assert.ok(files.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(String(sha256))));
});
