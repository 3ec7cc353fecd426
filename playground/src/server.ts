/** What the server tells the page to begin with. */

import { SAMPLES } from "../samples";
import type { SourceFile } from "./program";

export interface Runtime {
  language: string;
  version: string;
  /** The package, where the language's name does not tell it. */
  runtime?: string;
  /** Its simplest program; null where the server has none. */
  hello: SourceFile | null;
  /** Milliseconds that a program may run while its user types. */
  run_timeout: number;
}

export interface Server {
  runtimes: Runtime[];
  wants_token: boolean;
}

export async function askServer(): Promise<Server> {
  const response = await fetch("playground/server.json").catch(() => null);
  if (!response) throw new Error("The server does not answer");
  if (!response.ok) throw new Error((await response.json()).message);
  return response.json();
}

export function sample(runtime: Runtime): SourceFile {
  return SAMPLES[runtime.language] ?? runtime.hello ?? { name: "main", content: "" };
}
