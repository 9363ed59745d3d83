/**
 * SHA-256 of contents in memory (FIPS 180-4), without an object for each.
 *
 * A workaround: `node:crypto` makes a native object for every digest, about 200 bytes that V8 does not see and collects late. Of
 * the ten million digests of a corpus of two million documents, more than 100 MB were left at a time. It can go when one call
 * digests without such an object. What is long is still digested natively (`hash.ts`), which is three times as fast.
 *
 * @module
 */

/** The first 32 bits of the fractional parts of a root of the first 64 primes. */
function fractions(root: (prime: number) => number, count: number): Int32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) isPrime = false;
    if (isPrime) found.push((root(n) % 1) * 2 ** 32);
  }
  return Int32Array.from(found, (value) => Math.floor(value) | 0);
}

const ROUND = fractions(Math.cbrt, 64), START = fractions(Math.sqrt, 8);

const encoder = new TextEncoder(), words = new Int32Array(64), state = new Int32Array(8);
const digest = new Uint8Array(32), result = new DataView(digest.buffer);
let bytes = new Uint8Array(1024);

/** SHA-256 of bytes, or of a text's UTF-8: 32 bytes, which the next call overwrites. */
export function sha256(content: string | Uint8Array): Uint8Array {
  const length = load(content), end = (length + 9 + 63) & ~63;
  bytes.fill(0, length, end);
  bytes[length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(end - 8, Math.floor(length / 2 ** 29));
  view.setUint32(end - 4, length << 3 >>> 0);
  state.set(START);
  for (let at = 0; at < end; at += 64) addBlock(at);
  state.forEach((word, i) => result.setInt32(4 * i, word));
  return digest;
}

/** Puts a content into `bytes`, with room for what is put behind it. */
function load(content: string | Uint8Array): number {
  const most = (typeof content === "string" ? 3 : 1) * content.length + 72;
  if (bytes.length < most) bytes = new Uint8Array(most);
  if (typeof content === "string") return encoder.encodeInto(content, bytes).written;
  bytes.set(content);
  return content.length;
}

/** The compression function. */
function addBlock(at: number): void {
  for (let t = 0; t < 16; t++, at += 4) {
    words[t] = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  }
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!, y = words[t - 2]!;
    const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
    const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
    words[t] = words[t - 16]! + s0 + words[t - 7]! + s1 | 0;
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const first = h + s1 + (e & f ^ ~e & g) + ROUND[t]! + words[t]! | 0;
    const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const second = s0 + (a & b ^ a & c ^ b & c) | 0;
    h = g;
    g = f;
    f = e;
    e = d + first | 0;
    d = c;
    c = b;
    b = a;
    a = first + second | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
