/** Commands in the background of a sandbox. */

import { readVerdict, type SentVerdict, type Verdict } from "./results.js";
import type { Transport } from "./transport.js";

export interface BackgroundOptions {
  /** What it reads first; after that its stdin ends, unless `stdinOpen`. */
  stdin?: string;
  stdinOpen?: boolean;
  /** The folder to run in; by default the work directory. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Wall time, in milliseconds; by default the sandbox's own life. */
  timeoutMs?: number;
}

export type CommandStatus = "running" | "ended" | "failed";

/** A command as the service describes it. One that has `failed` has no verdict; `error` says why. */
export interface CommandInfo {
  readonly id: string;
  readonly command: string | readonly string[];
  readonly status: CommandStatus;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** Bytes that it has written. */
  readonly outputSize: number;
  /** Bytes of them, the first, that are not kept any more. */
  readonly outputDropped: number;
  readonly verdict: Verdict | null;
  readonly error: string | null;
}

/** A part of an output, from byte `offset` on; `output` has both streams in the order of writing. */
export interface CommandOutput {
  readonly offset: number;
  /** Where to read on. */
  readonly nextOffset: number;
  /** Bytes before `offset` that were asked for and are not kept any more. */
  readonly dropped: number;
  readonly status: CommandStatus;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
}

interface SentCommand {
  id: string;
  command: string | string[];
  status: CommandStatus;
  started_at: number;
  ended_at: number | null;
  output_size: number;
  output_dropped: number;
  result: SentVerdict | null;
  error: string | null;
}

interface SentOutput extends Omit<CommandOutput, "nextOffset"> {
  next_offset: number;
}

const LONGEST_WAIT_MS = 25_000; // of one request; a longer wait is several

/** A command that goes on until it ends or its sandbox does. */
export class BackgroundCommand {
  constructor(
    private readonly transport: Transport,
    private readonly path: string,
    /** By which `Sandbox.command` finds it again. */
    readonly id: string,
  ) {}

  /** What the service says of it. */
  async info(): Promise<CommandInfo> {
    return this.transport.answer(this.path, {}, readCommand);
  }

  /** Waits for its end, or for `timeoutMs`, and returns how it is then. */
  async wait({ timeoutMs = Infinity, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<CommandInfo> {
    const deadline = Date.now() + timeoutMs;
    while (true) {
      const wait = Math.max(0, Math.min(LONGEST_WAIT_MS, Math.ceil(deadline - Date.now())));
      const found = await this.transport.answer(`${this.path}?wait=${wait}`, { signal }, readCommand);
      if (found.status !== "running" || Date.now() >= deadline) return found;
    }
  }

  /**
   * Reads output from a byte on, at most 64 KiB. Where there is none yet, waits up to `waitMs`, at most
   * 30000, for some or for the end.
   */
  async output(
    offset = 0,
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<CommandOutput> {
    const path = `${this.path}/output?offset=${offset}&wait=${waitMs}`;
    return this.transport.answer(path, { signal }, ({ next_offset, ...others }: SentOutput) => {
      return { ...others, nextOffset: next_offset };
    });
  }

  /** Yields its output as it comes, until it ends. */
  async *follow(offset = 0): AsyncGenerator<CommandOutput, void, undefined> {
    while (true) {
      const part = await this.output(offset, { waitMs: LONGEST_WAIT_MS });
      if (part.output) yield part;
      else if (part.status !== "running" && part.nextOffset === part.offset) return;
      offset = part.nextOffset;
    }
  }

  /** Writes to its stdin, which `stdinOpen` has kept open; `end` closes it after the text. */
  async write(text: string, { end = false }: { end?: boolean } = {}): Promise<void> {
    await this.post("stdin", { data: text, end });
  }

  /** Sends a signal to its process group. */
  async signal(name = "SIGTERM"): Promise<void> {
    await this.post("signal", { signal: name });
  }

  /** Ends it, and has it forgotten with its output. */
  async delete(): Promise<void> {
    await this.transport.answer(this.path, { method: "DELETE" }, () => null);
  }

  private async post(call: string, body: object): Promise<void> {
    await this.transport.answer(`${this.path}/${call}`, { method: "POST", body }, () => null);
  }
}

export function readCommand(sent: SentCommand): CommandInfo {
  const { id, command, status, result, error } = sent;
  return {
    id,
    command,
    status,
    startedAt: new Date(sent.started_at * 1000),
    endedAt: sent.ended_at === null ? null : new Date(sent.ended_at * 1000),
    outputSize: sent.output_size,
    outputDropped: sent.output_dropped,
    verdict: result && readVerdict(result),
    error,
  };
}
