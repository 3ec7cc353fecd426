/** One run over the WebSocket `/api/v2/connect`. */

import { tokenProtocols } from "./link";
import type { DroppedFile, ProducedFile } from "./produced";
import type { Size } from "./terminal";
import type { Exit } from "./verdict";

export interface Init {
  language: string;
  version: string;
  files: { name: string; content: string }[];
  args: string[];
  stdin: string;
  run_timeout: number;
  /** A terminal of that size in place of pipes: its echo and stderr are stdout. */
  tty?: Size;
  /** Patterns of the files to send when the program has ended. */
  output_files: string[];
}

export interface Problem {
  text: string;
  /** Whether the server requires a valid token. */
  needsToken: boolean;
}

export interface Listener {
  stage(name: Exit["stage"]): void;
  data(stream: "stdout" | "stderr", text: string): void;
  exit(exit: Exit): void;
  file(file: ProducedFile): void;
  dropped(file: DroppedFile): void;
  /** The session is over; `problem` is null if it completed normally. */
  closed(problem: Problem | null): void;
}

type Frame =
  | { type: "stage"; stage: Exit["stage"] }
  | { type: "data"; stream: "stdout" | "stderr"; data: string }
  | ({ type: "exit" } & Exit)
  | ({ type: "file"; more: boolean } & ProducedFile)
  | ({ type: "file_dropped" } & DroppedFile)
  | { type: "error"; message: string }
  | { type: "runtime" };

const COMPLETED = 4999;
const REASONS: Record<number, string> = {
  1009: "The program is too large for this server",
  1011: "The server has failed; its log has the details",
  1013: "Too many programs are running. Try again in a moment",
};
const NO_WEBSOCKETS = "The server refuses WebSockets. A proxy in front of it may block them";
const LOST = "The connection to the server is lost";

export class Session {
  private readonly socket: WebSocket;
  private problem: string | null = null;
  private opened = false;
  private aborted = false;
  private readonly parts: string[] = []; // of a file of which more is to come

  constructor(
    init: Init,
    private readonly token: string,
    private readonly listener: Listener,
  ) {
    const url = new URL("api/v2/connect", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url, tokenProtocols(token));
    this.socket.onopen = () => {
      this.opened = true;
      this.send({ type: "init", ...init });
      // Input that is given before the start is complete; otherwise the user types.
      if (init.stdin) this.endInput();
    };
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    this.socket.onclose = (event) => void this.close(event);
  }

  write(text: string): void {
    this.send({ type: "data", stream: "stdin", data: text });
  }

  endInput(): void {
    this.send({ type: "eof" });
  }

  resize(size: Size): void {
    this.send({ type: "resize", ...size });
  }

  signal(name: string): void {
    this.send({ type: "signal", signal: name });
  }

  /** Ends the run at once; the listener is not called any more. */
  abort(): void {
    this.aborted = true;
    this.socket.close();
  }

  private send(message: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private receive(frame: Frame): void {
    if (this.aborted) return;
    switch (frame.type) {
      case "stage":
        return this.listener.stage(frame.stage);
      case "data":
        return this.listener.data(frame.stream, frame.data);
      case "exit":
        return this.listener.exit(frame);
      case "file":
        this.parts.push(frame.content);
        if (frame.more) return;
        return this.listener.file({ ...frame, content: this.parts.splice(0).join("") });
      case "file_dropped":
        return this.listener.dropped(frame);
      case "error":
        this.problem = frame.message;
    }
  }

  private async close(event: CloseEvent): Promise<void> {
    if (this.aborted) return;
    if (event.code === COMPLETED) return this.listener.closed(null);
    const problem = this.opened
      ? { text: this.problem ?? REASONS[event.code] ?? (event.reason || LOST), needsToken: false }
      : await refusal(this.token);
    if (!this.aborted) this.listener.closed(problem);
  }
}

/**
 * Finds out why a WebSocket was refused, since browsers hide the reason. It sends an empty request,
 * which is refused as incomplete only after all checks that also apply to a WebSocket.
 */
async function refusal(token: string): Promise<Problem> {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  try {
    const response = await fetch("api/v2/execute", { method: "POST", body: "{}", headers });
    if (response.status === 401) {
      return { text: token ? "The token is not valid" : "This server requires a token", needsToken: true };
    }
    const text = response.status === 400 ? NO_WEBSOCKETS : (await response.json()).message;
    return { text, needsToken: false };
  } catch {
    return { text: "The server does not answer", needsToken: false };
  }
}
