/** Sandboxes: containers that stay for a while, with files and commands in them. */

import { BackgroundCommand, readCommand, type BackgroundOptions, type CommandInfo } from "./background.js";
import { CELL_FIELDS, readCell, type CellOptions, type CellResult } from "./cells.js";
import { BitRunError, Refused, Unreachable } from "./errors.js";
import { writeFields, writeFiles, type Files } from "./options.js";
import {
  readResult,
  readStage,
  readVerdict,
  type Result,
  type SentStage,
  type SentVerdict,
  type Stage,
  type Stream,
} from "./results.js";
import type { Event, Session, TerminalSize } from "./session.js";
import { STREAM, type Transport } from "./transport.js";

export const SANDBOXES = "api/v3/sandboxes";

export interface SandboxOptions {
  /** A SemVer range of the language. */
  version?: string;
  /** The id of a package, such as python-science; then the language may be null. */
  package?: string;
  /** Files that are there from the beginning. */
  files?: Files;
  /** Environment variables of all commands. */
  env?: Readonly<Record<string, string>>;
  /** Bytes, files included. */
  memory?: number;
  /** It ends after so long without use. */
  minutes?: number;
  /** Hosts that its programs may reach, of those that the service allows; by default none. */
  allowedDomains?: readonly string[];
}

export interface CommandOptions {
  stdin?: string;
  /** The folder to run in; by default the work directory. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Wall time, in milliseconds. */
  timeoutMs?: number;
  /** Bytes of each stream. */
  output?: number;
  /** An abort ends the command. */
  signal?: AbortSignal;
}

/** A program in the sandbox's language; its files stay. */
export interface ProgramOptions extends Omit<CommandOptions, "cwd"> {
  files?: Files;
  args?: readonly string[];
  compileArgs?: readonly string[];
}

export interface TerminalOptions {
  /** A command of the shell, or a program and its arguments; by default a shell. */
  command?: string | readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** By default 24 rows and 80 columns. */
  tty?: TerminalSize;
}

/** A sandbox as the service describes it. It ends at `expiresAt` unless it is used. */
export interface SandboxInfo {
  readonly id: string;
  readonly language: string;
  readonly version: string;
  readonly package: string;
  readonly createdAt: Date;
  readonly lastActiveAt: Date;
  readonly expiresAt: Date;
  /** Bytes. */
  readonly memory: number;
}

/** An entry of a folder; `size` in bytes, `mode` are its permissions. */
export interface SandboxEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
  readonly mode: number;
  readonly size: number;
  readonly modifiedAt: Date;
}

interface SentSandbox {
  id: string;
  language: string;
  version: string;
  package: string;
  created_at: number;
  last_active_at: number;
  expires_at: number;
  memory: number;
}

interface SentEntry {
  name: string;
  kind: SandboxEntry["kind"];
  mode: string;
  size: number;
  modified_at: number;
}

type Line =
  | { type: "data"; stream: Stream; data: string }
  | ({ type: "exit" } & SentVerdict)
  | { type: "error"; message: string };

const COMMAND_FIELDS = {
  stdin: "stdin",
  cwd: "cwd",
  env: "env",
  timeoutMs: "timeout",
  output: "output_limit",
};
const PROGRAM_FIELDS = {
  stdin: "stdin",
  args: "args",
  compileArgs: "compile_args",
  env: "env",
  timeoutMs: "timeout",
  output: "output_limit",
};
const BACKGROUND_FIELDS = {
  stdin: "stdin",
  stdinOpen: "stdin_open",
  cwd: "cwd",
  env: "env",
  timeoutMs: "timeout",
};
const TERMINAL_FIELDS = { command: "command", cwd: "cwd", env: "env", tty: "tty" };

/**
 * A sandbox of the service. Its methods throw a `Refused` of status 410 once it has ended, and the
 * message says why. Paths are relative to its work directory.
 */
export class Sandbox {
  private readonly path: string;

