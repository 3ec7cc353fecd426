/** Runs a program and shows its output and verdict. */

import {
  BitRunError,
  Client,
  TokenRefused,
  type Event as SessionEvent,
  type Sandbox,
  type Session,
  type StageName,
  type Verdict,
} from "../../clients/javascript/src/index.js";
import { Find } from "./find";
import { positionsIn } from "./positions";
import { element } from "./page";
import { PATTERNS, Produced } from "./produced";
import { bytesOf, type Program } from "./program";
import { splitWords } from "./shell-words";
import type { Terminal } from "./terminal";
import { describe, duration, size } from "./verdict";

type Tone = "" | "busy" | "good" | "bad";

interface Ended {
  stage: StageName;
  verdict: Verdict;
}

function filesOf({ files }: Program): (readonly [string, string | Uint8Array])[] {
  return files.map((file) => [file.name, file.encoding ? bytesOf(file) : file.content] as const);
}

// A program that runs for longer than this is assumed to wait for input.
const INPUT_DELAY_MS = 350;

export class Run {
  onTokenWanted: (problem: string) => void = () => {};
  /** Whether the server has sandboxes, into which a terminal leads. */
  offersShell = false;
  /** Called to show a line of a file, of which the output speaks. */
  onGoTo: (name: string, line: number) => void = () => {};

  private readonly pane = element("output", HTMLElement);
  private readonly screen = element("screen", HTMLElement);
  private readonly hint = element("hint", HTMLElement);
  private readonly told = element("told", HTMLElement);
  private readonly verdict = element("verdict", HTMLElement);
  private readonly measured = element("measured", HTMLElement);
  private readonly stopButton = element("stop", HTMLButtonElement);
  private readonly endButton = element("end-input", HTMLButtonElement);
  private readonly runButton = element("run", HTMLButtonElement);
  private readonly shellButton = element("shell", HTMLButtonElement);
  private readonly goToButton = element("go-to", HTMLButtonElement);
  private readonly terminalPlace = element("terminal", HTMLElement);
  private readonly find = new Find(() => this.terminal);
  private readonly produced = new Produced(
    element("produced", HTMLElement),
    element("produced-count", HTMLElement),
    element("produced-files", HTMLElement),
  );

  /** Stays in sight when the program has ended. */
  private terminal: Terminal | null = null;
  private names: string[] = []; // of the program's files
  private position: [name: string, line: number] | null = null; // of the error
  private piped = false;
  private isShell = false;
  private starting: object | null = null; // identifies the latest start
  private session: Session | null = null;
  private stage: StageName | null = null;
  private ended: Ended[] = [];
  private lines = 0; // that the stage has written
  private atLineStart = true;
  private hasWritten = false; // any stage
  private stops = 0;
  private tokenProblem = "";
  private previousFocus: Element | null = null;

  constructor() {
    this.goToButton.addEventListener("click", () => this.position && this.onGoTo(...this.position));
    this.stopButton.addEventListener("click", () => this.stop());
    this.endButton.addEventListener("click", () => this.endInput());
    // The keyboard of a phone takes half of the window.
    addEventListener("resize", () => this.session && this.bringIntoSight());
  }

  /** Starts a program. A program that is still running is ended. */
  async start(program: Program, timeoutMs: number, token: string): Promise<void> {
    this.isShell = false;
    // Input that is given before the start is complete: it comes by a pipe, and stderr by another.
    this.piped = program.stdin !== "";
    await this.follow(program, token, async (client, terminal) => {
      const session = client.interact(program.language, null, {
        version: program.version,
        files: filesOf(program),
        args: splitWords(program.args),
        stdin: program.stdin,
        timeoutMs,
        outputFiles: PATTERNS,
        ...(!this.piped && { tty: terminal.size }),
      });
      if (this.piped) session.endInput();
      return session;
    });
  }

  /** Opens a shell in a sandbox with the files of a program; the end of one is that of the other. */
  async openShell(program: Program, token: string): Promise<void> {
    this.isShell = true;
    this.piped = false;
    let sandbox: Sandbox | null = null;
    try {
      await this.follow(program, token, async (client, terminal) => {
        // An open terminal is use; the minute counts when the page is gone.
        const options = { version: program.version, files: filesOf(program), minutes: 1 };
        sandbox = await client.sandbox(program.language, options);
        return sandbox.terminal({ tty: terminal.size });
      });
    } finally {
      // It may have ended by itself.
      await (sandbox as Sandbox | null)?.delete().catch(() => {});
    }
  }

