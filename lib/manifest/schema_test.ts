import { assert } from "#test";
import { SCHEMA_FILE, schemaText } from "./emit_schema.ts";
import { leafPaths, leavesOf } from "./leaves.ts";
import { presetManifest } from "./presets.ts";
import { manifestInputSchema, manifestSchema, PRESETS, schemaJson } from "./schema.ts";

interface JsonSchema {
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean;
  required?: string[];
}

Deno.test("schemaJson() documents every section and every setting", () => {
  const root = schemaJson() as JsonSchema;
  const described: string[] = [];
  for (const [key, schema] of Object.entries(root.properties!)) {
    assert.ok(schema.description, `"${key}" has no description`);
    if (!schema.properties) described.push(key);
    for (const [leaf, { description }] of Object.entries(schema.properties ?? {})) {
      assert.ok(description, `"${key}.${leaf}" has no description`);
      described.push(`${key}.${leaf}`);
    }
  }
  const named = ["$schema", "controls"];
  assert.deepEqual(described.filter((path) => !named.includes(path)), leafPaths());
});

Deno.test("schemaJson() makes every key optional and no other key possible", () => {
  const root = schemaJson() as JsonSchema;
  for (const schema of [root, ...Object.values(root.properties!).filter((entry) => entry.properties)]) {
    assert.equal(schema.required, undefined);
    assert.equal(schema.additionalProperties, false);
  }
});

Deno.test("schemaJson() marks every setting of the contrastive baseline as not from GRACE", () => {
  const { cl } = (schemaJson() as JsonSchema).properties!;
  for (const [key, { description }] of Object.entries(cl!.properties!)) {
    assert.match(description!, /Not from GRACE/, `cl.${key}`);
  }
});

Deno.test("grace.schema.json is what emit_schema.ts writes now", () => {
  const message = "run: deno run --allow-read --allow-write lib/manifest/emit_schema.ts";
  assert.equal(Deno.readTextFileSync(SCHEMA_FILE), schemaText(), message);
});

Deno.test("manifestSchema has no optional key: a manifest without any one leaf does not pass", () => {
  const complete = presetManifest("fixed");
  for (const path of leafPaths()) {
    const copy = structuredClone(complete) as unknown as Record<string, Record<string, unknown>>;
    const [section, key] = path.split(".") as [string, string | undefined];
    if (key === undefined) delete copy[section];
    else delete copy[section]![key];
    assert.equal(manifestSchema.safeParse(copy).success, false, path);
  }
});

Deno.test("manifestInputSchema accepts every preset in full and a file with nothing in it", () => {
  assert.ok(manifestInputSchema.safeParse({}).success);
  for (const preset of PRESETS) {
    assert.ok(
      manifestInputSchema.safeParse({ $schema: "grace.schema.json", ...presetManifest(preset) }).success,
    );
  }
});

Deno.test("leafPaths() lists exactly the leaves that a manifest has, but for its controls", () => {
  const paths = [...leavesOf(presetManifest("paper")).keys()].filter((path) => !path.startsWith("controls."));
  assert.deepEqual(paths.sort(), leafPaths().sort());
});
