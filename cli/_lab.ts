/**
 * A folder with everything that the commands need at their smallest: data, a manifest and a model of 60,000 parameters.
 * For tests that drive the real program and need nothing outside the repository.
 *
 * @module
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { writeEmbeddedMirror } from "../fixtures/embedded_mirror.ts";
import { TINY_TRIPLETS, writeTinyMirror } from "../fixtures/tiny_mirror.ts";
import { writeSafetensors } from "../lib/backbone/safetensors_writer.ts";
import { openSafetensors } from "../lib/backbone/safetensors.ts";
import { launch, type Outcome } from "./_launch.ts";

/** A random model with tokenizer and chat template, of 512 positions. */
export const tinyModel: string = fileURLToPath(
  new URL("../fixtures/golden/models/llama-tied", import.meta.url),
);

/** Settings that fit it. */
const settings = {
  backbone: tinyModel,
  suite: "smoke",
  data: { train: TINY_TRIPLETS },
  prompt: { system: "Think.", promptTokens: 120 },
  sampling: { k: 3, maxNewTokens: 8 },
  evaluation: { maxNewTokens: 6 },
  train: { steps: 3, promptsPerStep: 4, miniBatches: 2, checkpointEvery: 3 },
  cl: { steps: 3, batch: 4 },
};

/** Where this checkout lies. */
const root = fileURLToPath(new URL("../", import.meta.url));

/** Sections of a manifest that a test sets. */
export type Sections = Record<string, string | number | string[] | Record<string, unknown>>;

/** A temporary folder, removed when disposed. */
export class Lab implements Disposable {
  private constructor(readonly root: string) {}

  /** Makes the folder, with data in `data`. */
  static async create(): Promise<Lab> {
    const lab = new Lab(Deno.makeTempDirSync({ prefix: "grace repro " }));
    await writeTinyMirror(lab.path("data"));
    return lab;
  }

  /** A path inside. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Writes a manifest in which some sections have other values, and returns its path. */
  manifest(changes: Sections = {}): string {
    const merged: Sections = { ...settings };
    for (const [key, value] of Object.entries(changes)) {
      const old = merged[key];
      merged[key] = typeof value === "object" && !Array.isArray(value)
        ? { ...old as object, ...value }
        : value;
    }
    return this.write("grace.json", JSON.stringify(merged));
  }

  /** Writes a file and returns its path. */
  write(name: string, content: string): string {
    Deno.writeTextFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Arguments of `run` into a folder of this one. */
  runArgs(manifest: string, out: string): string[] {
    return ["run", "--manifest", manifest, "--data-root", this.path("data"), "--out", this.path(out)];
  }

  /** Runs to the end. */
  run(manifest: string, out: string): Promise<Outcome> {
    return launch(this.runArgs(manifest, out));
  }

  /**
   * The program with another backbone and other data built in, those of tests: a checkout of links to this one, but for
   * `fixtures/tiny`. Returns its launcher.
   */
  async checkout(): Promise<string> {
    const at = this.path("checkout");
    Deno.mkdirSync(join(at, "fixtures/tiny"), { recursive: true });
    for (const name of ["cli", "evals", "kernels", "lib", "deno.json", "deno.lock"]) {
      Deno.symlinkSync(join(root, name), join(at, name));
    }
    Deno.copyFileSync(join(root, "grace-repro"), join(at, "grace-repro"));
    Deno.symlinkSync(tinyModel, join(at, "fixtures/tiny/backbone"));
    const data = await writeEmbeddedMirror(join(at, "fixtures/tiny/data"), "tiny");
    Deno.mkdirSync(join(data, "tiny/triplets"), { recursive: true });
    const triplets = gzipSync(Deno.readFileSync(this.path("data", TINY_TRIPLETS)));
    Deno.writeFileSync(join(data, "tiny/triplets/train.jsonl.gz"), triplets);
    return join(at, "grace-repro");
  }

  /** A copy of the tiny model in which a test can spoil something. */
  copyModel(name = "model"): string {
    Deno.mkdirSync(this.path(name));
    for (const { name: file } of Deno.readDirSync(tinyModel)) {
      Deno.copyFileSync(join(tinyModel, file), this.path(name, file));
    }
    return this.path(name);
  }

  /** Removes the folder. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** The only folder in a folder: that of a run. */
export function onlyFolder(path: string): string {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name);
  if (names.length !== 1) throw new Error(`"${path}" holds ${JSON.stringify(names)}, not one folder`);
  return join(path, names[0]!);
}

/** Puts NaN into a weight of a copied model. */
export async function spoilWeight(model: string, weight: string): Promise<void> {
  const path = join(model, "model.safetensors");
  const source = openSafetensors([path]);
  const tensors = source.names().map((name) => ({
    name,
    shape: source.shape(name),
    data: source.read(name),
  }));
  source.close();
  tensors.find(({ name }) => name === weight)!.data[0] = NaN;
  Deno.removeSync(path);
  await writeSafetensors(path, new Map(tensors.map(({ name, shape }) => [name, shape])), tensors, "f32");
}
