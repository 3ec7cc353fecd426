/** Runs a program and shows what becomes of it. */

import { element } from "./page";
import type { Program } from "./program";
import { Session, type Problem } from "./session";
import { Terminal } from "./terminal";
import { describe, duration, size, type Exit } from "./verdict";
import { words } from "./words";

type Tone = "" | "busy" | "good" | "bad";

// As soon as a program has run for so long, it is taken to wait for its user.
const PATIENCE_MS = 350;

export class Run {
  onTokenWanted: () => void = () => {};

  private readonly screen = element("screen", HTMLElement);
  private readonly verdict = element("verdict", HTMLElement);
  private readonly measured = element("measured", HTMLElement);
  private readonly stopButton = element("stop", HTMLButtonElement);
  private readonly endButton = element("end-input", HTMLButtonElement);
  private readonly runButton = element("run", HTMLButtonElement);
  private readonly terminal = new Terminal(
    this.screen,
    element("log", HTMLElement),
    element("input", HTMLTextAreaElement),
  );

  private session: Session | null = null;
  private stage: Exit["stage"] | null = null;
  private exits: Exit[] = [];
  private stops = 0;
  private cameFrom: Element | null = null;

  constructor() {
    this.terminal.onLine = (line) => this.type(line);
    this.terminal.onInterrupt = () => this.interrupt();
    this.terminal.onEnd = () => this.endInput();
    this.stopButton.addEventListener("click", () => this.stop());
    this.endButton.addEventListener("click", () => this.endInput());
  }

  /** Starts a program, and ends one that still runs. */
  start(program: Program, timeout: number, token: string): void {
    this.session?.leave();
    this.terminal.clear();
    this.stage = null;
    this.exits = [];
    this.stops = 0;
    this.measured.replaceChildren();
    this.say("Starting …", "busy");
    this.setRunning(true);
    // Where the panes stand one below the other, the output may be out of sight.
    this.screen.parentElement?.scrollIntoView({ block: "nearest" });
    const init = {
      language: program.language,
      version: program.version,
      files: program.files,
      args: words(program.args),
      stdin: program.stdin,
      run_timeout: timeout,
    };
    const session = new Session(init, token, {
      stage: (name) => this.enter(name, program.stdin === ""),
      data: (stream, text) => this.terminal.write(stream, text),
      exit: (exit) => void this.exits.push(exit),
      closed: (problem) => this.finish(problem),
    });
    this.session = session;
  }

  /** Shows a sentence where a program's end is told. */
  say(text: string, tone: Tone): void {
    this.verdict.textContent = text;
    this.verdict.dataset.tone = tone;
  }

  private enter(stage: Exit["stage"], interactive: boolean): void {
    this.stage = stage;
    this.say(stage === "compile" ? "Compiling …" : "Running …", "busy");
    if (stage !== "run" || !interactive) return;
    this.terminal.accepting = true;
    this.endButton.hidden = false;
    this.offerInput();
  }

  /** Brings the user to the input of a program that seems to wait, unless they are busy elsewhere. */
  private offerInput(): void {
    const session = this.session;
    // A phone would open its keyboard over the output.
    if (matchMedia("(pointer: coarse)").matches) return;
    let busy = false;
    const notice = () => (busy = true);
    const events = ["keydown", "pointerdown"];
    for (const name of events) addEventListener(name, notice, { capture: true });
    setTimeout(() => {
      for (const name of events) removeEventListener(name, notice, { capture: true });
      if (busy || this.session !== session || !this.terminal.accepting) return;
      this.cameFrom = document.activeElement;
      this.terminal.focus();
    }, PATIENCE_MS);
  }

  private type(line: string): void {
    this.terminal.write("stdin", line);
    this.session?.type(line);
  }

  private interrupt(): void {
    this.terminal.write("stdin", "^C\n");
    this.session?.signal("SIGINT");
  }

  private endInput(): void {
    this.session?.end();
    this.leaveInput();
    this.endButton.hidden = true;
    this.terminal.accepting = false;
  }

  private stop(): void {
    this.stops += 1;
    if (this.stage !== "run") {
      // Nothing listens to signals yet.
      this.session?.leave();
      this.finish({ text: "Stopped", isToken: false });
    } else {
      this.session?.signal(this.stops === 1 ? "SIGTERM" : "SIGKILL");
      this.stopButton.textContent = "Kill";
    }
  }

  private finish(problem: Problem | null): void {
    this.terminal.flush();
    this.setRunning(false);
    const last = this.exits.at(-1);
    if (problem) {
      this.say(problem.text, "bad");
      if (problem.isToken) this.onTokenWanted();
    } else if (last) {
      this.say(describe(last), last.status ? "bad" : "good");
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
      this.leaveInput();
    }
    this.stopButton.textContent = "Stop";
    this.stopButton.hidden = !on;
    this.endButton.hidden = true;
    this.terminal.accepting = false;
    this.screen.ariaBusy = String(on);
  }

  /** Keeps the keyboard's place when what has it is about to go. */
  private leaveInput(): void {
    const going: (Element | null)[] = [this.stopButton, this.endButton];
    if (this.terminal.focused) {
      const place = this.cameFrom instanceof HTMLElement ? this.cameFrom : this.runButton;
      place.focus();
    } else if (going.includes(document.activeElement)) {
      this.runButton.focus();
    }
    this.cameFrom = null;
  }
}