  private async follow(
    program: Program,
    token: string,
    open: (client: Client, terminal: Terminal) => Promise<Session>,
  ): Promise<void> {
    this.abort();
    this.produced.clear();
    this.closeTerminal();
    this.stage = null;
    this.ended = [];
    this.names = program.files.map(({ name }) => name);
    this.showPosition(null);
    this.hasWritten = false;
    this.stops = 0;
    this.hint.textContent = this.told.textContent = "";
    this.measured.replaceChildren();
    this.showStatus("Starting …", "busy");
    this.setRunning(true);
    this.tokenProblem = token ? "The token is not valid" : "This server requires a token";
    const starting = (this.starting = {});
    const terminal = await this.openTerminal(starting);
    if (!terminal) return;
    this.bringIntoSight();
    try {
      const session = await open(new Client(".", { token }), terminal);
      if (this.starting !== starting) return session.close();
      this.session = session;
      for await (const event of session) {
        if (this.starting !== starting) return;
        this.receive(event, terminal);
      }
      if (this.starting === starting) this.finish(null);
    } catch (error) {
      if (!(error instanceof BitRunError)) throw error;
      if (this.starting === starting) this.finish(error);
    }
  }

  /** Shows a sentence in the status line below the output. */
  showStatus(text: string, tone: Tone): void {
    this.verdict.textContent = text;
    this.verdict.dataset.tone = tone;
  }

  private receive(event: SessionEvent, terminal: Terminal): void {
    switch (event.type) {
      case "started":
        return this.enter(event.stage);
      case "output":
        this.count(event.text);
        if (event.stream === "stderr") this.told.textContent = "There is error output.";
        if (this.piped || event.stage === "compile") terminal.writePiped(event.stream, event.text);
        else terminal.write(event.text);
        return;
      case "ended":
        return void this.ended.push(event);
      case "file":
        return this.produced.show(event.file);
      case "dropped":
        return this.produced.tell(event.file);
    }
  }

  /** Shows an empty terminal; null if it can't be loaded, or the start is cancelled meanwhile. */
  private async openTerminal(starting: object): Promise<Terminal | null> {
    const loaded = await import("./terminal").catch(() => null);
    if (this.starting !== starting) return null;
    if (!loaded) {
      this.setRunning(false);
      this.showStatus("The server does not answer", "bad");
      return null;
    }
    this.terminalPlace.hidden = false;
    this.terminal = new loaded.Terminal(this.terminalPlace);
    this.terminal.onKeys = (text) => this.session?.write(text);
    this.terminal.onResize = (size) => this.session?.resize(size);
    this.terminal.findLinks = (text) => positionsIn(text, this.names);
    this.terminal.onLink = (name, line) => this.onGoTo(name, line);
    this.terminal.onFind = () => this.find.open();
    return this.terminal;
  }

  private closeTerminal(): void {
    this.leaveInput();
    this.terminal?.dispose();
    this.terminal = null;
    this.terminalPlace.hidden = true;
    this.find.offered = false;
  }

  private abort(): void {
    this.starting = null;
    this.session?.close();
    this.session = null;
  }

  private enter(stage: StageName): void {
    if (this.stage) this.terminal?.startStage(this.atLineStart);
    this.stage = stage;
    this.lines = 0;
    this.atLineStart = true;
    this.showStatus(stage === "compile" ? "Compiling …" : "Running …", "busy");
    if (stage !== "run" || !this.terminal || this.piped) return;
    this.terminal.accepting = true;
    this.endButton.hidden = false;
    this.offerInput();
  }

  /** Focuses the input of a program that seems to wait for it, unless the user is active elsewhere. */
  private offerInput(): void {
    const session = this.session;
    let busy = false;
    const notice = () => (busy = true);
    const events = ["keydown", "pointerdown"];
    for (const name of events) addEventListener(name, notice, { capture: true });
    setTimeout(() => {
      for (const name of events) removeEventListener(name, notice, { capture: true });
      if (busy || this.session !== session || !this.terminal?.accepting) return;
      this.previousFocus = document.activeElement;
      this.terminal.focus();
      this.bringIntoSight();
    }, INPUT_DELAY_MS);
  }

  /** Types Ctrl-D, after which the program may read on. */
  private endInput(): void {
    this.session?.endInput();
  }

