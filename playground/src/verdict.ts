/** The verdict of a stage, in words. */

import type { StageName, Verdict } from "../../clients/javascript/src/index.js";

const MEANINGS: Record<string, string> = {
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "arithmetic error",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupted",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGXFSZ: "file size limit exceeded",
};

/** `lines` is the number of those that the stage had written. */
export function describe(stage: StageName, verdict: Verdict, lines: number): string {
  const text = sentence(verdict, lines);
  return stage === "compile" ? `Not compiled: ${lowerFirst(text)}` : text;
}

function sentence({ outcome, code, signal, detail }: Verdict, lines: number): string {
  switch (outcome) {
    case "ok":
    case "exit":
      return `Exit code ${code}`;
    case "signal":
      return `Ended by ${signal}${signal && MEANINGS[signal] ? `: ${MEANINGS[signal]}` : ""}`;
    case "wall_time":
    case "cpu_time":
      return `${detail}. It had written ${lines === 0 ? "nothing" : lines === 1 ? "1 line" : `${lines} lines`}`;
    default:
      return detail ?? outcome;
  }
}

export function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function size(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
