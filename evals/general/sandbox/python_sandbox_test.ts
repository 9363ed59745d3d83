import { cpuUsage } from "node:process";
import { assert } from "#test";
import type { Ending } from "./messages.ts";
import { PythonSandbox, WORKER_OPTIONS } from "./python_sandbox.ts";

const limits = { seconds: 2, memoryBytes: 256 * 2 ** 20 };
const sandbox = PythonSandbox.open(limits);

function ends(name: string, program: string, kind: Ending["kind"], detail?: RegExp): void {
  Deno.test(`PythonSandbox.run() ${name}`, async () => {
    const ending = await (await sandbox).run(program);
    assert.equal(ending.kind, kind, JSON.stringify(ending));
    if (detail) assert.match("detail" in ending ? ending.detail : "", detail);
  });
}

ends("runs a program to its end", "import math\nassert math.gcd(12, 18) == 6", "returned");
ends(
  "has the standard library that solutions use",
  "import re, hashlib, random, itertools, collections, functools, heapq, string, typing, datetime, json, copy, bisect\n" +
    "import statistics, fractions, decimal, operator, sys, os, time, math, queue, enum, dataclasses\n" +
    "assert hashlib.md5(b'Hello world').hexdigest() == '3e25960a79dbc69b674cd4ec67a72c62'\n" +
    "random.random(); datetime.datetime.now(); print('é', sys.version)",
  "returned",
);
ends(
  "reports the exception of a program that fails",
  "assert 1 == 2, 'no'",
  "raised",
  /^AssertionError: no$/,
);
ends("reports a program that is none", "def f(:", "raised", /^SyntaxError/);
ends(
  "does not run a program's main part, as exec() does not",
  "if __name__ == '__main__': 1 / 0",
  "returned",
);
ends("does not take sys.exit(0) for success", "import sys\nsys.exit(0)", "raised", /^SystemExit: 0$/);
ends("does not take os._exit(0) for success", "import os\nos._exit(0)", "died", /^ExitStatus/);
ends("has nothing to read", "input()", "raised", /^OSError/);

