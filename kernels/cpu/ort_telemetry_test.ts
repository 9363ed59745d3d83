import { fileURLToPath } from "node:url";
import { assert } from "#test";

const engine = new URL("./mod.ts", import.meta.url).href;
const root = fileURLToPath(new URL("../../", import.meta.url));
const denoDir = Deno.env.get("DENO_DIR") ??
  (JSON.parse(await deno({}, ["info", "--json"])) as { denoDir: string }).denoDir;

async function deno(env: Record<string, string>, args: string[], code = 0): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), { args, env, cwd: root }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(output.code, code, stderr);
  return stdout! + stderr!;
}

/** Opens an engine in a process of its own. */
const open = (env: Record<string, string>, flags: string[], code = 0) =>
  deno({ DENO_DIR: denoDir, ...env }, [
    "run",
    "--no-check",
    "--no-prompt",
    "--config=deno.json",
    "--allow-read",
    "--allow-ffi",
    "--allow-sys",
    ...flags,
    `data:text/javascript,import { createCpuDevice } from ${JSON.stringify(engine)};
    createCpuDevice({ threads: 1 });`,
  ], code);

Deno.test("createCpuDevice() lets ONNX Runtime keep nothing about the machine, whatever the environment says", async () => {
  const home = Deno.makeTempDirSync();
  try {
    const env = { HOME: home, XDG_CACHE_HOME: `${home}/cache`, TMPDIR: home, ORT_DISABLE_TELEMETRY: "0" };
    await open(env, ["--allow-env"]);
    assert.deepEqual([...Deno.readDirSync(home)], []);
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
});

Deno.test("createCpuDevice() fails where it may not forbid ONNX Runtime to report", async () => {
  assert.match(
    await open({}, [], 1),
    /ORT_DISABLE_TELEMETRY is set, which this process has no permission for/,
  );
});
