/** What became of a program, in words. */

export interface Exit {
  stage: "compile" | "run";
  code: number | null;
  signal: string | null;
  status: "RE" | "SG" | "TO" | "OL" | "EL" | null;
  message: string | null;
  /** Bytes at the peak. */
  memory: number;
  /** Milliseconds. */
  cpu_time: number;
  wall_time: number;
  oom_killed?: boolean;
}

const MEANINGS: Record<string, string> = {
  SIGABRT: "it aborted itself",
  SIGBUS: "bus error",
  SIGFPE: "arithmetic error",
  SIGHUP: "hang-up",
  SIGILL: "illegal instruction",
  SIGINT: "interrupted",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGXFSZ: "a file grew too large",
};

export function describe(exit: Exit): string {
  const what = outcome(exit);
  return exit.stage === "compile" ? `Not compiled: ${lowerFirst(what)}` : what;
}

function outcome(exit: Exit): string {
  if (exit.oom_killed) return "Killed: out of memory";
  switch (exit.status) {
    case "TO":
      // Piston's words for the two clocks.
      return exit.message === "Time limit exceeded"
        ? `Time limit exceeded: stopped after ${duration(exit.cpu_time)} of CPU time`
        : `Time limit exceeded: stopped after ${duration(exit.wall_time)}`;
    case "OL":
      return "Output limit exceeded: too much on stdout";
    case "EL":
      return "Output limit exceeded: too much on stderr";
    case "SG":
      return `Ended by ${exit.signal}${exit.signal && MEANINGS[exit.signal] ? `: ${MEANINGS[exit.signal]}` : ""}`;
    default:
      return `Exit code ${exit.code}`;
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
