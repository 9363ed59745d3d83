import fc from "fast-check";
import { assert } from "#test";
import { SlotGroups } from "./slot_groups.ts";

interface Named {
  readonly name: number;
  readonly kind: number;
}

const actions = fc.array(
  fc.oneof(
    fc.record({ add: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 9 }) }),
    fc.record({ remove: fc.nat(30) }),
  ),
  { maxLength: 40 },
);

Deno.test("SlotGroups keeps kinds side by side, and what belongs to a slot with its sequence", () => {
  fc.assert(
    fc.property(actions, (list) => {
      const memory: number[] = [], expected = new Map<number, Named>();
      let next = 0, moves = 0;
      const groups = new SlotGroups<Named>(({ kind }) => kind, (from, to) => {
        memory[to] = memory[from]!;
        moves++;
      });
      for (const action of list) {
        if ("add" in action) {
          const added = action.add.map((kind) => ({ name: next++, kind }));
          groups.add(added);
          for (const one of added) {
            memory[groups.sequences.indexOf(one)] = one.name;
            expected.set(one.name, one);
          }
          // Those of a kind follow each other as they came.
          for (const kind of new Set(action.add)) {
            const slots = added.filter((one) => one.kind === kind).map((one) =>
              groups.sequences.indexOf(one)
            );
            slots.forEach((slot, i) => assert.equal(slot, slots[0]! + i));
          }
        } else if (groups.sequences.length > 0) {
          const slot = action.remove % groups.sequences.length;
          expected.delete(groups.sequences[slot]!.name);
          moves = 0;
          groups.remove(slot);
          assert.ok(moves <= 4, `${moves} moves`);
        }
        const { sequences } = groups;
        assert.deepEqual(new Set(sequences), new Set(expected.values()));
        sequences.forEach(({ name, kind }, slot) => {
          assert.equal(memory[slot], name);
          assert.ok(slot === 0 || sequences[slot - 1]!.kind <= kind);
        });
        let at = 0;
        for (const { kind, from, to } of groups.runs()) {
          assert.equal(from, at);
          for (; at < to; at++) assert.equal(sequences[at]!.kind, kind);
        }
        assert.equal(at, sequences.length);
      }
    }),
    { seed: 251004506, numRuns: 300 },
  );
});
