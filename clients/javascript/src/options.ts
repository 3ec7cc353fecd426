/** Options of a run, and the job that they make. */

import { base64 } from "./base64.js";
import type { Upload } from "./results.js";

type Content = string | Uint8Array | Upload;

export interface RunOptions {
  /** A SemVer range; the newest installed match runs. Default: any version. */
  version?: string;
  /**
   * Files in the program's folder, by name; without code, the first is the program. Strings are
   * source code, bytes and uploads are data. Pairs in an array or a Map keep their order, whatever the names:
   * an object has names such as "1" before all others.
   */
  files?: Readonly<Record<string, Content>> | Iterable<readonly [name: string, content: Content]>;
  stdin?: string;
  /** Arguments of the program. */
  args?: readonly string[];
  /** Arguments of the compiler, where the language takes any. */
  compileArgs?: readonly string[];
  /** Environment variables of the program and of its compiler. */
  env?: Readonly<Record<string, string>>;
  /** Patterns of files to send back, such as "plot.png" or "out/**". */
  outputFiles?: readonly string[];
  /** Write each line at its end, as the programs of sessions do. */
  unbuffered?: boolean;
  /** A new box, where the service reuses them, and no cached compilation. */
  fresh?: boolean;
  /** Wall time of the run stage, in milliseconds. */
  timeoutMs?: number;
  /** Processor time of the run stage, in milliseconds. */
  cpuTimeMs?: number;
  /** Bytes; -1 for the maximum, as for all limits below. */
  memory?: number;
  /** Bytes of each stream. */
  output?: number;
  /** Bytes of each process. */
  stack?: number;
  /** Number of processes and threads. */
  processes?: number;
  /** The same limits of the compile stage. */
  compileTimeoutMs?: number;
  compileCpuTimeMs?: number;
  compileMemory?: number;
  compileOutput?: number;
  compileStack?: number;
  compileProcesses?: number;
}

interface File {
  name?: string;
  content?: string;
  upload?: string;
  encoding?: "base64";
}

/** A job as `execute` and the `init` message of `connect` take it. */
export interface Job {
  language: string;
  version: string;
  files: File[];
  [field: string]: unknown;
}

// By option: the field of the request.
const FIELDS: Readonly<Record<Exclude<keyof RunOptions, "version" | "files">, string>> = {
  stdin: "stdin",
  args: "args",
  compileArgs: "compile_args",
  env: "env",
  outputFiles: "output_files",
  unbuffered: "unbuffered",
  fresh: "fresh",
  timeoutMs: "run_timeout",
  cpuTimeMs: "run_cpu_time",
  memory: "run_memory_limit",
  output: "run_output_limit",
  stack: "run_stack_limit",
  processes: "run_process_limit",
  compileTimeoutMs: "compile_timeout",
  compileCpuTimeMs: "compile_cpu_time",
  compileMemory: "compile_memory_limit",
  compileOutput: "compile_output_limit",
  compileStack: "compile_stack_limit",
  compileProcesses: "compile_process_limit",
};

/** Writes a job. Throws a TypeError for an option that there is not, which JavaScript would ignore. */
export function writeJob(language: string, code: string | null, options: RunOptions): Job {
  const { version = "*", files = {}, ...others } = options;
  const pairs = Symbol.iterator in files ? [...files] : Object.entries(files);
  const entries = pairs.map(([name, content]) => writeFile(name, content));
  const job: Job = {
    language,
    version,
    files: code === null ? entries : [{ content: code }, ...entries],
  };
  for (const [option, value] of Object.entries(others)) {
    if (!Object.hasOwn(FIELDS, option)) throw new TypeError(`There is no option ${option}`);
    if (value !== undefined) job[FIELDS[option as keyof typeof FIELDS]] = value;
  }
  return job;
}

function writeFile(name: string, content: Content): File {
  if (typeof content === "string") return { name, content };
  if (!(content instanceof Uint8Array)) return { name, upload: content.id };
  return { name, content: base64(content), encoding: "base64" };
}
