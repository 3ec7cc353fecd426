/** Splits a line into words as a shell does: at spaces, except in quotes or after a backslash. */
export function splitWords(line: string): string[] {
  const found: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:\\[^]|[^"\\])*"?|'[^']*'?|\\[^]?|[^\s"'\\])+/g)) {
    found.push(
      word.replace(/"((?:\\[^]|[^"\\])*)"?|'([^']*)'?|\\([^]?)/g, (_, double, single, escaped) =>
        double !== undefined ? double.replace(/\\(["\\])/g, "$1") : (single ?? escaped),
      ),
    );
  }
  return found;
}
