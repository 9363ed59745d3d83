import { assert } from "#test";
import { CPU_DEPARTURES, PROTOCOL_SETTINGS, TINY_DEPARTURES } from "./departures.ts";
import { DEFECTS, DISCREPANCIES } from "./discrepancies.ts";
import { PROTOCOL_FILE, protocolText } from "./emit_protocol.ts";

const numbered = [...DISCREPANCIES, ...DEFECTS].map(({ id }) => id as string);

/** TypeScript files of the folders that hold the program. */
function* sources(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

Deno.test("docs/protocol.md is what emit_protocol.ts writes", async () => {
  assert.equal(await Deno.readTextFile(PROTOCOL_FILE), await protocolText());
});

Deno.test("protocolText() names every setting of the protocol and of the size presets", async () => {
  const text = await protocolText();
  for (const { path } of [...PROTOCOL_SETTINGS, ...CPU_DEPARTURES, ...TINY_DEPARTURES]) {
    assert.ok(text.includes(`\`${path}\``), path);
  }
});

Deno.test("P and B numbers are counted up from 1 without a gap", () => {
  assert.deepEqual(DISCREPANCIES.map(({ id }) => id), DISCREPANCIES.map((_, i) => `P${i + 1}`));
  assert.deepEqual(DEFECTS.map(({ id }) => id), DEFECTS.map((_, i) => `B${i + 1}`));
});

Deno.test("every P and B number in a setting's reasons or in a comment is explained", () => {
  const unknown = PROTOCOL_SETTINGS.flatMap(({ ids }) => ids).filter((id) => !numbered.includes(id));
  for (const room of ["lib", "evals", "cli", "kernels"]) {
    for (const file of sources(new URL(`../../${room}/`, import.meta.url))) {
      for (const [id] of Deno.readTextFileSync(file).matchAll(/(?<=\W)[PB]\d{1,2}(?=[).,:; ])/g)) {
        if (!numbered.includes(id)) unknown.push(`${id} in ${file.pathname}`);
      }
    }
  }
  assert.deepEqual(unknown, []);
});
