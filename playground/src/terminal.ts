/** The screen of a run: xterm.js, which is large, so this module is loaded when needed. */

import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal as Xterm, type ITheme } from "@xterm/xterm";
import type { Stream, TerminalSize } from "../../clients/javascript/src/index.js";
import type { Position } from "./positions";
import { onThemeChange } from "./theme";

const KEPT_LINES = 10_000;
const HYPERLINK = 8; // the number of its OSC sequence
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const BRIGHT = [
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;

/** One for each run, so that no program finds the modes that another one has set. */
export class Terminal {
  /** Called with the keys that the user presses, as a terminal sends them. */
  onKeys: (text: string) => void = () => {};
  onResize: (size: TerminalSize) => void = () => {};
  /** Called with Ctrl-F, once no program reads the keys. */
  onFind: () => void = () => {};

  /** Finds places of the program's files in a line of output; a click on one calls `onLink`. */
  findLinks: (text: string) => Position[] = () => [];
  onLink: (name: string, line: number) => void = () => {};

  private readonly xterm: Xterm;
  private readonly search = new SearchAddon();
  private readonly cleanup: (() => void)[];

  constructor(private readonly parent: HTMLElement) {
    const style = getComputedStyle(document.documentElement);
    this.xterm = new Xterm({
      disableStdin: true,
      fontFamily: style.getPropertyValue("--mono"),
      fontSize: 14,
      lineHeight: 1.3,
      minimumContrastRatio: 4.5,
      screenReaderMode: true,
      scrollback: KEPT_LINES,
      theme: themeOf(parent),
    });
    // A program could hide an address behind any text.
    this.xterm.parser.registerOscHandler(HYPERLINK, () => true);
    this.xterm.attachCustomKeyEventHandler((event) => this.isForProgram(event));
    this.xterm.onData((text) => this.onKeys(text));
    this.xterm.onResize(({ rows, cols }) => this.onResize({ rows, columns: cols }));
    this.xterm.open(parent);
    const field = this.xterm.textarea;
    if (field) {
      field.ariaLabel = "Input for the program";
      field.ariaDescription = "Shift Tab leaves the terminal.";
    }
    const fit = new FitAddon();
    this.xterm.loadAddon(fit);
    this.xterm.loadAddon(this.search);
    this.xterm.loadAddon(new WebLinksAddon(openLink));
    this.xterm.registerLinkProvider({
      provideLinks: (y, callback) => {
        const text = this.xterm.buffer.active.getLine(y - 1)?.translateToString(true) ?? "";
        callback(
          this.findLinks(text).map(({ start, end, name, line }) => ({
            text: text.slice(start, end),
            range: { start: { x: start + 1, y }, end: { x: end, y } },
            activate: () => this.onLink(name, line),
          })),
        );
      },
    });
    fit.fit();
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(parent);
    this.cleanup = [
      () => observer.disconnect(),
      onThemeChange(() => (this.xterm.options.theme = themeOf(parent))),
      () => this.xterm.dispose(),
    ];
  }

  get size(): TerminalSize {
    return { rows: this.xterm.rows, columns: this.xterm.cols };
  }

  /** Writes what a program has written to its terminal. */
  write(text: string): void {
    this.xterm.write(text);
  }

  /** Writes what came through a pipe, whose line ends no terminal has completed; stderr is red. */
  writePiped(stream: Stream, text: string): void {
    const lines = text.replaceAll("\n", "\r\n");
    this.xterm.write(stream === "stderr" ? `\x1b[31m${lines}\x1b[39m` : lines);
  }

  /** Sets plain text for the program after its compiler. */
  startStage(atLineStart: boolean): void {
    this.xterm.write(atLineStart ? "\x1b[0m" : "\x1b[0m\r\n");
  }

  /** Returns what is on the screen and above it, once all that was written is there. */
  async text(): Promise<string> {
    await new Promise<void>((resolve) => this.xterm.write("", resolve));
    const { active } = this.xterm.buffer;
    let text = "";
    for (let y = 0; y < active.length; y++) {
      const line = active.getLine(y);
      text += (line?.isWrapped ? "" : "\n") + (line?.translateToString(true) ?? "");
    }
    return text;
  }

  /** Selects the next match, or the one before; returns whether there is any. */
  find(text: string, before = false): boolean {
    return before ? this.search.findPrevious(text) : this.search.findNext(text);
  }

  get accepting(): boolean {
    return !this.xterm.options.disableStdin;
  }

  set accepting(on: boolean) {
    this.xterm.options.disableStdin = !on;
    if (!on) this.xterm.write("\x1b[?25l"); // hides the cursor
  }

  get focused(): boolean {
    return this.parent.contains(document.activeElement);
  }

  focus(): void {
    this.xterm.focus();
  }

  dispose(): void {
    for (const each of this.cleanup) each();
  }

  /** What the keys do when there is no program to get them. */
  private scroll(event: KeyboardEvent): void {
    if (event.type !== "keydown") return;
    const key = event.key.toLowerCase();
    if (key === "pageup") this.xterm.scrollPages(-1);
    else if (key === "pagedown") this.xterm.scrollPages(1);
    else if (key === "home") this.xterm.scrollToTop();
    else if (key === "end") this.xterm.scrollToBottom();
    else if (key === "arrowup") this.xterm.scrollLines(-1);
    else if (key === "arrowdown") this.xterm.scrollLines(1);
    else if (key === "f" && (event.ctrlKey || event.metaKey)) this.onFind();
    else return;
    event.preventDefault();
  }

  /** Leaves to the browser what leaves the terminal, copies and pastes. */
  private isForProgram(event: KeyboardEvent): boolean {
    if (!this.accepting) {
      this.scroll(event);
      return false;
    }
    if (event.key === "Tab" && event.shiftKey) return false;
    if (!event.ctrlKey || event.altKey || event.metaKey) return true;
    const key = event.key.toLowerCase();
    return key !== "v" && !(key === "c" && this.xterm.hasSelection());
  }
}

/** Opens an address that a program has written: on the user's click, and only one of the web. */
function openLink(_: MouseEvent, address: string): void {
  if (/^https?:\/\//i.test(address)) open(address, "_blank", "noopener,noreferrer");
}

/** The colours of the page, as `rgb()`, since xterm.js knows neither variables nor `light-dark()`. */
function themeOf(parent: HTMLElement): ITheme {
  const probe = document.createElement("span");
  parent.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const theme: ITheme = {
    background: read("pane"),
    foreground: read("text"),
    cursor: read("accent"),
    cursorAccent: read("pane"),
    selectionBackground: read("mark"),
    selectionInactiveBackground: read("mark"),
  };
  for (const [index, name] of [...NAMES, ...BRIGHT].entries()) theme[name] = read(`ansi-${index}`);
  probe.remove();
  return theme;
}
