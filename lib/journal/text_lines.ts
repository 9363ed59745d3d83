/**
 * The lines of a file, of which only a part is in memory.
 *
 * @module
 */
import { UsageError } from "#errors";

/** A line without its `\n`. */
export interface TextLine {
  readonly text: string;
  /** Byte offset just after it and its `\n`. */
  readonly end: number;
  /** False of what stands behind the last `\n`. */
  readonly complete: boolean;
}

/** Size of a read; a longer line takes as many as it needs. */
const CHUNK_BYTES = 1 << 20;

/**
 * Lines of UTF-8, in order; the file is closed when the generator ends. What stands behind the last `\n` is one too, if anything does.
 *
 * @param longest bytes that a line may have, where the file is a stranger's
 * @throws {UsageError} if one has more
 */
export function* textLines(path: string, longest = Infinity): Generator<TextLine> {
  using file = Deno.openSync(path);
  const decoder = new TextDecoder();
  // What has been read and not yet handed out, and where in the file it begins.
  let rest = new Uint8Array(), offset = 0;
  for (;;) {
    let start = 0;
    for (let end; (end = rest.indexOf(0x0a, start)) >= 0; start = end + 1) {
      yield { text: decoder.decode(rest.subarray(start, end)), end: offset + end + 1, complete: true };
    }
    const left = rest.subarray(start), next = new Uint8Array(left.length + CHUNK_BYTES);
    if (left.length > longest) {
      throw new UsageError(
        `"${path}" has a line of more than ${longest} bytes at byte ${offset + start}`,
        "restore the file: no line that this program writes is as long",
      );
    }
    next.set(left);
    offset += start;
    const read = file.readSync(next.subarray(left.length));
    if (read === null) {
      if (left.length > 0) yield { text: decoder.decode(left), end: offset + left.length, complete: false };
      return;
    }
    rest = next.subarray(0, left.length + read);
  }
}
