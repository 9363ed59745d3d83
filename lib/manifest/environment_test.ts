import { fileURLToPath } from "node:url";
import { assert } from "#test";
import { MissingError } from "#errors";
import {
  describeEngine,
  digestSource,
  type EngineDescription,
  engineDescription,
  engineFacts,
  sourceFiles,
} from "./environment.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));

/** Files of the checkout that the program imports, now or when a command needs them. */
async function reachedFiles(): Promise<string[]> {
  const args = ["info", "--json", "--config", `${checkout}deno.json`, `${checkout}cli/main.ts`];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { specifier: string }[] };
  return modules.map(({ specifier }) => specifier).filter((specifier) => specifier.startsWith("file:"))
    .map((specifier) => fileURLToPath(specifier).replace(checkout, ""));
}

Deno.test("sourceFiles() has every file that the program imports, and the pinned libraries", async () => {
  const files = new Set(sourceFiles(checkout));
  const reached = await reachedFiles();
  assert.ok(reached.length > 100 && reached.includes("kernels/cpu/mod.ts"), "dynamic imports are followed");
  assert.deepEqual([...reached, "deno.lock"].filter((path) => !files.has(path)), []);
});

Deno.test("digestSource() changes with what a run can reach and with nothing else", () => {
  const root = Deno.makeTempDirSync();
  const write = (path: string, content: string) => {
    Deno.mkdirSync(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}/${path}`, content);
  };
  try {
    assert.throws(() => digestSource(root), MissingError);
    for (const path of ["deno.json", "deno.lock", "lib/x/a.ts", "evals/paper/tables.json", "cli/b.ts"]) {
      write(path, "1");
    }
    const before = digestSource(root);
    for (
      const path of [
        "README.md",
        "cli/help_snapshot.txt",
        "docs/protocol.md",
        "fixtures/golden/g.json",
        "fixtures/assert.ts",
        "kernels/conformance/linear.ts",
        "kernels/reference/linear.ts",
        "lib/x/_golden.ts",
        "lib/x/a_test.ts",
        "lib/x/notes.md",
        "lib/x/.DS_Store",
      ]
    ) {
      write(path, "1");
      assert.equal(digestSource(root), before, path);
    }
    const seen = new Set([before]);
    for (
      const path of ["lib/x/a.ts", "lib/x/new.ts", "evals/paper/tables.json", "deno.lock", "kernels/k.wgsl"]
    ) {
      write(path, "2");
      assert.ok(!seen.has(digestSource(root)), path);
      seen.add(digestSource(root));
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("digestSource() does not depend on where the source lies", () => {
  const [a, b] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  for (const root of [a, b]) Deno.writeTextFileSync(`${root}/deno.json`, "{}");
  assert.equal(digestSource(a), digestSource(b));
  for (const root of [a, b]) Deno.removeSync(root, { recursive: true });
});

Deno.test("describeEngine() adds the machine's facts", () => {
  const engine = describeEngine({ device: "cpu", runtime: "onnxruntime-node 1.30.0", threads: 2 });
  assert.equal(engine.deno, Deno.version.deno);
  assert.ok(engine.cpu.length > 0);
});

Deno.test("engineDescription() gives back the description that engineFacts() shortened", () => {
  const descriptions: EngineDescription[] = [
    { engine: "cpu", onnxruntime: "1.30.0", threads: 2 },
    { engine: "webgpu", adapter: "NVIDIA H200", driver: "NVIDIA, 570.1", software: 0 },
    { engine: "webgpu", adapter: "llvmpipe (LLVM 15.0.6, 256 bits)", software: 1 },
  ];
  for (const description of descriptions) {
    assert.deepEqual(engineDescription(engineFacts(description)), description);
  }
  assert.equal(engineDescription({ device: "cpu", runtime: "another 1.0", threads: 1 }), undefined);
});
