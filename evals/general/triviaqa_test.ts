import { assert, sharedData, testWith } from "#test";
import { UsageError } from "#errors";
import { golden } from "../../fixtures/golden_data.ts";
import { Mirror } from "../../lib/data/mirror.ts";
import { loadTriviaQa } from "./load.ts";
import {
  lmEvalAnswer,
  lmEvalMatches,
  officialMatches,
  officialNormal,
  scoreTriviaQa,
  triviaQaItems,
  triviaQaName,
  triviaQaRequests,
} from "./triviaqa.ts";

interface Case {
  text: string;
  aliases: string[];
  lmEval: { answer: string; match: number };
  official: { normal: string; match: number };
}

const { triviaqa } = golden<{ triviaqa: { cases: Case[]; prompt: string } }>("general/answers.json");

Deno.test("lmEvalAnswer() and lmEvalMatches() agree with lm-eval's stop strings, filter and exact match", () => {
  for (const { text, aliases, lmEval } of triviaqa.cases) {
    assert.equal(lmEvalAnswer(text), lmEval.answer, JSON.stringify(text));
    assert.equal(Number(lmEvalMatches(lmEval.answer, aliases)), lmEval.match, JSON.stringify(text));
  }
});

Deno.test("officialNormal() and officialMatches() agree with TriviaQA's evaluation script", () => {
  for (const { text, aliases, official } of triviaqa.cases) {
    const line = text.split("\n")[0]!;
    assert.equal(officialNormal(line), official.normal, JSON.stringify(text));
    assert.equal(Number(officialMatches(line, aliases)), official.match, JSON.stringify(text));
  }
});

Deno.test("scoreTriviaQa() reports both normalisations of one generation, empty answers, and warns when they differ", () => {
  const rows = triviaqa.cases.map(({ aliases }) => ({ question: "Where", aliases }));
  const items = triviaQaItems(rows);
  assert.equal(items[0]!.prompt, triviaqa.prompt.replace("Where??", "Where?"));
  assert.deepEqual(triviaQaRequests(items, { subset: "open", maxNewTokens: 9 })[0]!.stops, ["\n"]);
  const generations = triviaqa.cases.map(({ text }) => ({ text, tokens: 1, stopped: "stop" as const }));
  const { metrics, counts, warnings } = scoreTriviaQa(items, generations);
  const sum = (of: (one: Case) => number) => triviaqa.cases.reduce((total, one) => total + of(one), 0);
  const lmEval = sum((one) => one.lmEval.match), official = sum((one) => one.official.match);
  assert.equal(metrics["exact_match,em-lmeval"], lmEval / items.length);
  assert.equal(metrics["exact_match,em-official"], official / items.length);
  assert.ok(metrics["exact_match_stderr,em-lmeval"]! > 0);
  assert.deepEqual(counts, {
    items: items.length,
    "correct,em-lmeval": lmEval,
    "correct,em-official": official,
    "unparsed,em-lmeval": 2,
    "unparsed,em-official": 3,
    stopped_by_length: 0,
  });
  assert.equal(warnings.length, 1);
});

Deno.test("triviaQaName() gives lm-eval's name to its own rows alone", () => {
  assert.equal(triviaQaName(17944, "rc.nocontext"), "triviaqa");
  assert.equal(triviaQaName(11313, "open"), "triviaqa-open");
  assert.equal(triviaQaName(10, "open"), "triviaqa-open-10-of-11313");
});

Deno.test("loadTriviaQa() reads the hub's column of aliases, and refuses a question without an answer", async () => {
  const root = await Deno.makeTempDir();
  try {
    const folder = `${root}/mandarjoshi/trivia_qa/rc.nocontext`;
    await Deno.mkdir(folder, { recursive: true });
    const row = (aliases: string[]) =>
      JSON.stringify({ question: "q?", answer: { value: "v", aliases } }) + "\n";
    await Deno.writeTextFile(`${folder}/validation.jsonl`, row(["a", "b"]));
    const options = { subset: "rc.nocontext", maxNewTokens: 8 } as const;
    const { data, name } = await loadTriviaQa(new Mirror(root), options);
    assert.deepEqual(data.items, [{
      id: "1",
      question: "q?",
      aliases: ["a", "b"],
      prompt: "Question: q??\nAnswer:",
    }]);
    assert.equal(name, "triviaqa-1-of-17944");
    await Deno.writeTextFile(`${folder}/validation.jsonl`, row([]));
    await assert.rejects(
      loadTriviaQa(new Mirror(root), options),
      (error) => error instanceof UsageError && /line 1: a question without an answer/.test(error.message),
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

testWith(sharedData, "loadTriviaQa() reads all 11,313 open questions", async (root) => {
  const { name, data } = await loadTriviaQa(new Mirror(root), { subset: "open", maxNewTokens: 256 });
  assert.deepEqual([name, data.items.length], ["triviaqa-open", 11313]);
  assert.equal(data.items[0]!.prompt, "Question: Who was the man behind The Chipmunks??\nAnswer:");
});
