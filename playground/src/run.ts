/** Runs a program and shows its output and verdict. */

import { Output } from "./output";
import { element } from "./page";
import { PATTERNS, Produced } from "./produced";
import type { Program } from "./program";
import { Session, type Problem } from "./session";
import { splitWords } from "./shell-words";
import type { Terminal } from "./terminal";
import { describe, duration, size, type Exit } from "./verdict";

type Tone = "" | "busy" | "good" | "bad";

// A program that runs for longer than this is assumed to wait for input.
const INPUT_DELAY_MS = 350;

export class Run {
  onTokenWanted: () => void = () => {};

  private readonly screen = element("screen", HTMLElement);
  private readonly verdict = element("verdict", HTMLElement);
  private readonly measured = element("measured", HTMLElement);
  private readonly stopButton = element("stop", HTMLButtonElement);
  private readonly endButton = element("end-input", HTMLButtonElement);
  private readonly runButton = element("run", HTMLButtonElement);
  private readonly output = new Output(this.screen, element("log", HTMLElement));
  private readonly terminalPlace = element("terminal", HTMLElement);
  private readonly produced = new Produced(
    element("produced", HTMLElement),
    element("produced-count", HTMLElement),
    element("produced-files", HTMLElement),
  );

  /** Of an interactive program; stays in sight when it has ended. */
  private terminal: Terminal | null = null;
  private starting: object | null = null; // identifies the latest start
  private session: Session | null = null;
  private stage: Exit["stage"] | null = null;
  private exits: Exit[] = [];
  private stops = 0;
  private previousFocus: Element | null = null;

  constructor() {
    this.stopButton.addEventListener("click", () => this.stop());
    this.endButton.addEventListener("click", () => this.endInput());
  }

  /** Starts a program. A program that is still running is ended. */
  async start(program: Program, timeout: number, token: string): Promise<void> {
    this.session?.abort();
    this.session = null;
    this.output.clear();
    this.produced.clear();
    this.closeTerminal();
    this.stage = null;
    this.exits = [];
    this.stops = 0;
    this.measured.replaceChildren();
    this.showStatus("Starting …", "busy");
    this.setRunning(true);
    // On a narrow screen the output pane is below the editor and may be out of sight.
    this.screen.parentElement?.scrollIntoView({ block: "nearest" });
    // Input that is given before the start is complete: it comes by a pipe, and stderr by another.
    const starting = (this.starting = {});
    const terminal = program.stdin === "" ? await this.openTerminal(starting) : null;
    if (this.starting !== starting) return;
    const init = {
      language: program.language,
      version: program.version,
      files: program.files,
      args: splitWords(program.args),
      stdin: program.stdin,
      run_timeout: timeout,
      output_files: PATTERNS,
      ...(terminal && { tty: terminal.size }),
    };
    const session = new Session(init, token, {
      stage: (name) => this.enter(name),
      data: (stream, text) => {
        if (terminal && this.stage === "run") terminal.write(text);
        else this.output.write(stream, text);
      },
      exit: (exit) => void this.exits.push(exit),
      file: (file) => this.produced.show(file),
      dropped: (file) => this.produced.tell(file),
      closed: (problem) => this.finish(problem),
    });
    this.session = session;
  }

  /** Shows a sentence in the status line below the output. */
  showStatus(text: string, tone: Tone): void {
    this.verdict.textContent = text;
    this.verdict.dataset.tone = tone;
  }

  /** Shows an empty terminal; null if it can't be loaded, or the start is cancelled meanwhile. */
  private async openTerminal(starting: object): Promise<Terminal | null> {
    const loaded = await import("./terminal").catch(() => null);
    if (this.starting !== starting) return null;
    if (!loaded) {
      this.finish({ text: "The server does not answer", needsToken: false });
      return null;
    }
    this.terminalPlace.hidden = false;
    this.terminal = new loaded.Terminal(this.terminalPlace);
    this.terminal.onKeys = (text) => this.session?.write(text);
    this.terminal.onResize = (size) => this.session?.resize(size);
    return this.terminal;
  }

  private closeTerminal(): void {
    this.leaveInput();
    this.terminal?.dispose();
    this.terminal = null;
    this.terminalPlace.hidden = true;
  }

  private enter(stage: Exit["stage"]): void {
    this.stage = stage;
    this.showStatus(stage === "compile" ? "Compiling …" : "Running …", "busy");
    if (stage !== "run" || !this.terminal) return;
    this.terminal.accepting = true;
    this.endButton.hidden = false;
    this.offerInput();
  }

  /** Focuses the input of a program that seems to wait for it, unless the user is active elsewhere. */
  private offerInput(): void {
    const session = this.session;
    // A phone would open its keyboard on top of the output.
    if (matchMedia("(pointer: coarse)").matches) return;
    let busy = false;
    const notice = () => (busy = true);
    const events = ["keydown", "pointerdown"];
    for (const name of events) addEventListener(name, notice, { capture: true });
    setTimeout(() => {
      for (const name of events) removeEventListener(name, notice, { capture: true });
      if (busy || this.session !== session || !this.terminal?.accepting) return;
      this.previousFocus = document.activeElement;
      this.terminal.focus();
    }, INPUT_DELAY_MS);
  }

  /** Types Ctrl-D, after which the program may read on. */
  private endInput(): void {
    this.session?.endInput();
  }

  private stop(): void {
    this.stops += 1;
    if (this.stage !== "run") {
      // No program is running that could receive a signal.
      this.session?.abort();
      this.finish({ text: "Stopped", needsToken: false });
    } else {
      this.session?.signal(this.stops === 1 ? "SIGTERM" : "SIGKILL");
      this.stopButton.textContent = "Kill";
    }
  }

  private finish(problem: Problem | null): void {
    this.output.flush();
    this.setRunning(false);
    const last = this.exits.at(-1);
    if (problem) {
      this.showStatus(problem.text, "bad");
      if (problem.needsToken) this.onTokenWanted();
    } else if (last) {
      this.showStatus(describe(last), last.verdict === "ok" ? "good" : "bad");
    }
    if (last) this.measure(last);
  }

  private measure(exit: Exit): void {
    const compiled = exit.stage === "run" && this.exits.find(({ stage }) => stage === "compile");
    const rows = {
      ...(compiled && { Compiled: duration(compiled.wall_time) }),
      Time: duration(exit.wall_time),
      CPU: duration(exit.cpu_time),
      Memory: size(exit.memory),
    };
    this.measured.replaceChildren(
      ...Object.entries(rows).flatMap(([name, value]) => {
        const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
        term.textContent = name;
        definition.textContent = value;
        return [term, definition];
      }),
    );
  }

  private setRunning(on: boolean): void {
    if (!on) {
      this.session = null;
      this.starting = null;
      this.leaveInput();
    }
    this.stopButton.textContent = "Stop";
    this.stopButton.hidden = !on;
    this.endButton.hidden = true;
    if (this.terminal) this.terminal.accepting = false;
    this.screen.ariaBusy = String(on);
  }

  /** Moves the keyboard focus to another element if the focused one is about to be hidden. */
  private leaveInput(): void {
    const hidden: (Element | null)[] = [this.stopButton, this.endButton];
    if (this.terminal?.focused) {
      const target = this.previousFocus instanceof HTMLElement ? this.previousFocus : this.runButton;
      target.focus();
    } else if (hidden.includes(document.activeElement)) {
      this.runButton.focus();
    }
    this.previousFocus = null;
  }
}
