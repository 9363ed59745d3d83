import { join } from "node:path";
import { assert } from "#test";
import { launch, launcher } from "./_launch.ts";

const pinned = /^pinned=(.*)$/m.exec(Deno.readTextFileSync(launcher))![1]!;

/** A folder for one test, with a space in its name. */
function scratch(): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "grace repro " });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

function writeProgram(path: string, script: string): void {
  Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** A PATH with the programs that the launcher needs, and no deno, node or npm. */
function barePath(folder: string): string {
  const bin = join(folder, "bin");
  Deno.mkdirSync(bin);
  for (const name of ["readlink", "dirname", "head", "mkdir", "mktemp", "rm", "mv", "chmod", "uname", "cp"]) {
    const at = ["/usr/bin", "/bin"].map((place) => join(place, name)).find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
    Deno.symlinkSync(at!, join(bin, name));
  }
  return bin;
}

/** A stand-in for deno that says which version it is, and otherwise prints its arguments, one a line. */
const fakeDeno = (version: string) =>
  `if [ "$1" = --version ]; then echo "deno ${version} (stable, release, x)"; else printf '%s\\n' "$@"; fi`;

Deno.test("grace-repro works when it is started from another folder through symbolic links", async () => {
  using folder = scratch();
  Deno.mkdirSync(join(folder.path, "a b"));
  Deno.symlinkSync(launcher, join(folder.path, "a b", "first"));
  Deno.symlinkSync("a b/first", join(folder.path, "second"));
  const { code, stdout, stderr } = await launch(["--version"], { command: "./second", cwd: folder.path });
  assert.equal(stderr, "");
  assert.match(stdout, /^grace-repro \d+\.\d+\.\d+\n$/);
  assert.equal(code, 0);
});

Deno.test("grace-repro finds its program when its own path has spaces", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(bin, "deno"), fakeDeno(pinned));
  const checkout = join(Deno.realPathSync(folder.path), "my checkout");
  Deno.mkdirSync(checkout);
  Deno.copyFileSync(launcher, join(checkout, "grace-repro"));
  const { stdout } = await launch(["doctor"], {
    command: join(checkout, "grace-repro"),
    env: { PATH: bin },
    clearEnv: true,
  });
  assert.deepEqual(stdout.trimEnd().split("\n").slice(-2), [join(checkout, "cli/main.ts"), "doctor"]);
  assert.ok(stdout.includes(`--config\n${join(checkout, "deno.json")}\n`));
});

Deno.test("grace-repro grants neither network nor subprocesses when it starts deno", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(bin, "deno"), fakeDeno(pinned));
  const { stdout } = await launch(["run", "--out", "a b"], { env: { PATH: bin }, clearEnv: true });
  const args = stdout.trimEnd().split("\n");
  assert.deepEqual(args.slice(-3), ["run", "--out", "a b"]);
  const own = args.slice(0, -3);
  assert.ok(own.includes("--no-prompt") && own.includes("--frozen"));
  assert.deepEqual(own.filter((arg) => /^(-A|--allow-)/.test(arg)).sort(), [
    "--allow-env",
    "--allow-ffi",
    "--allow-read",
    "--allow-sys",
    "--allow-write",
  ]);
});

Deno.test("grace-repro grants the network to the command pull, and to no other that has the word in it", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(bin, "deno"), fakeDeno(pinned));
  const cases: [args: string[], granted: boolean][] = [
    [["pull", "org/name"], true],
    [["--json", "-q", "--color", "never", "pull", "--suite", "mini"], true],
    [["--color=never", "pull"], true],
    [["run", "pull"], false],
    [["run", "--out", "pull"], false],
    [["--color", "pull", "run"], false],
    [["help", "pull"], false],
    [["embed", "--", "pull"], false],
    [[], false],
  ];
  for (const [args, granted] of cases) {
    const { stdout } = await launch(args, { env: { PATH: bin }, clearEnv: true });
    assert.equal(stdout.split("\n").includes("--allow-net"), granted, args.join(" "));
    assert.ok(!/^--allow-(run|all)|^-A/m.test(stdout));
  }
});

