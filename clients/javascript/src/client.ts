import { BitRunError, Failed, responseError, Unreachable, Unreadable } from "./errors.js";
import { writeJob, type RunOptions } from "./options.js";
import {
  readPackage,
  readResult,
  readRuntime,
  readUpload,
  type Extension,
  type Package,
  type Result,
  type Runtime,
  type Upload,
} from "./results.js";
import { Session, type Event, type SessionOptions } from "./session.js";

export interface ClientOptions {
  token?: string;
  /** The constructor for sessions; default: the global one, which Node.js has since version 22. */
  WebSocket?: typeof WebSocket;
}

/** A line of a build. `step` of `steps` is the position in the image that is being built. */
export interface Progress {
  readonly line: string;
  readonly step?: number;
  readonly steps?: number;
}

interface Call {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  content?: Uint8Array<ArrayBuffer> | Blob;
  accept?: string;
  signal?: AbortSignal | undefined;
}

const STREAM = "application/x-ndjson";

/**
 * A client of the service at `url`, by default the page's own in a browser. A relative URL is one of
 * the page.
 *
 * Methods throw a `BitRunError` if the service refuses or fails; a program that fails is no error but
 * a `Result`. With `signal` a caller can give up, which ends the program; they throw its reason then.
 */
export class Client {
  private readonly url: URL;
  private readonly token: string | null;
  private readonly WebSocket: typeof WebSocket | undefined;

  constructor(url: string | URL = ".", options: ClientOptions = {}) {
    const page: string | undefined = globalThis.document?.baseURI;
    this.url = new URL(url, page);
    if (!this.url.pathname.endsWith("/")) this.url.pathname += "/";
    this.token = options.token || null;
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
  }

  /** Runs a program and returns its result. */
  async run(
    language: string,
    code: string | null,
    options: RunOptions & { signal?: AbortSignal } = {},
  ): Promise<Result> {
    const { signal, ...others } = options;
    const body = writeJob(language, code, others);
    return this.answer("api/v2/execute", { method: "POST", body, signal }, readResult);
  }

  /** Runs a program and yields its output as it is written. Leaving the loop ends the program. */
  async *stream(
    language: string,
    code: string | null,
    options: RunOptions = {},
  ): AsyncGenerator<Event, void, undefined> {
    const session = this.interact(language, code, options);
    session.endInput();
    yield* session;
  }

  /** Runs a program interactively. With `tty` its streams are a terminal of that size. */
  interact(language: string, code: string | null, options: SessionOptions = {}): Session {
    if (!this.WebSocket) {
      throw new TypeError("Sessions need a WebSocket: Node.js has one since version 22; or give the client one");
    }
    const { tty, ...others } = options;
    const job = { ...writeJob(language, code, others), ...(tty && { tty }) };
    return new Session(this.WebSocket, this.url, this.token, job, () => this.refusal());
  }

  /** Stores bytes under a name, which `files` of later runs may use. */
  async upload(name: string, content: Uint8Array<ArrayBuffer> | Blob): Promise<Upload> {
    const path = `api/v2/files?name=${encodeURIComponent(name)}`;
    return this.answer(path, { method: "POST", content }, readUpload);
  }

  /** Lists the uploads that are stored, the oldest first. */
  async uploads(): Promise<Upload[]> {
    return this.answer("api/v2/files", {}, (sent: Parameters<typeof readUpload>[0][]) => sent.map(readUpload));
  }

  /** Removes an upload before it expires. */
  async deleteUpload(upload: Upload): Promise<void> {
    await this.answer(`api/v2/files/${upload.id}`, { method: "DELETE" }, readUpload);
  }

  /** Lists the installed languages. */
  async runtimes(): Promise<Runtime[]> {
    return this.answer("api/v2/runtimes", {}, (sent: Parameters<typeof readRuntime>[0][]) =>
      sent.map(readRuntime),
    );
  }

  /** Maps file extensions, without the dot, to their languages. */
  async extensions(): Promise<Map<string, Extension>> {
    return this.answer("api/v1/config", {}, (sent: Record<string, Extension>) => {
      return new Map(Object.entries(sent).map(([name, found]) => [name.replace(/^\./, ""), found]));
    });
  }

  /** Lists all packages, installed or not. */
  async packages(): Promise<Package[]> {
    return this.answer("api/v2/packages", {}, (sent: Parameters<typeof readPackage>[0][]) =>
      sent.map(readPackage),
    );
  }

  /** Installs the newest version of a package in a SemVer range; `report` gets each line of the build. */
  async install(
    name: string,
    version = "*",
    report: (progress: Progress) => void = () => {},
  ): Promise<Package> {
    const response = await this.fetch("api/v2/packages", {
      method: "POST",
      body: { language: name, version },
      accept: STREAM,
    });
    const readInstalled = (sent: { language: string; version: string }): Package => {
      return { name: sent.language, version: sent.version, installed: true };
    };
    if (!response.headers.get("Content-Type")?.startsWith(STREAM)) {
      return this.read(response, readInstalled);
    }
    for await (const line of lines(response, this.url)) {
      const sent = JSON.parse(line);
      if ("line" in sent) report(sent);
      else if ("message" in sent) throw new Failed(sent.message);
      else return readInstalled(sent);
    }
    throw new Unreachable(`The answer of ${this.url.href} broke off`);
  }

  /** Removes the newest installed version of a package in a SemVer range. */
  async uninstall(name: string, version = "*"): Promise<Package> {
    const body = { language: name, version };
    return this.answer("api/v2/packages", { method: "DELETE", body }, (sent: Package & { language: string }) => {
      return { name: sent.language, version: sent.version, installed: false };
    });
  }

  private async answer<Sent, Read>(path: string, call: Call, read: (sent: Sent) => Read): Promise<Read> {
    return this.read(await this.fetch(path, call), read);
  }

  private async fetch(path: string, call: Call): Promise<Response> {
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

  private async read<Sent, Read>(response: Response, read: (sent: Sent) => Read): Promise<Read> {
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

  /**
   * Finds out why a WebSocket was refused, whose response no browser shows. It sends an empty request,
   * which is refused as incomplete only after all checks that also apply to a WebSocket.
   */
  private async refusal(): Promise<BitRunError> {
    try {
      await this.answer("api/v2/execute", { method: "POST", body: {} }, () => null);
    } catch (error) {
      if (!(error instanceof BitRunError)) throw error;
      if (error.status !== 400) return error;
    }
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
