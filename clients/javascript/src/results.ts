/** Results as plain data, and how they are read from responses. */

import { fromBase64 } from "./base64.js";

export type Stream = "stdout" | "stderr";
export type StageName = "compile" | "run";

/**
 * How a stage ended, in one word: `ok` is exit code 0, `exit` another one; `signal` is the program's
 * own, such as a crash; the others are limits.
 */
export type Outcome =
  | "ok"
  | "exit"
  | "signal"
  | "memory"
  | "wall_time"
  | "cpu_time"
  | "stdout"
  | "stderr";

/** How a stage ended, as the kernel reports it. Exactly one of `code` and `signal` is not null. */
export interface Verdict {
  readonly outcome: Outcome;
  /** 0 to 255. */
  readonly code: number | null;
  /** A name, such as SIGSEGV. */
  readonly signal: string | null;
  /** A sentence for people with the limit that was exceeded; null for a program that exited with 0. */
  readonly detail: string | null;
  /** Whether the kernel killed a process for memory, whatever the outcome. */
  readonly oomKilled: boolean;
  /** Milliseconds. */
  readonly wallMs: number;
  /** Milliseconds. */
  readonly cpuMs: number;
  /** The peak, in bytes. */
  readonly memory: number;
}

/** A finished stage. `output` has both streams, in the order of writing. */
export interface Stage {
  readonly name: StageName;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
  readonly verdict: Verdict;
  /** Whether the service has it from an earlier identical run: a compile stage. */
  readonly cached: boolean;
}

/** A file that the service keeps until `expiresAt`; `size` in bytes. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly expiresAt: Date;
}

/** A file that a program has made; `name` is its path in the program's folder. */
export interface OutputFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** A file that was asked for and is missing; `name` is empty where it stands for several. */
export interface DroppedFile {
  readonly name: string;
  /** One word. */
  readonly reason: string;
  /** A sentence. */
  readonly message: string;
}

/** Result of a run. Its own `stdout`, `stderr`, `output` and `verdict` are those of the last stage. */
export interface Result {
  readonly language: string;
  readonly version: string;
  /** Those that ran, in order: no `run` if compiling failed. */
  readonly stages: readonly Stage[];
  /** Those of `outputFiles` that the program has made or changed. */
  readonly files: readonly OutputFile[];
  /** Those of them that are missing, and why. */
  readonly filesDropped: readonly DroppedFile[];
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
  readonly verdict: Verdict;
}

/** The limit if a request sets none, and its maximum: milliseconds, bytes or a count. */
export interface Limit {
  readonly default: number;
  readonly maximum: number;
}

/** An installed language. `package` is null if its package has the language's name. */
export interface Runtime {
  readonly language: string;
  readonly version: string;
  readonly aliases: readonly string[];
  readonly package: string | null;
  /** By their names in the API, such as `run_timeout`. */
  readonly limits: Readonly<Record<string, Limit>>;
}

/** A package of the catalogue, in one version. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly installed: boolean;
}

/** The language of a file extension, its package, and whether that is installed. */
export interface Extension {
  readonly language: string;
  readonly package: string;
  readonly installed: boolean;
}

/** A stage, and the `exit` message of a session, as the API sends them. */
export interface SentVerdict {
  verdict: Outcome;
  code: number | null;
  signal: string | null;
  message: string | null;
  detail?: string | null;
  oom_killed?: boolean;
  wall_time: number;
  cpu_time: number;
  memory: number;
}

export interface SentStage extends SentVerdict {
  stdout: string;
  stderr: string;
  output: string;
  cached?: boolean;
}

export interface SentResult {
  language: string;
  version: string;
  compile?: SentStage;
  run: SentStage;
  files?: SentFile[];
  files_dropped?: DroppedFile[];
}

/** A file as the API sends it, in a reply or as a message of a session. */
export interface SentFile {
  name: string;
  encoding: "utf8" | "base64";
  content: string;
}

export interface SentRuntime {
  language: string;
  version: string;
  aliases: string[];
  runtime?: string;
  limits?: Record<string, Limit>;
}

export interface SentUpload {
  id: string;
  name: string;
  size: number;
  expires_at: string;
}

interface SentPackage {
  language: string;
  language_version: string;
  installed: boolean;
}

export function readResult(sent: SentResult): Result {
  const stages = [...(sent.compile ? [readStage("compile", sent.compile)] : []), readStage("run", sent.run)];
  // `run` is a copy of `compile` if compiling failed.
  if (stages[0]!.verdict.outcome !== "ok") stages.splice(1);
  const last = stages.at(-1)!;
  const { stdout, stderr, output, verdict } = last;
  const ok = verdict.outcome === "ok";
  const files = (sent.files ?? []).map(readFile);
  const filesDropped = (sent.files_dropped ?? []).map(readDropped);
  return {
    language: sent.language,
    version: sent.version,
    stages,
    files,
    filesDropped,
    ok,
    stdout,
    stderr,
    output,
    verdict,
  };
}

export function readFile(sent: SentFile): OutputFile {
  const isText = sent.encoding === "utf8";
  return { name: sent.name, content: isText ? new TextEncoder().encode(sent.content) : fromBase64(sent.content) };
}

export function readDropped(sent: DroppedFile): DroppedFile {
  return { name: sent.name, reason: sent.reason, message: sent.message };
}

export function readVerdict(sent: SentVerdict): Verdict {
  return {
    outcome: sent.verdict,
    code: sent.code,
    signal: sent.signal,
    detail: sent.detail ?? sent.message,
    oomKilled: sent.oom_killed ?? false,
    wallMs: sent.wall_time,
    cpuMs: sent.cpu_time,
    memory: sent.memory,
  };
}

export function readRuntime(sent: SentRuntime): Runtime {
  const { language, version, aliases, runtime, limits } = sent;
  return { language, version, aliases, package: runtime ?? null, limits: limits ?? {} };
}

export function readUpload({ expires_at, ...others }: SentUpload): Upload {
  return { ...others, expiresAt: new Date(expires_at) };
}

export function readPackage(sent: SentPackage): Package {
  return { name: sent.language, version: sent.language_version, installed: sent.installed };
}

export function readStage(name: StageName, sent: SentStage): Stage {
  const { stdout, stderr, output } = sent;
  return { name, stdout, stderr, output, verdict: readVerdict(sent), cached: sent.cached ?? false };
}
