import { assert } from "#test";
import { UsageError } from "#errors";
import { answers, baselineOf, itemsOf, scoreOf } from "./_scores.ts";
import { type Baseline, baselineText, parseBaseline } from "./baseline.ts";

const baseline = baselineOf([
  scoreOf("A", itemsOf(answers(40, 0.5, 1))),
  scoreOf("B", itemsOf(Array.from({ length: 100 }, (_, i) => Math.fround(Math.sin(i))))),
]);
const text = baselineText(baseline);

function refuses(text: string, message: RegExp, cure = /./): void {
  assert.throws(() => parseBaseline(text, "b.json"), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, message);
    assert.match(error.cure, cure);
    return true;
  });
}

/** The text with something else in it. */
function edited(edit: (json: Record<string, unknown> & Baseline) => void): string {
  const json = JSON.parse(text);
  edit(json);
  return JSON.stringify(json, null, 2);
}

Deno.test("parseBaseline() reads what baselineText() wrote, which has one text whatever the order of keys", () => {
  assert.deepEqual(parseBaseline(text, "b.json"), JSON.parse(JSON.stringify(baseline)));
  const { tasks, ...rest } = baseline;
  const turned = { tasks: Object.fromEntries(Object.entries(tasks).reverse()), ...rest };
  assert.equal(baselineText(turned), text);
  assert.ok(text.split("\n").every((line) => line.length < 120), "short lines");
});

Deno.test("parseBaseline() refuses a baseline that ends early, wherever it ends", () => {
  for (let length = 0; length < text.length - 2; length += 97) {
    refuses(text.slice(0, length), /is not a baseline/);
  }
  refuses(`<<<<<<< ours\n${text}`, /is not a baseline/, /conflict/);
});

Deno.test("parseBaseline() refuses whatever was edited by hand but the tolerance", () => {
  const changed = /was changed after it was measured/;
  refuses(edited((json) => Object.assign(json.tasks["A"]!, { score: 0.4 })), changed);
  refuses(edited((json) => Object.assign(json.tasks["A"]!, { rows: "d".repeat(64) })), changed);
  refuses(edited((json) => Object.assign(json, { suite: "other" })), changed);
  refuses(edited((json) => Object.assign(json.settings, { kind: "backbone" })), changed);
  refuses(edited((json) => delete (json.tasks as Record<string, unknown>)["B"]), changed);
  refuses(edited((json) => Object.assign(json, { measured: "0".repeat(64) })), changed);
  refuses(edited((json) => delete json["measured"]), changed);
  const tolerance = { maxDropPoints: 2.5, confidence: 0.9, tasks: { B: 0 } };
  assert.deepEqual(
    parseBaseline(edited((json) => Object.assign(json, { tolerance })), "b").tolerance,
    tolerance,
  );
});

Deno.test("parseBaseline() refuses tolerances that are none, naming them", () => {
  const tolerate = (change: object) => edited((json) => Object.assign(json.tolerance, change));
  refuses(tolerate({ maxDropPoints: "1" }), /"tolerance\.maxDropPoints": .*expected number.*\(found "1"\)/);
  refuses(tolerate({ maxDropPoints: -1 }), /"tolerance\.maxDropPoints": expected points of at least 0/);
  refuses(tolerate({ maxDropPoints: null }), /"tolerance\.maxDropPoints"/);
  refuses(tolerate({ confidence: 1 }), /"tolerance\.confidence": .*0\.99/);
  refuses(tolerate({ tasks: { A: true } }), /"tolerance\.tasks\.A"/);
  refuses(tolerate({ maxDrop: 1 }), /"tolerance": .*maxDrop/);
  refuses(
    tolerate({ tasks: { Aa: 1 } }),
    /names the task "Aa", which the baseline does not have/,
    /did you mean "A"/,
  );
  refuses(text.replace('"maxDropPoints": 1,', '"maxDropPoints": 1, "maxDropPoints": 9,'), /there twice/);
});

Deno.test("parseBaseline() says of another version that it is one, and of another file that it is none", () => {
  refuses(
    edited((json) => Object.assign(json, { schema: "grace-baseline/0" })),
    /has the form grace-baseline\/0, this version reads grace-baseline\/1/,
    /measure the trusted model again/,
  );
  refuses('{"schema":"grace-score/1"}', /its schema is "grace-score\/1"/, /check --update/);
  refuses("{}", /its schema is not told/);
  refuses("[1]", /is not a baseline/);
});
