import { BitRunError, responseError, Unreachable, Unreadable } from "./errors.js";
import { Session } from "./session.js";

/** A request; `body` is sent as JSON, `content` as it is. */
export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  content?: Uint8Array<ArrayBuffer> | Blob;
  accept?: string;
  signal?: AbortSignal | undefined;
}

export const STREAM = "application/x-ndjson";

/** The requests of a client to the service at `url`, and their answers. */
export class Transport {
  constructor(
    readonly url: URL,
    private readonly token: string | null,
    private readonly Socket: typeof WebSocket | undefined,
  ) {}

  async answer<Sent, Read>(path: string, call: Call, read: (sent: Sent) => Read): Promise<Read> {
    return this.read(await this.fetch(path, call), read);
  }

  async fetch(path: string, call: Call): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.token !== null) headers["Authorization"] = `Bearer ${this.token}`;
    if (call.accept) headers["Accept"] = call.accept;
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    // A service without tokens lets only requests with its own address change packages. Browsers set
    // the header by themselves.
    if (call.method !== undefined) headers["Origin"] = this.url.origin;
    try {
      return await fetch(new URL(path, this.url), {
        method: call.method ?? "GET",
        headers,
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        ...(call.content && { body: call.content }),
        ...(call.signal && { signal: call.signal }),
      });
    } catch (error) {
      throw call.signal?.aborted ? error : unreachable(this.url, error);
    }
  }

  async read<Sent, Read>(response: Response, read: (sent: Sent) => Read): Promise<Read> {
    let text: string;
    try {
      text = await response.text();
    } catch (error) {
      // An abort is the caller's own; all else is the connection's end.
      throw error instanceof TypeError ? unreachable(this.url, error) : error;
    }
    try {
      const sent = JSON.parse(text);
      if (!response.ok) throw responseError(response.status, sent, response.headers.get("Retry-After"));
      return read(sent);
    } catch (error) {
      if (error instanceof BitRunError) throw error;
      throw new Unreadable(`What answers at ${this.url.href} is not BitRun`, response.status, { cause: error });
    }
  }

  /** Yields the objects of a stream of lines. */
  async *objects<Sent>(response: Response): AsyncGenerator<Sent, void, undefined> {
    for await (const line of lines(response, this.url)) yield JSON.parse(line);
  }

  /** Opens a WebSocket. `refusal` finds out why it was refused, which no browser tells. */
  connect(path: string, init: object, refusal: () => Promise<BitRunError>): Session {
    if (!this.Socket) {
      throw new TypeError("Sessions need a WebSocket: Node.js has one since version 22; or give the client one");
    }
    return new Session(this.Socket, new URL(path, this.url), this.token, init, refusal);
  }

  /** The reason that is left if a service that refuses a WebSocket answers all else. */
  blocked(): BitRunError {
    return new Unreachable(`${this.url.href} refuses WebSockets; a proxy in front of it may block them`);
  }
}

function unreachable(url: URL, cause: unknown): Unreachable {
  return new Unreachable(`${url.href} can't be reached`, null, { cause });
}

async function* lines(response: Response, url: URL): AsyncGenerator<string, void, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      const found = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = found.pop()!;
      yield* found;
    }
  } catch (error) {
    throw error instanceof TypeError ? unreachable(url, error) : error;
  } finally {
    await reader.cancel();
  }
}
