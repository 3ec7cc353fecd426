import { base64url } from "./base64.js";
import { Busy, Failed, Refused, Unreachable, Unreadable, type BitRunError } from "./errors.js";
import type { RunOptions } from "./options.js";
import {
  readDropped,
  readFile,
  readVerdict,
  type DroppedFile,
  type OutputFile,
  type SentFile,
  type SentVerdict,
  type StageName,
  type Stream,
  type Verdict,
} from "./results.js";

/** Size of a terminal in characters, each from 1 to 65535. */
export interface TerminalSize {
  rows: number;
  columns: number;
}

export interface SessionOptions extends RunOptions {
  /** A terminal in place of pipes: its echo and stderr are stdout. */
  tty?: TerminalSize;
}

/** What a session yields: a stage has started, written output, or ended; then the files of `outputFiles`. */
export type Event =
  | { readonly type: "started"; readonly stage: StageName }
  | { readonly type: "output"; readonly stage: StageName; readonly stream: Stream; readonly text: string }
  | { readonly type: "ended"; readonly stage: StageName; readonly verdict: Verdict }
  | { readonly type: "file"; readonly file: OutputFile }
  | { readonly type: "dropped"; readonly file: DroppedFile };

type Message =
  | { type: "stage"; stage: StageName }
  | { type: "data"; stream: Stream; data: string }
  | ({ type: "exit"; stage: StageName } & SentVerdict)
  | ({ type: "file"; more: boolean } & SentFile)
  | ({ type: "file_dropped" } & DroppedFile)
  | { type: "error"; message: string; detail?: string }
  | { type: "runtime" };

// Close codes: those of Piston from 4000 on, and those of RFC 6455.
const DONE = 4999;
const REFUSED = 4000;
const TOO_LARGE = 1009;
const INTERNAL = 1011;
const TRY_AGAIN_LATER = 1013;

/**
 * A running program. Iterating over it yields its events until it ends, or throws a `BitRunError`;
 * leaving the loop ends the program. Output waits in memory until it is read.
 *
 * Input for a program that has ended is discarded, as in a pipe without a reader.
 */
export class Session implements AsyncIterable<Event> {
  private readonly socket: WebSocket;
  private readonly unsent: object[];
  private readonly events: Event[] = [];
  private wake: () => void = () => {};
  private end: BitRunError | "done" | null = null;
  private error: string | null = null;
  private stage: StageName = "run";
  private readonly parts: string[] = []; // of the file that is coming

  constructor(
    Socket: typeof WebSocket,
    private readonly url: URL,
    token: string | null,
    init: object,
    private readonly refusal: () => Promise<BitRunError>,
  ) {
    const address = new URL(url);
    address.protocol = url.protocol.replace("http", "ws");
    this.unsent = [{ type: "init", ...init }];
    this.socket = new Socket(address, protocols(token));
    this.socket.onopen = () => {
      this.socket.onerror = null;
      for (const message of this.unsent.splice(0)) this.send(message);
    };
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.finish(this.reason(event));
    // Before it is open. Browsers close it then; Node.js 20 does not.
    this.socket.onerror = () => void this.findRefusal();
  }

  /** Sends text to stdin. */
  write(text: string): void {
    this.send({ type: "data", stream: "stdin", data: text });
  }

  /** Closes stdin, after what was written before; on a terminal, types Ctrl-D. */
  endInput(): void {
    this.send({ type: "eof" });
  }

  /** Changes the size of the program's terminal. */
  resize(size: TerminalSize): void {
    this.send({ type: "resize", ...size });
  }

  /** Sends a signal, such as "SIGINT", to the process group of the program. */
  signal(name: string): void {
    this.send({ type: "signal", signal: name });
  }

  /** Ends the program, and the iteration after what has arrived. */
  close(): void {
    this.socket.close();
    this.finish("done");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    try {
      while (true) {
        const event = this.events.shift();
        if (event) yield event;
        else if (this.end === "done") return;
        else if (this.end) throw this.end;
        else await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      this.close();
    }
  }

  private send(message: object): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(message));
    else if (this.socket.readyState === this.socket.CONNECTING) this.unsent.push(message);
  }

  private receive(text: string): void {
    if (this.end) return;
    let message: Message;
    try {
      message = JSON.parse(text);
    } catch (cause) {
      return this.finish(new Unreadable(`What answers at ${this.url.href} is not BitRun`, null, { cause }));
    }
    switch (message.type) {
      case "stage":
        this.stage = message.stage;
        this.events.push({ type: "started", stage: this.stage });
        break;
      case "data":
        this.events.push({ type: "output", stage: this.stage, stream: message.stream, text: message.data });
        break;
      case "exit":
        this.events.push({ type: "ended", stage: this.stage, verdict: readVerdict(message) });
        break;
      case "file":
        this.parts.push(message.content);
        if (message.more) return;
        this.events.push({ type: "file", file: readFile({ ...message, content: this.parts.splice(0).join("") }) });
        break;
      case "file_dropped":
        this.events.push({ type: "dropped", file: readDropped(message) });
        break;
      case "error":
        this.error = message.detail ?? message.message;
    }
    this.wake();
  }

  private async findRefusal(): Promise<void> {
    if (this.end) return;
    this.socket.onclose = null;
    this.finish(await this.refusal().catch((error) => error));
  }

  private finish(end: BitRunError | "done"): void {
    this.end ??= end;
    this.wake();
  }

  private reason(event: CloseEvent): BitRunError | "done" {
    const sentence = this.error || event.reason;
    if (event.code === DONE) return "done";
    if (event.code === TRY_AGAIN_LATER) return new Busy(sentence);
    if (event.code === INTERNAL) return new Failed(sentence);
    if (event.code === TOO_LARGE) return new Refused(sentence || "The program is too large for the service");
    if (event.code >= REFUSED) return new Refused(sentence);
    return new Unreachable(`The connection to ${this.url.href} broke off`);
  }
}

/** The subprotocols that pass a token, since a browser's WebSocket sends no other header. */
function protocols(token: string | null): string[] {
  return token === null ? [] : ["bitrun", `token.${base64url(new TextEncoder().encode(token))}`];
}
