/** The terminal of an interactive program: xterm.js, which is large, so this module is loaded when needed. */

import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm, type ITheme } from "@xterm/xterm";
import { onThemeChange } from "./theme";

/** In characters. */
export interface Size {
  rows: number;
  columns: number;
}

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
  onResize: (size: Size) => void = () => {};

  private readonly xterm: Xterm;
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
    fit.fit();
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(parent);
    this.cleanup = [
      () => observer.disconnect(),
      onThemeChange(() => (this.xterm.options.theme = themeOf(parent))),
      () => this.xterm.dispose(),
    ];
  }

  get size(): Size {
    return { rows: this.xterm.rows, columns: this.xterm.cols };
  }

  write(text: string): void {
    this.xterm.write(text);
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

  /** Leaves to the browser what leaves the terminal, copies and pastes. */
  private isForProgram(event: KeyboardEvent): boolean {
    if (!this.accepting || (event.key === "Tab" && event.shiftKey)) return false;
    if (!event.ctrlKey || event.altKey || event.metaKey) return true;
    const key = event.key.toLowerCase();
    return key !== "v" && !(key === "c" && this.xterm.hasSelection());
  }
}

/** The colours of the page, as `rgb()`, since xterm.js knows neither variables nor `light-dark()`. */
function themeOf(parent: HTMLElement): ITheme {
  const probe = document.createElement("span");
  parent.append(probe);
  const read = (className: string, value = "") => {
    probe.className = className;
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const theme: ITheme = {
    background: read("", "var(--pane)"),
    foreground: read("", "var(--text)"),
    cursor: read("", "var(--accent)"),
    cursorAccent: read("", "var(--pane)"),
    selectionBackground: read("", "var(--mark)"),
  };
  for (const [index, name] of [...NAMES, ...BRIGHT].entries()) theme[name] = read(`colour-${index}`);
  probe.remove();
  return theme;
}