  constructor(
    private readonly transport: Transport,
    /** By which `Client.openSandbox` finds it again. */
    readonly id: string,
  ) {
    this.path = `${SANDBOXES}/${encodeURIComponent(id)}`;
  }

  /** What the service says of it; this does not count as use. */
  async info(): Promise<SandboxInfo> {
    return this.transport.answer(this.path, {}, readSandbox);
  }

  /** Runs a command of the shell, or a program and its arguments, and waits for its end. */
  async exec(command: string | readonly string[], options: CommandOptions = {}): Promise<Stage> {
    const { signal, ...others } = options;
    const body = { command, ...writeFields(others, COMMAND_FIELDS) };
    return this.transport.answer(`${this.path}/exec`, { method: "POST", body, signal }, (sent: SentStage) =>
      readStage("run", sent),
    );
  }

  /** Runs a command and yields its output as it is written. Leaving the loop ends the command. */
  async *stream(
    command: string | readonly string[],
    options: CommandOptions = {},
  ): AsyncGenerator<Event, void, undefined> {
    const { signal, ...others } = options;
    const body = { command, ...writeFields(others, COMMAND_FIELDS) };
    const response = await this.transport.fetch(`${this.path}/exec`, {
      method: "POST",
      body,
      accept: STREAM,
      signal,
    });
    if (!response.ok) await this.transport.read(response, () => null);
    for await (const line of this.transport.objects<Line>(response)) {
      if (line.type === "data") yield { type: "output", stage: "run", stream: line.stream, text: line.data };
      else if (line.type === "error") throw new Refused(line.message, 409);
      else return yield { type: "ended", stage: "run", verdict: readVerdict(line) };
    }
    throw new Unreachable(`The answer of ${this.transport.url.href} broke off`);
  }

  /** Runs a program in the sandbox's language; its files stay. */
  async run(code: string | null, options: ProgramOptions = {}): Promise<Result> {
    const { files = {}, signal, ...others } = options;
    const entries = writeFiles(files);
    const body = {
      files: code === null ? entries : [{ content: code }, ...entries],
      ...writeFields(others, PROGRAM_FIELDS),
    };
    return this.transport.answer(`${this.path}/run`, { method: "POST", body, signal }, readResult);
  }

  /** Runs code in a kernel of the sandbox, which keeps its variables, and waits for its end. */
  async runCell(code: string, options: CellOptions = {}): Promise<CellResult> {
    const { signal, ...others } = options;
    const body = { code, ...writeFields(others, CELL_FIELDS) };
    return this.transport.answer(`${this.path}/cells`, { method: "POST", body, signal }, readCell);
  }

  /** Interrupts what a kernel runs; by default the first of the package. */
  async interruptCell(kernel?: string): Promise<void> {
    await this.control("interrupt", kernel);
  }

  /** Restarts a kernel, which loses its variables. */
  async restartKernel(kernel?: string): Promise<void> {
    await this.control("restart", kernel);
  }

  /** Writes a file; missing folders are made. `mode` are its permissions, by default 0o644. */
  async write(
    path: string,
    content: string | Uint8Array<ArrayBuffer> | Blob,
    { mode }: { mode?: number } = {},
  ): Promise<void> {
    const query = mode === undefined ? "" : `?mode=${mode.toString(8)}`;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    // Not the type of a Blob, by which an archive would be unpacked.
    const call = { method: "PUT", content: new Blob([bytes], { type: "application/octet-stream" }) } as const;
    await this.transport.answer(this.file(path) + query, call, () => null);
  }

  /** Reads a file. */
  async read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.transport.fetch(this.file(path), {});
    if (!response.ok) await this.transport.read(response, () => null);
    if (!response.headers.get("Content-Type")?.startsWith("application/octet-stream")) {
      throw new Refused(`${path} is a folder`);
    }
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Lists a folder, in the order of the names. */
  async list(path = ""): Promise<SandboxEntry[]> {
    const folder = `${this.file(path).replace(/\/+$/, "")}/`;
    return this.transport.answer(folder, {}, (sent: { entries: SentEntry[] }) => sent.entries.map(readEntry));
  }

