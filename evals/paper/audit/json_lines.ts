/**
 * JSON whose numbers keep their digits, and in which line of the text each value stands.
 *
 * @module
 */
import { UsageError } from "#errors";
import { Printed } from "./printed.ts";

/** Keys and positions that lead to a value. */
export type JsonPath = readonly (string | number)[];

/** A parsed text. */
export interface NumberedJson {
  /** The value; every number in it is a {@linkcode Printed}. */
  readonly value: unknown;
  /** Line of the value at a path, from 1; of the nearest value around it where there is none. */
  lineOf(path: JsonPath): number;
}

/**
 * Parses JSON. A number that is not plainly printed, such as 1e2, is an error, and so is a key that occurs twice in an
 * object, of which other readers take the last.
 *
 * @param source name of the file in messages
 * @throws {UsageError} naming file and line
 */
export function parseNumberedJson(text: string, source: string): NumberedJson {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`"${source}" is not JSON: ${(cause as Error).message}`, "fix the syntax", { cause });
  }
  const scanner = new Scanner(text, source);
  const value = scanner.value([]);
  return {
    value,
    lineOf: (path) => {
      for (let length = path.length; length > 0; length--) {
        const line = scanner.lines.get(JSON.stringify(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

/** Reads a text that is known to be JSON. */
class Scanner {
  readonly lines = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(private readonly text: string, private readonly source: string) {}

  value(path: JsonPath): unknown {
    this.#skipSpace();
    this.lines.set(JSON.stringify(path), this.#line);
    switch (this.text[this.#at]) {
      case "{":
        return this.#object(path);
      case "[":
        return this.#array(path);
      case '"':
        return this.#string();
      default:
        return this.#plain();
    }
  }

  #object(path: JsonPath): unknown {
    const entries = new Map<string, unknown>();
    this.#at++;
    while (this.#next() !== "}") {
      const key = this.#string();
      if (entries.has(key)) this.#fail(`the key "${key}" is there twice`, "remove one of them");
      this.#next(); // the colon
      entries.set(key, this.value([...path, key]));
    }
    return Object.fromEntries(entries);
  }

  #array(path: JsonPath): unknown {
    const items: unknown[] = [];
    this.#at++;
    while (true) {
      this.#skipSpace();
      if (this.text[this.#at] === "]") break;
      items.push(this.value([...path, items.length]));
      this.#skipSpace();
      if (this.text[this.#at] === ",") this.#at++;
    }
    this.#at++;
    return items;
  }

  /** Steps over space and a comma or colon to what follows; a closing brace is stepped over too. */
  #next(): string {
    this.#skipSpace();
    if (this.text[this.#at] === "," || this.text[this.#at] === ":") this.#at++;
    this.#skipSpace();
    const found = this.text[this.#at]!;
    if (found === "}") this.#at++;
    return found;
  }

  #string(): string {
    const token = this.#token(/"(?:[^"\\]|\\.)*"/y);
    return JSON.parse(token);
  }

  #plain(): unknown {
    const token = this.#token(/[^\s,\]}]+/y);
    if (token === "true" || token === "false" || token === "null") return JSON.parse(token);
    return Printed.parse(token) ?? this.#fail(
      `${token} is not a number as it is printed`,
      "write it as a plain decimal of at most 9 digits behind the point",
    );
  }

  #token(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [token] = pattern.exec(this.text)!;
    this.#at += token.length;
    return token;
  }

  #skipSpace(): void {
    for (; /[ \t\r\n]/.test(this.text[this.#at] ?? ""); this.#at++) {
      if (this.text[this.#at] === "\n") this.#line++;
    }
  }

  #fail(cause: string, cure: string): never {
    throw new UsageError(`"${this.source}" line ${this.#line}: ${cause}`, cure);
  }
}