  private stop(): void {
    this.stops += 1;
    if (this.stage !== "run" || this.isShell) {
      // No program is running that could receive a signal, or one that ignores it.
      this.abort();
      this.setRunning(false);
      this.showStatus("Stopped", "bad");
    } else {
      this.session?.signal(this.stops === 1 ? "SIGTERM" : "SIGKILL");
      this.stopButton.textContent = "Kill";
    }
  }

  private finish(problem: BitRunError | null): void {
    this.setRunning(false);
    const last = this.ended.at(-1);
    if (problem) {
      // The service speaks of headers, as to programs.
      const wantsToken = problem instanceof TokenRefused && problem.status === 401;
      this.showStatus(wantsToken ? this.tokenProblem : this.explain(problem), "bad");
      // Where the panes are stacked, its field is out of sight when the status is not.
      if (wantsToken) return this.onTokenWanted(this.tokenProblem);
    } else if (last) {
      const { outcome } = last.verdict;
      this.showStatus(describe(last.stage, last.verdict, this.lines), outcome === "ok" ? "good" : "bad");
    }
    if (last && !this.hasWritten) {
      this.hint.textContent = "The program wrote nothing.";
      this.terminalPlace.hidden = true; // it would cover the hint
    }
    this.find.offered = this.hasWritten;
    if (last) this.measure(last);
    if (last && last.verdict.outcome !== "ok") void this.findError(last.stage);
    this.bringIntoSight();
  }

  /** Returns the sentence of a refusal; that of a sandbox speaks of clients and their limits. */
  private explain(problem: BitRunError): string {
    const isFull = problem.status === 429 || problem.status === 503;
    return this.isShell && isFull ? "Too many terminals are open. Try again later" : problem.message;
  }

  /** Offers the line where a compiler found the first error, or which a traceback names last. */
  private async findError(stage: StageName): Promise<void> {
    const terminal = this.terminal;
    const found = positionsIn((await terminal?.text()) ?? "", this.names);
    const { name, line } = (stage === "compile" ? found[0] : found.at(-1)) ?? {};
    if (terminal !== this.terminal || this.session || !name || !line) return;
    this.showPosition([name, line]);
    this.bringIntoSight();
  }

  private showPosition(position: [string, number] | null): void {
    this.position = position;
    this.goToButton.hidden = position === null;
    if (position) this.goToButton.textContent = `Go to line ${position[1]} of ${position[0]}`;
  }

  private count(text: string): void {
    if (text === "") return;
    this.hasWritten = true;
    // A line counts from its first character on.
    const ends = text.split("\n").length - 1;
    const endsLine = text.endsWith("\n");
    this.lines += ends + (endsLine ? 0 : 1) - (this.atLineStart ? 0 : 1);
    this.atLineStart = endsLine;
  }

  private measure({ stage, verdict }: Ended): void {
    const compiled = stage === "run" && this.ended.find((each) => each.stage === "compile");
    const rows = {
      ...(compiled && { Compiled: duration(compiled.verdict.wallMs) }),
      Time: duration(verdict.wallMs),
      CPU: duration(verdict.cpuMs),
      Memory: size(verdict.memory),
    };
    this.measured.replaceChildren(
      ...Object.entries(rows).map(([name, value]) => {
        const row = document.createElement("div");
        const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = name;
        definition.textContent = value;
        row.append(term, definition);
        return row;
      }),
    );
  }

  /** Where the panes are stacked, the page scrolls until the status is seen, with the output above it. */
  private bringIntoSight(): void {
    this.pane.scrollIntoView({ block: "end" });
  }

  private setRunning(on: boolean): void {
    if (!on) {
      this.session = null;
      this.starting = null;
      this.leaveInput();
    }
    this.stopButton.textContent = "Stop";
    this.stopButton.hidden = !on;
    this.shellButton.hidden = on || !this.offersShell;
    this.endButton.hidden = true;
    if (this.terminal) this.terminal.accepting = false;
    this.screen.ariaBusy = String(on);
  }

  /** Moves the keyboard focus to another element if the focused one is about to be hidden. */
  private leaveInput(): void {
    const hidden: (Element | null)[] = [this.stopButton, this.endButton, this.shellButton];
    let target: HTMLElement | null = null;
    if (this.terminal?.focused) {
      target = this.previousFocus instanceof HTMLElement ? this.previousFocus : this.runButton;
    } else if (hidden.includes(document.activeElement)) {
      target = this.runButton;
    }
    // Where the panes are stacked, the output would go out of sight.
    target?.focus({ preventScroll: true });
    this.previousFocus = null;
  }
}
