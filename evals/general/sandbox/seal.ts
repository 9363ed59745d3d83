/**
 * Closes an interpreter: everything that the WebAssembly module could call outside of itself is replaced by a gate, and
 * once the gates are shut only the calls in {@linkcode OPEN} go through. What is left is plain CPython with files in memory:
 * no JavaScript (`import js`, `pyodide.code.run_js`, any method of a JavaScript object), no foreign functions (ctypes), no
 * native libraries, sockets, pipes or processes.
 *
 * A program must not get on after it tried: the call does not fail in Python, where it could be caught, but ends the run.
 *
 * @module
 */
import { ASK } from "./messages.ts";

/** Thrown through the interpreter, which does not see it, when a closed call is made. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** What CPython needs to run: its clock, its random numbers, its memory, files that are in memory, and its own exit. */
const OPEN: ReadonlySet<string> = new Set([
  // The interpreter itself.
  "_PyEM_TrampolineCall_JS",
  ASK,
  "_Py_emscripten_runtime",
  "__assert_fail",
  "_abort_js",
  "emscripten_get_heap_max",
  "emscripten_resize_heap",
  "exit",
  "proc_exit",
  // Writing a traceback asks whether an error comes from JavaScript.
  "capture_stderr",
  "restore_stderr",
  // Clock, calendar, randomness, environment.
  "_emscripten_get_progname",
  "_gmtime_js",
  "_localtime_js",
  "_mktime_js",
  "_timegm_js",
  "_tzset_js",
  "clock_res_get",
  "clock_time_get",
  "emscripten_date_now",
  "emscripten_get_now",
  "environ_get",
  "environ_sizes_get",
  "random_get",
  "__syscall_getuid32_js",
  "__syscall_umask_js",
  // Files in memory.
  "__syscall_chdir",
  "__syscall_chmod",
  "__syscall_dup",
  "__syscall_dup3",
  "__syscall_faccessat",
  "__syscall_fadvise64",
  "__syscall_fallocate",
  "__syscall_fchdir",
  "__syscall_fchmod",
  "__syscall_fchmodat2",
  "__syscall_fchown32",
  "__syscall_fchownat",
  "__syscall_fcntl64",
  "__syscall_fdatasync",
  "__syscall_fstat64",
  "__syscall_fstatfs64",
  "__syscall_ftruncate64",
  "__syscall_getcwd",
  "__syscall_getdents64",
  "__syscall_ioctl",
  "__syscall_lstat64",
  "__syscall_mkdirat",
  "__syscall_mknodat",
  "__syscall_newfstatat",
  "__syscall_openat",
  "__syscall_readlinkat",
  "__syscall_renameat",
  "__syscall_rmdir",
  "__syscall_stat64",
  "__syscall_statfs64",
  "__syscall_symlinkat",
  "__syscall_truncate64",
  "__syscall_unlinkat",
  "__syscall_utimensat",
  "fd_close",
  "fd_fdstat_get",
  "fd_pread",
  "fd_pwrite",
  "fd_read",
  "fd_seek",
  "fd_sync",
  "fd_write",
]);

/** Imports of an Emscripten module: functions, and tables of addresses that are made from the same functions. */
export type EmscriptenImports = Record<string, Record<string, unknown>>;

/** Gates in front of an interpreter's imports. */
export class Seal {
  #shut = false;
  #refused: string | undefined;

  /**
   * Puts a gate in front of every function, in place: addresses of functions and symbols that are looked up by name are
   * made from the same object, so that they lead to the gates too.
   */
  gate(imports: EmscriptenImports): void {
    // Emscripten passes one object under both names.
    for (const functions of new Set([imports["env"]!, imports["wasi_snapshot_preview1"]!])) {
      for (const [name, value] of Object.entries(functions)) {
        if (typeof value !== "function" || OPEN.has(name)) continue;
        const gated = (...args: unknown[]) => {
          if (this.#shut) {
            this.#refused ??= name;
            throw new Refused(name);
          }
          return value(...args);
        };
        // Emscripten keeps a function's signature, and how it may be suspended, as properties of it.
        functions[name] = Object.assign(gated, value);
      }
    }
  }

  /** Shuts the gates, for good. */
  shut(): void {
    this.#shut = true;
  }

  /** The first closed call that was made, if one was: the run does not count, whatever became of it afterwards. */
  get refused(): string | undefined {
    return this.#refused;
  }
}
