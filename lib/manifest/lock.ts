/**
 * The lock of a run (`grace.lock.json`): digests of everything that goes in. Generated, sorted and diff-friendly;
 * it holds contents, never absolute paths or dates, so that the same run elsewhere has the same lock.
 *
 * @module
 */
import { z } from "zod";
import { MissingError, UsageError } from "#errors";
import { requireJson } from "./canonical.ts";

const sha256 = () => z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const count = () => z.int().min(0);

/** A name inside a root: relative, with `/`, never leaving it. */
const relativeName = z.string().regex(
  /^(?![\/\\])(?![A-Za-z]:)(?!(.*[\/\\])?\.\.([\/\\]|$))[^\\]+$/,
  'expected a relative path with "/"',
);

/** Everything that determines the bits of a run, apart from its settings. */
export const lockSchema = z.strictObject({
  version: z.literal(1).describe("Version of this format."),
  tool: z.strictObject({
    version: z.string().min(1).describe("Version of grace-repro."),
    source: sha256().describe("Digest of its source files."),
  }),
  inputs: z.record(
    relativeName,
    z.strictObject({
      sha256: sha256().describe("SHA-256 of the file as stored."),
      bytes: count().describe("Size as stored."),
      rows: count().exactOptional().describe("Data rows; only for data files."),
    }),
  ).describe(
    'Every file that was read: "backbone/..." inside the model folder, "data/..." inside the data root.',
  ),
  prompt: z.strictObject({
    tokenizer: sha256().describe("Digest of the tokenizer's definition."),
    chatTemplate: sha256().describe("Digest of the chat template's text."),
    system: sha256().describe("Digest of the system message."),
    systemTokens: z.int().min(1).describe("L_sys: tokens before the text, which are never pooled."),
    eosIds: z.array(count()).min(1).describe("Token ids that end a rationale, ascending."),
  }),
  order: sha256().describe("Digest of the order in which training examples are drawn."),
  engine: z.strictObject({
    device: z.string().min(1).describe("Engine and device: cpu, or the name of the GPU."),
    runtime: z.string().min(1).describe("Kernel library and version."),
    threads: count().describe("Threads of the engine; 0 = not applicable."),
    cpu: z.string().min(1).describe("CPU model."),
    deno: z.string().min(1).describe("Version of Deno."),
  }),
});

/** Everything that determines the bits of a run, apart from its settings. */
export type Lock = z.infer<typeof lockSchema>;

/**
 * The text of `grace.lock.json`: keys sorted at every depth, two spaces, a newline at the end.
 *
 * @throws {UsageError} if a value does not fit the format, for instance an absolute path
 */
export function lockText(lock: Lock): string {
  requireJson(lock, "");
  return JSON.stringify(sorted(check(lock, "the lock")), null, 2) + "\n";
}

/**
 * Reads a lock file's text.
 *
 * @param source the file's name, for messages
 * @throws {UsageError} if it is not a lock
 */
export function parseLock(text: string, source: string): Lock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `"${source}" is not JSON: ${(error as Error).message}`,
      "run without --frozen to make it again",
      {
        cause: error,
      },
    );
  }
  return check(value, source);
}

/**
 * Reads a lock file.
 *
 * @throws {MissingError} if it cannot be read
 * @throws {UsageError} if it is not a lock
 */
export function loadLock(path: string): Lock {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new MissingError(
      `cannot read the lock "${path}": ${(error as Error).message}`,
      "run once without --frozen to make it",
      {
        cause: error,
      },
    );
  }
  return parseLock(text, path);
}

function check(value: unknown, source: string): Lock {
  const result = lockSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `"${issue.path.join(".")}": ${issue.message}`);
  throw new UsageError(`${source}: ${problems.join("; ")}`, "run without --frozen to make it again");
}

/** The same value with the keys of every object in ascending order of their UTF-16 code units. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}
