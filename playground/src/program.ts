/** A program as it is edited, run and shared. */

import { fromBase64 } from "../../clients/javascript/src/base64.js";

export interface SourceFile {
  name: string;
  content: string;
  /** Of a file that is no text. */
  encoding?: "base64";
}

export interface Program {
  language: string;
  version: string;
  /** Never empty; the first file is the one that runs. */
  files: SourceFile[];
  /** As typed: words, with quotes around spaces. */
  args: string;
  stdin: string;
}

/** Validates a program from a link or a draft, which may hold anything. Throws a TypeError. */
export function readProgram(value: unknown): Program {
  const { language, version, files, args, stdin } = record(value);
  if (!Array.isArray(files) || files.length === 0) throw new TypeError("a program has files");
  return {
    language: text(language),
    version: text(version),
    files: files.map(record).map(readFile),
    args: text(args),
    stdin: text(stdin),
  };
}

function readFile({ name, content, encoding }: Record<string, unknown>): SourceFile {
  const file = { name: text(name), content: text(content) };
  if (encoding !== "base64") return file;
  fromBase64(file.content); // throws for what is none
  return { ...file, encoding };
}

export function bytesOf({ content, encoding }: SourceFile): Uint8Array {
  return encoding ? fromBase64(content) : new TextEncoder().encode(content);
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object");
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not a text");
  return value;
}
