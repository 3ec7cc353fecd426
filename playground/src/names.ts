/** Names of files. */

const MAX_PART = 255; // bytes of a name in a folder, as Linux has it

/** What is wrong with a name, as a sentence; null for a good one. */
export function problemOf(name: string, taken: Iterable<string>): string | null {
  if (name === "") return "Type a name, such as data.csv";
  if ([...taken].includes(name)) return `There is a file called ${name} already`;
  if (name.startsWith("/")) return "A name starts in the folder of the program: leave out the slash at its start";
  if (name.endsWith("/")) return "A name ends with that of a file, not with a slash";
  const parts = name.split("/");
  if (parts.includes("..")) return "A name can't lead out of the folder of the program: leave out ..";
  if (parts.includes("") || parts.includes(".")) return "A name has one slash between two folders, and no folder called .";
  if (/[\x00-\x1f\x7f]/.test(name)) return "A name has no control characters";
  const longest = Math.max(...parts.map((part) => new TextEncoder().encode(part).length));
  if (longest > MAX_PART) return `A name has ${MAX_PART} bytes at most; this one has ${longest}`;
  return null;
}
