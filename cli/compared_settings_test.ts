import { join } from "node:path";
import { assert } from "#test";
import { UsageError } from "#errors";
import { resolveManifest } from "../lib/manifest/resolve.ts";
import { describeSettings, settingDifferences } from "./compared_settings.ts";

/** Makes folders of evaluations with these documents, and hands over their paths. */
function withEvaluations(documents: readonly unknown[], test: (folders: string[]) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    const folders = documents.map((document, i) => {
      const folder = join(root, String(i));
      Deno.mkdirSync(folder);
      if (document === undefined) return folder;
      const text = typeof document === "string" ? document : JSON.stringify(document);
      Deno.writeTextFileSync(join(folder, "evaluation.json"), text);
      return folder;
    });
    test(folders);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const encoder = (sha256: string, query: string, onnxruntime: string) => ({
  identity: "0".repeat(64),
  suite: "mini",
  encoder: "e",
  files: [{ name: "model.onnx", sha256, bytes: 1 }, { name: "config.json", sha256: "c", bytes: 1 }],
  settings: { onnxruntime, maxTokens: 256 },
  prompts: { named: { query }, standard: "" },
});

Deno.test("settingDifferences() tells files, prompts and versions on which evaluations differ", () => {
  withEvaluations([encoder("a", "query: ", "1.30.0"), encoder("b", "", "1.31.0")], (folders) => {
    const [{ differences } = { differences: [] }, ...more] = settingDifferences(folders);
    assert.equal(more.length, 0);
    assert.deepEqual(differences.map(({ path, left, right }) => [path, left?.value, right?.value]), [
      ["settings.onnxruntime", "1.30.0", "1.31.0"],
      ["prompts.named.query", "query: ", ""],
      ["files.model.onnx", "a", "b"],
    ]);
    const [, head, line] = describeSettings(settingDifferences(folders));
    assert.equal(head, `Settings of "${folders[0]}" -> "${folders[1]}":`);
    assert.equal(line, '- settings.onnxruntime: "1.30.0" (evaluation.json) -> "1.31.0" (evaluation.json)');
  });
});

Deno.test("settingDifferences() tells settings of backbones with where they came from", () => {
  const backbone = (seed: number, rationale: boolean) => ({
    identity: "0".repeat(64),
    rationale,
    engine: { engine: "cpu" },
    files: [],
    ...resolveManifest({ seed }),
  });
  withEvaluations([backbone(1, true), backbone(2, false), undefined], (folders) => {
    const [only, ...more] = settingDifferences(folders);
    assert.equal(more.length, 0, "a folder without a document is left out");
    assert.deepEqual(only!.differences.map(({ path, right }) => [path, right?.value, right?.source]), [
      ["seed", 2, "grace.json"],
      ["rationale", false, "evaluation.json"],
    ]);
  });
  withEvaluations([backbone(1, true), backbone(1, true)], (folders) => {
    assert.match(describeSettings(settingDifferences(folders)).join("\n"), /are the same\.$/);
  });
});

Deno.test("settingDifferences() refuses a document that is damaged", () => {
  withEvaluations([encoder("a", "", "1"), "{"], (folders) => {
    assert.throws(
      () => settingDifferences(folders),
      (error) =>
        error instanceof UsageError && /1\/evaluation\.json" is not the document/.test(error.message),
    );
  });
});
