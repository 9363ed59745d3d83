/**
 * Texts that a command is to work on: from its arguments, or JSON Lines from a file or stdin.
 *
 * @module
 */
import { UsageError } from "#errors";
import { readJsonl } from "../lib/data/jsonl.ts";

/**
 * The texts of `args`, or the "text" of each line of `input` ("-": stdin).
 *
 * @throws UsageError if there are none, if both are given, or if a text is blank
 */
export async function readTexts(
  args: readonly string[],
  input: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  if (args.length > 0 && input !== undefined) {
    throw new UsageError(`both texts and --input "${input}" are given`, "give one of them");
  }
  if (input === undefined && args.length === 0) {
    throw new UsageError("no text given", "name texts as arguments, or a file with --input");
  }
  if (input === undefined) return args.map((text, i) => notBlank(text, `text ${i + 1}`));
  const texts: string[] = [];
  const label = input === "-" ? "stdin" : input;
  await readJsonl(input, (row) => {
    const { text } = row.value;
    if (typeof text !== "string") {
      throw new UsageError(
        `"${label}" line ${row.line} has no string "text"`,
        'write {"text": ...} on each line',
      );
    }
    texts.push(notBlank(text, `"text" of "${label}" line ${row.line}`));
  }, { label, signal, stream: input === "-" ? Deno.stdin.readable : undefined });
  if (texts.length === 0) {
    throw new UsageError(`"${label}" holds no text`, 'write {"text": ...} on each line');
  }
  return texts;
}

function notBlank(text: string, what: string): string {
  if (text.trim() === "") throw new UsageError(`${what} is blank`, "leave it out: there is nothing to embed");
  return text;
}
