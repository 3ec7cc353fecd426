/** Places in the files of a program that compilers, tracebacks and shells name. */

export interface Position {
  /** Where it is in the text. */
  start: number;
  end: number;
  name: string;
  /** From 1 on. */
  line: number;
}

/** Finds `File "main.py", line 3`, `main.c:3:7`, `main.sh: line 3`, `main.php on line 3`. */
export function positionsIn(text: string, names: string[]): Position[] {
  // The longest first: of lib/main.py, main.py is a part.
  const sorted = [...names].sort((one, other) => other.length - one.length);
  const escaped = sorted.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\w.-])(${escaped.join("|")})(?:", line |: line | on line |:|\\()(\\d+)`, "g");
  return [...text.matchAll(pattern)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    name: match[1] ?? "",
    line: Number(match[2]),
  }));
}
