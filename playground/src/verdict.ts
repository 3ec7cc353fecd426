/** The verdict of a stage, in words. */

/** The `exit` message of `/api/v2/connect`. */
export interface Exit {
  stage: "compile" | "run";
  verdict: "ok" | "exit" | "signal" | "memory" | "wall_time" | "cpu_time" | "stdout" | "stderr";
  code: number | null;
  signal: string | null;
  /** For an exceeded limit, a sentence with the limit. */
  detail: string | null;
  /** Peak memory in bytes. */
  memory: number;
  /** Milliseconds. */
  cpu_time: number;
  wall_time: number;
}

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

export function describe(exit: Exit): string {
  const text = sentence(exit);
  return exit.stage === "compile" ? `Not compiled: ${lowerFirst(text)}` : text;
}

function sentence(exit: Exit): string {
  switch (exit.verdict) {
    case "ok":
    case "exit":
      return `Exit code ${exit.code}`;
    case "signal":
      return `Ended by ${exit.signal}${exit.signal && MEANINGS[exit.signal] ? `: ${MEANINGS[exit.signal]}` : ""}`;
    default:
      return exit.detail ?? exit.verdict;
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
