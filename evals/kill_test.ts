import { assert } from "#test";
import { writeTinyMirror } from "../fixtures/tiny_mirror.ts";

/** Every stage of an evaluation, by the names of its progress. */
const STAGES = [
  "embedding texts",
  "generating answers",
  "comparing answers",
  "running programs",
  "scoring tasks",
];

/** Two problems of which one is solved by `x + 1`, and one whose tests a program fails that is syntactically right. */
const PROBLEMS = [1, 2, 1, 3].map((step, i) => ({
  task_id: `HumanEval/${i}`,
  prompt: `def step${i}(x):\n    """Add ${step}."""\n`,
  test: `def check(candidate):\n    assert candidate(1) == ${1 + step}\n`,
  entry_point: `step${i}`,
}));

interface Outcome {
  /** The last progress, or what the evaluation did where it came to its end. */
  readonly last: Record<string, unknown>;
  readonly killed: boolean;
}

/**
 * Evaluates in a process of its own.
 *
 * @param kill stage in which it is killed, share of it that is done then, and milliseconds that pass until it is
 */
async function evaluate(
  folder: string,
  name: string,
  kill: readonly [stage: string, share: number, delay: number] | readonly [] = [],
): Promise<Outcome> {
  const script = new URL("./_suite_process.ts", import.meta.url).pathname;
  const places = [`${folder}/data`, `${folder}/${name}`, `${folder}/${name}.calls`];
  const args = ["run", "--no-check", "-A", script, ...places, ...kill.map(String)];
  const { success, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success && signal !== "SIGKILL") assert.fail(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return { last: JSON.parse(lines.at(-1)!), killed: !success };
}

/** Names and content of all files below a folder. */
function contentOf(folder: string, prefix = ""): Record<string, string> {
  return Object.assign(
    {},
    ...[...Deno.readDirSync(folder)].map(({ name, isDirectory }) =>
      isDirectory
        ? contentOf(`${folder}/${name}`, `${prefix}${name}/`)
        : { [prefix + name]: Deno.readFileSync(`${folder}/${name}`).toHex() }
    ),
  );
}

const linesOf = (path: string) => Deno.readTextFileSync(path).split("\n").filter(Boolean);

Deno.test("runSuite() repeats nothing that is finished, and leaves the same bytes, when it is killed in every stage", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeTinyMirror(`${folder}/data`);
    await Deno.mkdir(`${folder}/data/openai/openai_humaneval`, { recursive: true });
    await Deno.writeTextFile(
      `${folder}/data/openai/openai_humaneval/test.jsonl`,
      PROBLEMS.map((problem) => JSON.stringify(problem) + "\n").join(""),
    );
    const whole = await evaluate(folder, "whole");
    assert.deepEqual(whole.last["programs"], { run: 4, reused: 0 });

    // At once, and somewhere in what comes next; scoring does not let a timer through.
    const kills = STAGES.flatMap((stage) => {
      const delays = stage === "scoring tasks" ? [0] : [0, 3 * Math.random()];
      return delays.map((delay) => [stage, 0.9 * Math.random(), delay] as const);
    });
    const killedIn = new Set<unknown>();
    for (const kill of kills) {
      const { last, killed } = await evaluate(folder, "killed", kill);
      if (killed) killedIn.add(last["stage"]);
    }
    assert.deepEqual(STAGES.filter((stage) => !killedIn.has(stage)), []);
    const ran = linesOf(`${folder}/killed/executions.jsonl`).length - 1;
    const { last, killed } = await evaluate(folder, "killed");
    assert.ok(!killed);
    assert.deepEqual(last["programs"], { run: 4 - ran, reused: ran });

    const calls = linesOf(`${folder}/killed.calls`);
    assert.deepEqual(calls.filter((call, i) => calls.indexOf(call) < i), [], "asked of the model twice");
    // A kill between storing and logging a result costs the line.
    const all = linesOf(`${folder}/whole.calls`);
    assert.deepEqual(calls.filter((call) => !all.includes(call)), []);
    assert.ok(calls.length >= all.length - kills.length, `${calls.length} of ${all.length}`);
    assert.deepEqual(contentOf(`${folder}/killed`), contentOf(`${folder}/whole`));
    const endings = linesOf(`${folder}/killed/executions.jsonl`).slice(1).map((line) =>
      JSON.parse(line).kind
    );
    assert.deepEqual(endings, ["returned", "raised", "returned", "raised"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