ends("stops an infinite loop", "while True: pass", "timeout");
ends(
  "stops an infinite loop that catches everything",
  "while True:\n try:\n  while True: pass\n except: pass",
  "timeout",
);
ends("stops a computation in C that asks for no signals", "sum(range(10 ** 12))", "timeout");
ends("stops a regular expression that explodes", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", "timeout");
ends("stops a program that only copies memory", "while True: bytes(150 * 2 ** 20)", "timeout");
ends(
  "stops a loop in how an exception is shown",
  "class E(Exception):\n def __str__(self):\n  while True: pass\nraise E()",
  "timeout",
);
ends(
  "stops a loop at the end of an object",
  "class A:\n def __del__(self):\n  while True: pass\nA()",
  "timeout",
);
ends(
  "survives recursion without end",
  "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()",
  "died",
  /stack/,
);

ends(
  "does not give a program 10 GB",
  "x = [bytearray(2 ** 30) for _ in range(10)]",
  "raised",
  /^MemoryError/,
);
ends(
  "does not give a program more than its limit in small parts",
  "x = []\nwhile True: x.append(bytearray(2 ** 22))",
  "raised",
  /^MemoryError/,
);
ends(
  "does not let a program fill the disk that is in memory",
  "f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(2 ** 20))",
  "raised",
  /No space left/,
);
ends(
  "does not let a program make one long file by leaving a hole",
  "open('/tmp/x', 'wb').truncate(2 ** 31)",
  "raised",
  /No space left/,
);
ends(
  "does not let a program make files without end",
  "i = 0\nwhile True:\n i += 1\n open(f'/tmp/{i}', 'w').close()",
  "raised",
  /No space left/,
);

ends("has no processes to fork", "import os\nwhile True: os.fork()", "raised", /^OSError/);
ends("has no processes to start", "import subprocess\nsubprocess.run(['ls'])", "raised", /processes/);
ends("cannot end other processes", "import os\nos.kill(-1, 9)", "raised", /^PermissionError/);
ends("has no shell", "import os\nos.system('ls')", "refused");
ends("has no threads", "import threading\nthreading.Thread(target=print).start()", "raised", /thread/);
ends("has no sockets", "import socket\nsocket.socket().connect(('127.0.0.1', 80))", "refused");
ends(
  "has no names of hosts",
  "import urllib.request\nurllib.request.urlopen('http://example.com')",
  "refused",
);
ends("has no native code", "import ctypes\nctypes.CDLL(None).emscripten_run_script(b'1')", "refused");

ends("ends a program that reaches for JavaScript", "import js", "refused");
ends("ends it even if it catches the error", "try:\n import js\nexcept BaseException: pass", "refused");
ends(
  "ends a program that looks for it elsewhere",
  "import importlib\nimportlib.import_module('js').fetch('x')",
  "refused",
);
ends("ends a program that evaluates JavaScript", "from pyodide.code import run_js\nrun_js('1')", "refused");
ends(
  "ends a program that turns to an object's constructor",
  "from pyodide.ffi import to_js\nto_js([]).constructor",
  "refused",
);
ends("ends a program that loads packages", "import pyodide_js\npyodide_js.loadPackage('numpy')", "refused");

Deno.test("PythonSandbox.run() shows a program no file of the host", async () => {
  const path = await Deno.makeTempFile();
  try {
    const ending = await (await sandbox).run(`open(${JSON.stringify(path)}).read()`);
    assert.ok(ending.kind === "raised" && /^FileNotFoundError/.test(ending.detail), JSON.stringify(ending));
    const own = await (await sandbox).run(
      `import os\nassert sorted(os.listdir('/')) == ['dev', 'home', 'lib', 'proc', 'tmp'], os.listdir('/')`,
    );
    assert.deepEqual(own, { kind: "returned" });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("PythonSandbox.run() leaves nothing computing behind a program that ran out of time", async () => {
  assert.equal((await (await sandbox).run("while True: pass")).kind, "timeout");
  // Ending a worker does not stop what it computes: that has stopped by itself, or takes a second for each second.
  const before = cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { user, system } = cpuUsage(before);
  assert.ok(user + system < 400_000, `${user + system} microseconds in a second of waiting`);
});

Deno.test("PythonSandbox.run() gives each program an interpreter without traces of others", async () => {
  const python = await sandbox;
  const leave =
    "import builtins, sys, math\nbuiltins.len = lambda _: 7\nmath.pi = 3\nsys.modules['mark'] = 1\nopen('/tmp/mark', 'w').close()";
  assert.deepEqual(await python.run(leave), { kind: "returned" });
  const look =
    "import sys, math, os\nassert len([]) == 0 and math.pi > 3 and 'mark' not in sys.modules and not os.path.exists('/tmp/mark')";
  assert.deepEqual(await python.run(look), { kind: "returned" });
});

Deno.test("WORKER_OPTIONS give JavaScript in a worker no files, environment, network, processes or native code", async () => {
  const attempts = [
    `Deno.readTextFileSync("/etc/passwd")`,
    `Deno.writeTextFileSync("/tmp/sandbox", "x")`,
    `Deno.env.get("HOME")`,
    `await fetch("http://127.0.0.1:8080")`,
    `await Deno.connect({ hostname: "127.0.0.1", port: 9 })`,
    `new Deno.Command("ls").outputSync()`,
    `Deno.dlopen("libc.so.6", {})`,
    `Deno.hostname()`,
    `new Worker("data:text/javascript,", { type: "module", deno: { permissions: { read: true } } })`,
  ];
  const code = `const refused = [];
    for (const attempt of ${JSON.stringify(attempts)}) {
      try {
        await Object.getPrototypeOf(async function () {}).constructor(attempt)();
        refused.push("allowed: " + attempt);
      } catch (error) { refused.push(error.name + ": " + error.message); }
    }
    postMessage(refused);`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, WORKER_OPTIONS);
  try {
    const refused = await new Promise<string[]>((resolve) => worker.onmessage = ({ data }) => resolve(data));
    assert.deepEqual(refused.filter((error) => !/^NotCapable: (Requires|Can't escalate)/.test(error)), []);
    assert.equal(refused.length, attempts.length);
  } finally {
    worker.terminate();
  }
});
