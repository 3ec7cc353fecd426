/** Options of a run, and the job that they make. */

import { base64 } from "./base64.js";
import type { Upload } from "./results.js";

type Content = string | Uint8Array | Upload;

/**
 * Files by name. Pairs in an array or a Map keep their order, whatever the names: an object has names
 * such as "1" before all others. Strings are source code, bytes and uploads are data.
 */
export type Files = Readonly<Record<string, Content>> | Iterable<readonly [name: string, content: Content]>;

export interface RunOptions {
  /** A SemVer range; the newest installed match runs. Default: any version. */
  version?: string;
  /**
   * Files in the program's folder, by name; without code, the first is the program.
   */
  files?: Files;
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

export interface File {
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
  const entries = writeFiles(files);
  const job: Job = {
    language,
    version,
    files: code === null ? entries : [{ content: code }, ...entries],
  };
  return { ...job, ...writeFields(others, FIELDS) };
}

/** Writes options as fields of a request. Throws a TypeError for one that there is not. */
export function writeFields(
  options: object,
  fields: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(fields, option)) throw new TypeError(`There is no option ${option}`);
    if (value !== undefined) written[fields[option]!] = value;
  }
  return written;
}

export function writeFiles(files: Files): File[] {
  const pairs = Symbol.iterator in files ? [...files] : Object.entries(files);
  return pairs.map(([name, content]) => writeFile(name, content));
}

function writeFile(name: string, content: Content): File {
  if (typeof content === "string") return { name, content };
  if (!(content instanceof Uint8Array)) return { name, upload: content.id };
  return { name, content: base64(content), encoding: "base64" };
}
