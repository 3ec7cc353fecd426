/**
 * Client of BitRun's HTTP API, for browsers and Node.js, without dependencies.
 *
 *     const client = new Client("http://127.0.0.1:5000");
 *     const result = await client.run("python", "print(6 * 7)");
 */

export {
  BackgroundCommand,
  type BackgroundOptions,
  type CommandInfo,
  type CommandOutput,
  type CommandStatus,
} from "./background.js";
export type { CellError, CellOptions, CellOutcome, CellResult, Display } from "./cells.js";
export { Client, type ClientOptions, type Progress } from "./client.js";
export {
  AlreadyInstalled,
  BitRunError,
  Busy,
  Failed,
  Refused,
  TokenRefused,
  Unreachable,
  Unreadable,
} from "./errors.js";
export type { Files, RunOptions } from "./options.js";
export type {
  DroppedFile,
  Extension,
  Limit,
  Outcome,
  OutputFile,
  Package,
  Result,
  Runtime,
  Stage,
  StageName,
  Stream,
  Upload,
  Verdict,
} from "./results.js";
export {
  Sandbox,
  type CommandOptions,
  type ProgramOptions,
  type SandboxEntry,
  type SandboxInfo,
  type SandboxOptions,
  type TerminalOptions,
} from "./sandbox.js";
export { Session, type Event, type SessionOptions, type TerminalSize } from "./session.js";
