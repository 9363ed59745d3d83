/**
 * The tiny exported encoder of the goldens, and copies of it with other files.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { float32, golden } from "../../fixtures/golden_data.ts";

/** Folder of the export. */
export const TINY: string = new URL("../../fixtures/golden/onnx_encoder/tiny-bert", import.meta.url).pathname;

/** One way of pooling, with what sentence-transformers makes of the texts. */
export interface Case {
  name: string;
  pooling: Record<string, unknown>;
  /** Modules behind pooling, in sentence-transformers' names. */
  steps: string[];
  prompt: string;
  dimension: number;
  /** Base64 of [texts, dimension] float32. */
  embeddings: string;
}

/** The golden file. */
export const tiny: { texts: string[]; ids: number[][]; cases: Case[] } = golden(
  "onnx_encoder/embeddings.json",
);

/** Embeddings of a case, one a text. */
export function expectedOf({ embeddings, dimension }: Case): Float32Array[] {
  const all = float32(embeddings);
  return tiny.texts.map((_, i) => all.subarray(i * dimension, (i + 1) * dimension));
}

/** A file of a copy: JSON, bytes, or null to leave it out. */
export type Change = object | Uint8Array | null;

/** Runs `use` with a copy of the export in which some files are others. */
export async function withTiny(
  changes: Readonly<Record<string, Change>>,
  use: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    copy(TINY, folder);
    for (const [name, change] of Object.entries(changes)) {
      const path = join(folder, name);
      if (change === null) Deno.removeSync(path);
      else {
        Deno.mkdirSync(dirname(path), { recursive: true });
        if (change instanceof Uint8Array) Deno.writeFileSync(path, change);
        else Deno.writeTextFileSync(path, JSON.stringify(change));
      }
    }
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function copy(from: string, to: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) {
      Deno.mkdirSync(join(to, name));
      copy(join(from, name), join(to, name));
    } else Deno.writeFileSync(join(to, name), Deno.readFileSync(join(from, name)));
  }
}

/** Parsed JSON of a file of the export. */
export function tinyJson(name: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(join(TINY, name)));
}

/** The content of `modules.json` with these modules behind pooling. */
export function modulesWith(steps: readonly string[]): object {
  const names = ["Transformer", "Pooling", ...steps];
  return names.map((name, idx) => ({
    idx,
    name: `${idx}`,
    path: idx === 0 ? "" : `${idx}_${name}`,
    type: `sentence_transformers.models.${name}`,
  }));
}
