/**
 * Many short strings in little memory: ids of documents, and keys of texts.
 *
 * A string takes its UTF-8, 4 bytes for where that ends, and 6 to 12 for being found: a tenth of what it takes in a `Set`. There
 * may be more of them than a `Set` can hold (2²⁴).
 *
 * @module
 */

/** Parts in which memory is taken, so that what is there is not copied when more is needed. */
const CHUNK_BITS = 20, CHUNK = 1 << CHUNK_BITS, IN_CHUNK = CHUNK - 1;

const ENCODER = new TextEncoder(), DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** A list of strings in which the place of each can be found. Strings that differ only in lone surrogates are the same to it. */
export class StringIndex implements Disposable {
  /** UTF-8 of all strings, one behind the other. */
  #bytes: Uint8Array<ArrayBuffer>[] = [];
  /** Where each ends. */
  #ends: Uint32Array<ArrayBuffer>[] = [];
  #size = 0;
  /** 1 + place of a string, or 0; a string stands at its hash or, if that is taken, behind it. */
  #slots = new Int32Array(16);
  #scratch = new Uint8Array(256);

  /** Number of strings, each counted as often as it was added. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a string at the end.
   *
   * @returns the place, from 0, of the first that is equal; -1 if it is new
   * @throws RangeError if all of them together have more than 4 GiB
   */
  push(text: string): number {
    const length = this.#encode(text), slot = this.#slotOf(length), found = this.#slots[slot]! - 1;
    const start = this.#endOf(this.#size - 1), end = start + length;
    if (end >= 2 ** 32) throw new RangeError("the strings have more than 4 GiB");
    for (let i = 0; i < length; i++) {
      const at = start + i;
      (this.#bytes[at >>> CHUNK_BITS] ??= new Uint8Array(CHUNK))[at & IN_CHUNK] = this.#scratch[i]!;
    }
    const place = this.#size++;
    (this.#ends[place >>> CHUNK_BITS] ??= new Uint32Array(CHUNK))[place & IN_CHUNK] = end;
    if (found < 0) {
      this.#slots[slot] = place + 1;
      if (3 * this.#size > 2 * this.#slots.length) this.#spread();
    }
    return found;
  }

  /** Place of a string, the first if it is there more than once; -1 if it is not there. */
  find(text: string): number {
    return this.#slots[this.#slotOf(this.#encode(text))]! - 1;
  }

  /** The string at a place. */
  at(place: number): string {
    if (!(place >= 0 && place < this.#size)) throw new RangeError(`no string ${place} of ${this.#size}`);
    return DECODER.decode(this.#scratch.subarray(0, this.#load(place)));
  }

  /** Gives the memory back at once: the collector, which sees small objects, would leave it for long. The list is empty then. */
  [Symbol.dispose](): void {
    for (const part of [...this.#bytes, ...this.#ends, this.#slots]) free(part);
    [this.#bytes, this.#ends, this.#slots, this.#size] = [[], [], new Int32Array(16), 0];
  }

  /** Puts a string's UTF-8 into the scratch memory. */
  #encode(text: string): number {
    if (this.#scratch.length < 3 * text.length) this.#scratch = new Uint8Array(3 * text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return ENCODER.encodeInto(text, this.#scratch).written;
      this.#scratch[i] = unit;
    }
    return text.length;
  }

  /** Puts the UTF-8 of the string at a place there. */
  #load(place: number): number {
    const start = this.#endOf(place - 1), length = this.#endOf(place) - start;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    for (let i = 0; i < length; i++) this.#scratch[i] = this.#byte(start + i);
    return length;
  }

  #byte(at: number): number {
    return this.#bytes[at >>> CHUNK_BITS]![at & IN_CHUNK]!;
  }

  #endOf(place: number): number {
    return place < 0 ? 0 : this.#ends[place >>> CHUNK_BITS]![place & IN_CHUNK]!;
  }

  /** Slot of the string in the scratch memory: where it stands, or where it would. */
  #slotOf(length: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(length) & mask;
    while (this.#slots[slot] !== 0 && !this.#isAt(this.#slots[slot]! - 1, length)) slot = (slot + 1) & mask;
    return slot;
  }

  #isAt(place: number, length: number): boolean {
    const start = this.#endOf(place - 1);
    if (this.#endOf(place) - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#byte(start + i) !== this.#scratch[i]) return false;
    return true;
  }

  /** FNV-1a with the last step of MurmurHash3, of the scratch memory: ids that count up must not stand in a row. */
  #hash(length: number): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ this.#scratch[i]!, 0x01000193);
    hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
    return hash ^ hash >>> 16;
  }

  /** Doubles the slots. */
  #spread(): void {
    const taken = this.#slots;
    this.#slots = new Int32Array(2 * taken.length);
    const mask = this.#slots.length - 1;
    for (const entry of taken) {
      if (entry === 0) continue;
      let slot = this.#hash(this.#load(entry - 1)) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry;
    }
    free(taken);
  }
}

function free({ buffer }: { readonly buffer: ArrayBuffer }): void {
  buffer.transfer(0);
}
