import { assert } from "#test";
import { UsageError } from "#errors";
import { DocumentOrder } from "./document_order.ts";

/** 40 documents of 3 to 9 tokens. */
const lengths = Array.from({ length: 40 }, (_, i) => 3 + i * 5 % 7);

const tokens = (documents: readonly number[]) => documents.reduce((sum, i) => sum + lengths[i]!, 0);

Deno.test("DocumentOrder gives every document once an epoch, in another order each time", () => {
  const order = new DocumentOrder(lengths, 32, 7), stream: number[] = [];
  for (let step = 1; stream.length < 80; step++) stream.push(...order.at(step));
  const first = stream.slice(0, 40), second = stream.slice(40, 80);
  assert.equal(new Set(first).size, 40);
  assert.equal(new Set(second).size, 40);
  assert.notDeepEqual(first, second);
});

Deno.test("DocumentOrder fills a step until the next document does not fit", () => {
  const order = new DocumentOrder(lengths, 32, 7);
  for (let step = 1; step < 20; step++) {
    const documents = order.at(step);
    assert.ok(tokens(documents) <= 32);
    assert.ok(tokens([...documents, order.at(step + 1)[0]!]) > 32);
  }
});

Deno.test("DocumentOrder.at() depends on the step and the seed alone", () => {
  const asked = new DocumentOrder(lengths, 32, 7);
  asked.at(30);
  asked.at(2);
  assert.deepEqual(asked.at(17), new DocumentOrder(lengths, 32, 7).at(17));
  assert.notDeepEqual(asked.at(17), new DocumentOrder(lengths, 32, 8).at(17));
});

Deno.test("DocumentOrder refuses no documents, and one that is longer than a step", () => {
  assert.throws(() => new DocumentOrder([], 32, 7), UsageError);
  assert.throws(() => new DocumentOrder([3, 33], 32, 7), UsageError);
});
