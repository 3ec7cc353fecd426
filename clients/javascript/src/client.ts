import { BitRunError, Failed, Unreachable } from "./errors.js";
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
import { Sandbox, readSandbox, SANDBOXES, writeSandbox, type SandboxInfo, type SandboxOptions } from "./sandbox.js";
import type { Event, Session, SessionOptions } from "./session.js";
import { STREAM, Transport } from "./transport.js";

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

/**
 * A client of the service at `url`, by default the page's own in a browser. A relative URL is one of
 * the page.
 *
 * Methods throw a `BitRunError` if the service refuses or fails; a program that fails is no error but
 * a `Result`. With `signal` a caller can give up, which ends the program; they throw its reason then.
 */
export class Client {
  private readonly transport: Transport;

  constructor(url: string | URL = ".", options: ClientOptions = {}) {
    const page: string | undefined = globalThis.document?.baseURI;
    const base = new URL(url, page);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.transport = new Transport(base, options.token || null, options.WebSocket ?? globalThis.WebSocket);
  }

  /** Runs a program and returns its result. */
  async run(
    language: string,
    code: string | null,
    options: RunOptions & { signal?: AbortSignal } = {},
  ): Promise<Result> {
    const { signal, ...others } = options;
    const body = writeJob(language, code, others);
    return this.transport.answer("api/v2/execute", { method: "POST", body, signal }, readResult);
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
    const { tty, ...others } = options;
    const job = { ...writeJob(language, code, others), ...(tty && { tty }) };
    return this.transport.connect("api/v2/connect", job, () => this.refusal());
  }

  /** Creates a sandbox, a container that stays until `delete` ends it, or the time does. */
  async sandbox(language: string | null, options: SandboxOptions = {}): Promise<Sandbox> {
    const call = { method: "POST", body: writeSandbox(language, options) } as const;
    const made = await this.transport.answer(SANDBOXES, call, readSandbox);
    return new Sandbox(this.transport, made.id);
  }

  /** Finds a sandbox by its id. */
  async openSandbox(id: string): Promise<Sandbox> {
    const found = new Sandbox(this.transport, id);
    await found.info();
    return found;
  }

  /** Lists the sandboxes of this client, the oldest first. */
  async sandboxes(): Promise<SandboxInfo[]> {
    return this.transport.answer(SANDBOXES, {}, (sent: Parameters<typeof readSandbox>[0][]) => sent.map(readSandbox));
  }

  /** Stores bytes under a name, which `files` of later runs may use. */
  async upload(name: string, content: Uint8Array<ArrayBuffer> | Blob): Promise<Upload> {
    const path = `api/v2/files?name=${encodeURIComponent(name)}`;
    return this.transport.answer(path, { method: "POST", content }, readUpload);
  }

  /** Lists the uploads that are stored, the oldest first. */
  async uploads(): Promise<Upload[]> {
    return this.transport.answer("api/v2/files", {}, (sent: Parameters<typeof readUpload>[0][]) => sent.map(readUpload));
  }

  /** Removes an upload before it expires. */
  async deleteUpload(upload: Upload): Promise<void> {
    await this.transport.answer(`api/v2/files/${upload.id}`, { method: "DELETE" }, readUpload);
  }

  /** Lists the installed languages. */
  async runtimes(): Promise<Runtime[]> {
    return this.transport.answer("api/v2/runtimes", {}, (sent: Parameters<typeof readRuntime>[0][]) =>
      sent.map(readRuntime),
    );
  }

  /** Maps file extensions, without the dot, to their languages. */
  async extensions(): Promise<Map<string, Extension>> {
    return this.transport.answer("api/v1/config", {}, (sent: Record<string, Extension>) => {
      return new Map(Object.entries(sent).map(([name, found]) => [name.replace(/^\./, ""), found]));
    });
  }

  /** Lists all packages, installed or not. */
  async packages(): Promise<Package[]> {
    return this.transport.answer("api/v2/packages", {}, (sent: Parameters<typeof readPackage>[0][]) =>
      sent.map(readPackage),
    );
  }

  /** Installs the newest version of a package in a SemVer range; `report` gets each line of the build. */
  async install(
    name: string,
    version = "*",
    report: (progress: Progress) => void = () => {},
  ): Promise<Package> {
    const response = await this.transport.fetch("api/v2/packages", {
      method: "POST",
      body: { language: name, version },
      accept: STREAM,
    });
    const readInstalled = (sent: { language: string; version: string }): Package => {
      return { name: sent.language, version: sent.version, installed: true };
    };
    if (!response.headers.get("Content-Type")?.startsWith(STREAM)) {
      return this.transport.read(response, readInstalled);
    }
    for await (const sent of this.transport.objects<any>(response)) {
      if ("line" in sent) report(sent);
      else if ("message" in sent) throw new Failed(sent.message);
      else return readInstalled(sent);
    }
    throw new Unreachable(`The answer of ${this.transport.url.href} broke off`);
  }

  /** Removes the newest installed version of a package in a SemVer range. */
  async uninstall(name: string, version = "*"): Promise<Package> {
    const body = { language: name, version };
    return this.transport.answer("api/v2/packages", { method: "DELETE", body }, (sent: Package & { language: string }) => {
      return { name: sent.language, version: sent.version, installed: false };
    });
  }

  /**
   * Finds out why a WebSocket was refused, whose response no browser shows. It sends an empty request,
   * which is refused as incomplete only after all checks that also apply to a WebSocket.
   */
  private async refusal(): Promise<BitRunError> {
    try {
      await this.transport.answer("api/v2/execute", { method: "POST", body: {} }, () => null);
    } catch (error) {
      if (!(error instanceof BitRunError)) throw error;
      if (error.status !== 400) return error;
    }
    return this.transport.blocked();
  }
}
