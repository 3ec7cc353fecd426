/** Data of the server that the page needs at the start. */

import { SAMPLES } from "../samples";
import type { SourceFile } from "./program";

export interface Runtime {
  language: string;
  version: string;
  aliases: string[];
  /** The package, if its name differs from the language. */
  runtime?: string;
  /** A sample program; null if the server has none. */
  hello: SourceFile | null;
  /** The longest `run_timeout` of a session, in milliseconds. */
  run_timeout: number;
}

export interface Server {
  runtimes: Runtime[];
  wants_token: boolean;
  /** Whether clients can have sandboxes. */
  sandboxes: boolean;
}

export async function fetchServer(): Promise<Server> {
  const response = await fetch("playground/server.json").catch(() => null);
  if (!response) throw new Error("The server does not answer");
  if (!response.ok) throw new Error((await response.json()).message);
  return response.json();
}

/** Returns the starter of a language. The server's are called `hello`, which is no class of Java. */
export function sample({ language, hello }: Runtime): SourceFile {
  const found = SAMPLES[language] ?? hello ?? { name: "main", content: "" };
  return language === "java" ? { ...found, name: "Main.java" } : found;
}
