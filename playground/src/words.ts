/** Splits a line into words as a shell does: spaces part them, quotes and backslashes keep them. */
export function words(line: string): string[] {
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
