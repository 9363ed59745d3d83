/**
 * The documents that a retrieval task searches. There may be many millions: in memory is what ranking needs of each, its id and the
 * key of its text, about 60 bytes of a document with an id of ten; its text is read again from its file when it is embedded.
 *
 * @module
 */
import { StringIndex } from "../../lib/data/string_index.ts";
import { type Texts, textsInMemory } from "../texts.ts";

/** A query or a document. */
export interface IdentifiedText {
  readonly id: string;
  readonly text: string;
}

/** Documents in their order. */
export class Corpus {
  /** @param ids one for each text */
  constructor(readonly ids: StringIndex, readonly texts: Texts) {}

  /** Documents in memory. */
  static of(documents: readonly IdentifiedText[]): Corpus {
    const ids = new StringIndex();
    for (const { id } of documents) ids.push(id);
    return new Corpus(ids, textsInMemory(documents.map(({ text }) => text)));
  }

  /** Number of documents. */
  get size(): number {
    return this.texts.size;
  }

  /** Reads all documents in order. */
  read(onDocument: (document: IdentifiedText, place: number) => void | Promise<void>): Promise<void> {
    return this.texts.read((text, place) => onDocument({ id: this.ids.at(place), text }, place));
  }
}