  /** Deletes a file, or a folder with all that is in it. */
  async remove(path: string): Promise<void> {
    await this.transport.answer(this.file(path), { method: "DELETE" }, () => null);
  }

  /** Starts a command in the background, which goes on until it ends or the sandbox does. */
  async start(command: string | readonly string[], options: BackgroundOptions = {}): Promise<BackgroundCommand> {
    const body = { command, ...writeFields(options, BACKGROUND_FIELDS) };
    const call = { method: "POST", body } as const;
    const made = await this.transport.answer(`${this.path}/commands`, call, readCommand);
    return this.command(made.id);
  }

  /** Returns a background command by its id. */
  command(id: string): BackgroundCommand {
    return new BackgroundCommand(this.transport, `${this.path}/commands/${encodeURIComponent(id)}`, id);
  }

  /** Lists the background commands, the oldest first. */
  async commands(): Promise<CommandInfo[]> {
    const read = (sent: Parameters<typeof readCommand>[0][]) => sent.map(readCommand);
    return this.transport.answer(`${this.path}/commands`, {}, read);
  }

  /** Opens a terminal: a shell, or a command. Closing the session ends it. */
  terminal(options: TerminalOptions = {}): Session {
    const path = `${this.path}/terminal`;
    return this.transport.connect(path, writeFields(options, TERMINAL_FIELDS), () => this.refusal(path));
  }

  /** Ends it, and all that runs in it. */
  async delete(): Promise<void> {
    await this.transport.answer(this.path, { method: "DELETE" }, () => null);
  }

  private async control(action: "interrupt" | "restart", kernel: string | undefined): Promise<void> {
    const body = kernel === undefined ? {} : { kernel };
    await this.transport.answer(`${this.path}/cells/${action}`, { method: "POST", body }, () => null);
  }

  /** A plain request is refused for the same reason as the WebSocket, or because it is none. */
  private async refusal(path: string): Promise<BitRunError> {
    try {
      await this.transport.answer(path, {}, () => null);
    } catch (error) {
      if (!(error instanceof BitRunError)) throw error;
      if (error.status !== 426) return error;
    }
    return this.transport.blocked();
  }

  private file(path: string): string {
    return `${this.path}/files/${within(path).map(encodeURIComponent).join("/")}`;
  }
}

/** The parts of a path that no URL's dots lead out of the sandbox, as into another one. */
function within(path: string): string[] {
  const found: string[] = [];
  for (const part of path.split("/")) {
    const leaves = part === ".." && found.pop() === undefined;
    if (leaves || path.startsWith("/")) {
      throw new Refused(`The path must stay within the work directory: ${path}`, 400);
    }
    if (!["", ".", ".."].includes(part)) found.push(part);
  }
  return path.endsWith("/") && found.length > 0 ? [...found, ""] : found;
}

export function writeSandbox(language: string | null, options: SandboxOptions): object {
  const { files, minutes, allowedDomains, ...others } = options;
  const fields = { version: "version", package: "package", env: "env", memory: "memory" };
  return {
    ...(language !== null && { language }),
    ...(files && { files: writeFiles(files) }),
    ...(minutes !== undefined && { expires_after: { anchor: "last_active_at", minutes } }),
    ...(allowedDomains?.length && { network_policy: { type: "allowlist", allowed_domains: allowedDomains } }),
    ...writeFields(others, fields),
  };
}

export function readSandbox(sent: SentSandbox): SandboxInfo {
  const { id, language, version, memory } = sent;
  return {
    id,
    language,
    version,
    package: sent.package,
    createdAt: readTime(sent.created_at),
    lastActiveAt: readTime(sent.last_active_at),
    expiresAt: readTime(sent.expires_at),
    memory,
  };
}

function readEntry({ name, kind, mode, size, modified_at }: SentEntry): SandboxEntry {
  return { name, kind, mode: Number.parseInt(mode, 8), size, modifiedAt: readTime(modified_at) };
}

function readTime(seconds: number): Date {
  return new Date(seconds * 1000);
}
