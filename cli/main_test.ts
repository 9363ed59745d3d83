import { assert } from "#test";
import { launch, launcher, noAdapter } from "./_launch.ts";

const commands = [
  "run",
  "compare",
  "check",
  "eval",
  "embed",
  "explain",
  "verify",
  "diff",
  "audit",
  "sweep",
  "manifest",
  "manifest init",
  "manifest show",
  "manifest explain",
  "manifest lock",
  "manifest schema",
  "pull",
  "export",
  "serve",
  "doctor",
];
const snapshot = new URL("./help_snapshot.txt", import.meta.url);

/** Help of the program and of every command, as a reader would page through it. */
async function allHelp(): Promise<string> {
  const pages: string[] = [];
  for (const args of [["--help"], ...commands.map((command) => [...command.split(" "), "--help"])]) {
    const { code, stdout, stderr } = await launch(args);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    pages.push(`$ grace-repro ${args.join(" ")}\n${stdout}`);
  }
  return pages.join("\n");
}

Deno.test("--help says what help_snapshot.txt says (GRACE_UPDATE=1 rewrites it)", async () => {
  const help = await allHelp();
  if (Deno.env.get("GRACE_UPDATE")) await Deno.writeTextFile(snapshot, help);
  assert.equal(help, await Deno.readTextFile(snapshot));
});

Deno.test("--help leads with examples", async () => {
  const { stdout } = await launch(["--help"]);
  assert.match(stdout, /^Examples:\n {2}grace-repro run /);
});

Deno.test("grace-repro exits with 2 and names the cure when it is called wrongly", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["rum"], /^error: unknown command "rum"\n {2}did you mean run\?\n$/],
    [["run", "--step", "3"], /^error: unknown option "--step"\n {2}did you mean --steps\?\n$/],
    [["--jsn"], /^error: unknown option "--jsn"\n {2}did you mean --json\?\n$/],
    [["run", "--steps", "0"], /"--steps <n>" argument "0" .*at least 1\n {2}see "grace-repro run --help"\n$/],
    [["run", "--steps"], /"--steps <n>" argument missing/],
    [["run", "--seed", "1.5"], /argument "1.5"/],
    [
      ["run", "--arms", "base,grac"],
      /unknown arm "grac", did you mean "grace"\?\n {2}arms: base, .*controls: reas/,
    ],
    [["run", "--arms", "base,"], /Expected names between the commas/],
    [["run", "--arms", "base", "--full"], /--full together with --arms\n/],
    [["run", "--arms", "base,base"], /"base" is there twice/],
    [["run", "--preset", "papers"], /did you mean paper\?/],
    [["run", "extra"], /too many arguments/],
    [["run", "--device", "gpu"], /Allowed: auto, cpu, webgpu/],
    [["compare"], /missing required argument "folders"/],
    [["explain", "--query", "a"], /required option "--positive <text>" not specified/],
    [["explain", "--query", " "], /not blank/],
    [["--color", "sometimes", "doctor"], /Allowed: auto, always, never/],
    [["help", "rnu"], /error: unknown command "rnu"/],
    [["manifest"], /error: no command given to manifest\n {2}see "grace-repro manifest --help"/],
    [["manifest", "shwo"], /^error: unknown command "shwo"\n {2}did you mean show\?\n$/],
    [["manifest", "help", "shwo"], /error: unknown command "manifest shwo"/],
    [["manifest", "explain"], /argument "key"\n {2}see "grace-repro manifest explain --help"\n$/],
    [["manifest", "lock", "--frozen"], /^error: --frozen without --manifest\n/],
    [[], /error: no command given\n/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await launch(args);
    assert.match(stderr, message, args.join(" "));
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "", args.join(" "));
  }
});

Deno.test("grace-repro exits with 3 when something that it needs is not there", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [
      ["embed", "--device", "webgpu", "text"],
      /^error: No WebGPU adapter was found on this machine\n {2}.*use --device cpu\n$/,
    ],
    [["embed", "--input", "nowhere.jsonl"], /^error: cannot read "nowhere\.jsonl": there is no such file\n/],
    [["doctor", "--backbone", "nowhere"], /^error: the backbone "nowhere" does not exist\n/],
    [["compare", "nowhere", "elsewhere"], /^error: "nowhere" holds no scores\n/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await launch(args, { env: noAdapter });
    assert.match(stderr, message, args.join(" "));
    assert.equal(code, 3, args.join(" "));
    assert.equal(stdout, "");
  }
});

Deno.test("embed reads texts from stdin when --input is -, and names the line that is wrong", async () => {
  const { code, stderr } = await launch(["embed", "--input", "-"], { stdin: '{"text":"a"}\nnot JSON\n' });
  assert.match(stderr, /^error: "stdin" line 2 is not JSON: "not JSON"\n/);
  assert.equal(code, 2);
});

Deno.test("NO_COLOR and --color decide about colour, not what is a terminal alone", async () => {
  const escape = "\x1b[";
  const piped = await launch(["rum"]);
  assert.ok(!piped.stderr.includes(escape));
  const always = await launch(["--color", "always", "rum"]);
  assert.ok(always.stderr.startsWith("\x1b[31merror:\x1b[39m"));
  const equals = await launch(["--help", "--color=always"], { env: { NO_COLOR: "1" } });
  assert.ok(equals.stdout.includes("\x1b[1mUsage:"), "the flag beats NO_COLOR");
  const never = await launch(["--color=never", "--help"]);
  assert.ok(!never.stdout.includes(escape));
});

Deno.test("doctor --json prints one object with the machine, the engine and the adapter", async () => {
  const { code, stdout, stderr } = await launch(["doctor", "--json"]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  assert.deepEqual(
    Object.keys(report),
    ["schema", "machine", "auto", "engines", "webgpu", "webgpuProblem", "backbone"],
  );
  assert.equal(report.schema, "grace-repro/doctor/3");
  assert.equal(report.machine.deno, Deno.version.deno);
  assert.ok(report.machine.memory.total > report.machine.memory.available);
  assert.ok(report.machine.disk.free > 0);
  for (const { gflops, gigabytesPerSecond } of report.engines) {
    assert.ok(gflops > 0 && gigabytesPerSecond > 0);
  }
  const [{ kind }, ...others] = report.engines;
  assert.equal(kind, "cpu");
  assert.equal(others.length, report.webgpu === null ? 0 : 1);
  assert.equal(report.webgpu === null, report.webgpuProblem !== null);
  assert.equal(report.backbone, null);
});

Deno.test("doctor says how to get a WebGPU adapter where there is none, and works without", async () => {
  const { code, stdout, stderr } = await launch(["doctor"], { env: noAdapter });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^webgpu +No WebGPU adapter was found on this machine: .*use --device cpu$/m);
  assert.match(stdout, /^--device auto +cpu$/m);
});

Deno.test("SIGINT ends a job with 130 after it was asked to stop", async () => {
  // The signal may come before the program listens: then it ends at once, and is given more time.
  for (let wait = 1000;; wait *= 2) {
    const child = new Deno.Command(launcher, {
      args: ["embed", "--input", "-"],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await new Promise((resolve) => setTimeout(resolve, wait));
    child.kill("SIGINT");
    const { code, signal, stderr } = await child.output();
    await child.stdin.abort().catch(() => {});
    if (signal !== null && wait < 16_000) continue;
    assert.equal(code, 130);
    assert.match(new TextDecoder().decode(stderr), /^stopping as soon as.*\nInterrupted: /);
    return;
  }
});