Deno.test("grace-repro grants the command serve the one address that it listens at, and nothing that is none", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(bin, "deno"), fakeDeno(pinned));
  const cases: [args: string[], granted: string | undefined][] = [
    [["serve"], "127.0.0.1:8080"],
    [["--json", "--color", "never", "serve", "--backbone", "x", "--port", "9000"], "127.0.0.1:9000"],
    [["serve", "--host=0.0.0.0", "--port=0"], "0.0.0.0:0"],
    [["serve", "--host", "localhost", "--port", "1", "--port", "2"], "127.0.0.1:2"],
    [["serve", "--host", "::1"], "[::1]:8080"],
    [["serve", "--", "--host", "0.0.0.0"], "127.0.0.1:8080"],
    [["serve", "--host", "127.0.0.1,example.org"], undefined],
    [["serve", "--host", "example.org"], undefined],
    [["serve", "--host", "*"], undefined],
    [["serve", "--host", ""], undefined],
    [["serve", "--host", "127.0.0.1 --allow-run"], undefined],
    [["serve", "--port", "80,81"], undefined],
    [["serve", "--port", "65536"], undefined],
    [["serve", "--port", ""], undefined],
    [["run", "--host", "127.0.0.1", "serve"], undefined],
    [["help", "serve"], undefined],
  ];
  for (const [args, granted] of cases) {
    const { stdout, stderr } = await launch(args, { env: { PATH: bin }, clearEnv: true });
    assert.equal(stderr, "");
    const own = stdout.slice(0, stdout.indexOf("cli/main.ts\n"));
    const found = own.split("\n").filter((arg) => /^--allow-(net|run|all)|^-A/.test(arg));
    assert.deepEqual(found, granted === undefined ? [] : [`--allow-net=${granted}`], args.join(" "));
  }
});

Deno.test("grace-repro uses the deno on PATH when its patch is newer, and npm's when its minor differs", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  const [major, minor, patch] = pinned.split(".").map(Number) as [number, number, number];
  const cases: [version: string, fits: boolean][] = [
    [`${major}.${minor}.${patch + 10}`, true],
    [`${major}.${minor + 1}.${patch}`, false],
    [`${major + 1}.${minor}.${patch}`, false],
    [`${major}.${minor}.${patch}-rc.1`, false],
    ...(patch > 0 ? [[`${major}.${minor}.${patch - 1}`, false] as [string, boolean]] : []),
  ];
  for (const [version, fits] of cases) {
    writeProgram(join(bin, "deno"), fakeDeno(version));
    const { code, stderr } = await launch(["doctor"], {
      env: { PATH: bin, HOME: folder.path },
      clearEnv: true,
    });
    assert.equal(code, fits ? 0 : 3, `${version}: ${stderr}`);
  }
});

Deno.test("grace-repro installs deno from npm once when there is none on PATH", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(folder.path, "platform-deno"), fakeDeno(pinned));
  // Does what npm does with --ignore-scripts: leaves the program in the platform package.
  writeProgram(
    join(bin, "npm"),
    `echo "npm $*" >> "$HOME/npm.log"
while [ "$1" != --prefix ]; do shift; done
mkdir -p "$2/node_modules/@deno/linux-x64-glibc"
cp "$HOME/platform-deno" "$2/node_modules/@deno/linux-x64-glibc/deno"`,
  );
  const env = { PATH: bin, HOME: folder.path };
  const first = await launch(["doctor"], { env, clearEnv: true });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /installing deno .* from npm, once/);
  assert.match(first.stdout, /^doctor$/m);
  const second = await launch(["doctor"], { env, clearEnv: true });
  assert.deepEqual(second, { code: 0, stdout: first.stdout, stderr: "" });
  const log = Deno.readTextFileSync(join(folder.path, "npm.log")).trimEnd().split("\n");
  assert.equal(log.length, 1);
  assert.match(log[0]!, new RegExp(`--ignore-scripts .*deno@${pinned.replaceAll(".", "\\.")}$`));
  const kept = [...Deno.readDirSync(join(folder.path, ".cache/grace-repro"))].map((entry) => entry.name);
  assert.deepEqual(kept, [`deno-${pinned}`]);
});

Deno.test("grace-repro leaves nothing behind when npm fails", async () => {
  using folder = scratch();
  const bin = barePath(folder.path);
  writeProgram(join(bin, "npm"), "echo 'npm error network' >&2; exit 1");
  const { code, stderr } = await launch(["doctor"], {
    env: { PATH: bin, HOME: folder.path },
    clearEnv: true,
  });
  assert.equal(code, 3);
  assert.match(stderr, /npm error network\nerror: npm could not install deno/);
  assert.deepEqual([...Deno.readDirSync(join(folder.path, ".cache/grace-repro"))], []);
});

Deno.test("grace-repro says what to install when neither deno nor npm is on PATH", async () => {
  using folder = scratch();
  const env = { PATH: barePath(folder.path), HOME: folder.path };
  const { code, stdout, stderr } = await launch(["doctor"], { env, clearEnv: true });
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.match(stderr, /^error: Neither deno \S+ nor npm is on PATH\n {2}Install /);
});
