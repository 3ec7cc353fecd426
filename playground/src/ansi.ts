/**
 * Parses program output with ANSI escape sequences into pieces of styled text. Only colours and
 * text styles are supported; all other sequences and control characters are removed.
 */

export interface Style {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  /** An index of the sixteen ANSI colours, or a CSS colour. */
  colour: number | string | null;
  background: number | string | null;
}

export interface Piece {
  text: string;
  style: Style;
}

const PLAIN: Style = {
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  colour: null,
  background: null,
};

// CSI with its parameters and final byte; OSC and similar strings with their terminator; short escapes.
const SEQUENCE =
  /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]/g;
const UNFINISHED = /(?:\x1b(?:\[[0-?]*[ -/]*|[\]P^_X][^\x07\x1b]*\x1b?|[ -/]*)?|\r)$/;
const MAX_SEQUENCE = 4096; // longer unfinished text is not a sequence
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]/g;

export class Ansi {
  private style = PLAIN;
  private rest = "";

  /** Parses the next part of a stream; it may end inside a sequence. */
  parse(text: string): Piece[] {
    text = this.rest + text;
    const unfinished = UNFINISHED.exec(text)?.[0] ?? "";
    this.rest = unfinished.length < MAX_SEQUENCE ? unfinished : "";
    text = text.slice(0, text.length - unfinished.length);

    const pieces: Piece[] = [];
    let from = 0;
    for (const match of text.matchAll(SEQUENCE)) {
      this.push(pieces, text.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[2] === "m") this.style = applyCodes(this.style, match[1] ?? "");
    }
    this.push(pieces, text.slice(from));
    return pieces;
  }

  private push(pieces: Piece[], text: string): void {
    // A carriage return, as progress bars use, starts a new line instead of overwriting.
    const shown = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").replace(CONTROL, "");
    if (shown) pieces.push({ text: shown, style: this.style });
  }
}

function applyCodes(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  let style = { ...before };
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 0) style = { ...PLAIN };
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code >= 30 && code <= 37) style.colour = code - 30;
    else if (code >= 90 && code <= 97) style.colour = code - 82;
    else if (code >= 40 && code <= 47) style.background = code - 40;
    else if (code >= 100 && code <= 107) style.background = code - 92;
    else if (code === 39) style.colour = null;
    else if (code === 49) style.background = null;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      if (code === 38) style.colour = colour;
      else style.background = colour;
      at += used;
    }
  }
  return style;
}

/** Reads the colour after code 38 or 48, and how many codes it uses: one of 256 colours, or RGB. */
function extended(codes: number[]): [number | string | null, number] {
  const [kind, first = 0, second = 0, third = 0] = codes;
  if (kind === 2) return [`rgb(${first}, ${second}, ${third})`, 4];
  if (kind !== 5) return [null, codes.length];
  if (first < 16) return [first, 2];
  if (first >= 232) {
    const grey = 8 + 10 * (first - 232);
    return [`rgb(${grey}, ${grey}, ${grey})`, 2];
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = first - 16;
  const [red, green, blue] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return [`rgb(${level(red)}, ${level(green)}, ${level(blue)})`, 2];
}
