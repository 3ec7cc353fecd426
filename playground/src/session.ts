/** One run over the WebSocket `/api/v2/connect`. */

import { tokenProtocols } from "./link";
import type { Exit } from "./verdict";

export interface Init {
  language: string;
  version: string;
  files: { name: string; content: string }[];
  args: string[];
  stdin: string;
  run_timeout: number;
}

export interface Problem {
  text: string;
  /** The server wants a token, or another one. */
  isToken: boolean;
}

export interface Listener {
  stage(name: Exit["stage"]): void;
  data(stream: "stdout" | "stderr", text: string): void;
  exit(exit: Exit): void;
  /** Nothing comes any more; `problem` says in words why, unless all went as it should. */
  closed(problem: Problem | null): void;
}

type Frame =
  | { type: "stage"; stage: Exit["stage"] }
  | { type: "data"; stream: "stdout" | "stderr"; data: string }
  | ({ type: "exit" } & Exit)
  | { type: "error"; message: string }
  | { type: "runtime" };

const COMPLETED = 4999;
const REASONS: Record<number, string> = {
  1009: "The program is too large for this server",
  1011: "The server has failed; its log says more",
  1013: "Too many programs run at once. Try again in a moment",
};
const NO_WEBSOCKETS = "The server refuses WebSockets: a proxy before it may not let them through";
const LOST = "The connection to the server is lost";

export class Session {
  private readonly socket: WebSocket;
  private problem: string | null = null;
  private opened = false;
  private left = false;

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
      // What is given before the start is all there is; without it the user types.
      if (init.stdin) this.end();
    };
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    this.socket.onclose = (event) => void this.close(event);
  }

  type(text: string): void {
    this.send({ type: "data", stream: "stdin", data: text });
  }

  end(): void {
    this.send({ type: "eof" });
  }

  signal(name: string): void {
    this.send({ type: "signal", signal: name });
  }

  /** Ends the run at once; the listener hears no more of it. */
  leave(): void {
    this.left = true;
    this.socket.close();
  }

  private send(message: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private receive(frame: Frame): void {
    if (this.left) return;
    switch (frame.type) {
      case "stage":
        return this.listener.stage(frame.stage);
      case "data":
        return this.listener.data(frame.stream, frame.data);
      case "exit":
        return this.listener.exit(frame);
      case "error":
        this.problem = frame.message;
    }
  }

  private async close(event: CloseEvent): Promise<void> {
    if (this.left) return;
    if (event.code === COMPLETED) return this.listener.closed(null);
    const problem = this.opened
      ? { text: this.problem ?? REASONS[event.code] ?? (event.reason || LOST), isToken: false }
      : await refusal(this.token);
    if (!this.left) this.listener.closed(problem);
  }
}

/**
 * Asks why a WebSocket was refused, of which browsers tell nothing. An empty request is refused
 * for what is missing in it, but before that for all that a WebSocket would be.
 */
async function refusal(token: string): Promise<Problem> {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  try {
    const response = await fetch("api/v2/execute", { method: "POST", body: "{}", headers });
    if (response.status === 401) {
      return { text: token ? "The token is not valid" : "This server wants a token", isToken: true };
    }
    const text = response.status === 400 ? NO_WEBSOCKETS : (await response.json()).message;
    return { text, isToken: false };
  } catch {
    return { text: "The server does not answer", isToken: false };
  }
}
