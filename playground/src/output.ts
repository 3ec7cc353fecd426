/** The output of a compiler, and of a program with pipes. */

import { Ansi, type Style } from "./ansi";

export type Source = "stdout" | "stderr";

const MAX_KEPT = 1_000_000; // characters; unlimited output would crash the tab
const CHUNK_SIZE = 8192; // characters in one block
const PAINT_INTERVAL_MS = 16;

export class Output {
  private parsers = newParsers();
  private waiting: [Source, string][] = [];
  private chunks: { element: HTMLElement; length: number }[] = [];
  private kept = 0; // characters in all chunks
  private open = 0; // characters after the last chunk
  private lastSource: Source = "stdout";
  private timer = 0;

  constructor(
    private readonly screen: HTMLElement,
    private readonly log: HTMLElement,
  ) {}

  write(source: Source, text: string): void {
    this.waiting.push([source, text]);
    // Painted in batches: a program may write a thousand times a second.
    this.timer ||= window.setTimeout(() => this.flush(), PAINT_INTERVAL_MS);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    const follows = this.screen.scrollHeight - this.screen.scrollTop - this.screen.clientHeight < 40;
    for (const [source, text] of this.waiting.splice(0)) {
      for (const piece of this.parsers[source].parse(text)) this.append(source, piece.text, piece.style);
    }
    while (this.kept + this.open > MAX_KEPT) {
      const oldest = this.chunks.shift();
      if (!oldest) break;
      this.kept -= oldest.length;
      oldest.element.remove();
      this.log.classList.add("dropped");
    }
    if (follows) this.screen.scrollTop = this.screen.scrollHeight;
  }

  clear(): void {
    this.waiting = [];
    this.parsers = newParsers();
    this.chunks = [];
    this.kept = this.open = 0;
    this.lastSource = "stdout";
    this.log.classList.remove("dropped");
    this.log.replaceChildren();
  }

  private append(source: Source, text: string, style: Style): void {
    let rest = text;
    while (this.open + rest.length > CHUNK_SIZE) {
      // Split at the end of a line, unless the line is longer than a chunk.
      const room = CHUNK_SIZE - this.open;
      const end = rest.lastIndexOf("\n", room - 1) + 1;
      const part = rest.slice(0, end || room);
      this.appendPart(source, part, style);
      rest = rest.slice(part.length);
      this.closeChunk();
    }
    if (rest) this.appendPart(source, rest, style);
  }

  private appendPart(source: Source, text: string, style: Style): void {
    const className = [source, ...classes(style)].join(" ");
    const last = this.log.lastElementChild;
    if (this.open > 0 && last?.className === className && !hasOwnColours(style)) {
      last.append(text);
    } else {
      const piece = document.createElement("span");
      piece.className = className;
      if (typeof style.colour === "string") piece.style.color = style.colour;
      if (typeof style.background === "string") piece.style.backgroundColor = style.background;
      if (source !== this.lastSource && source !== "stdout") piece.append(spokenLabel(source));
      piece.append(text);
      this.log.append(piece);
    }
    this.lastSource = source;
    this.open += text.length;
  }

  /** Moves the open output into a block, so that later output does not lay it out again. */
  private closeChunk(): void {
    const element = document.createElement("div");
    element.append(...this.log.querySelectorAll(":scope > span"));
    this.log.append(element);
    this.chunks.push({ element, length: this.open });
    this.kept += this.open;
    this.open = 0;
  }
}

function newParsers(): Record<Source, Ansi> {
  return { stdout: new Ansi(), stderr: new Ansi() };
}

/** A label for screen readers at a change of stream, which is otherwise shown by colour. */
function spokenLabel(source: Source): HTMLElement {
  const label = document.createElement("span");
  label.className = "spoken";
  label.textContent = { stdout: "", stderr: "Error output: " }[source];
  return label;
}

function classes(style: Style): string[] {
  const found: string[] = [];
  for (const name of ["bold", "dim", "italic", "underline", "inverse"] as const) {
    if (style[name]) found.push(name);
  }
  if (typeof style.colour === "number") found.push(`colour-${style.colour}`);
  if (typeof style.background === "number") found.push(`background-${style.background}`);
  return found;
}

function hasOwnColours(style: Style): boolean {
  return typeof style.colour === "string" || typeof style.background === "string";
}
