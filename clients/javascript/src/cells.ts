/** Cells: code for a kernel of a sandbox, and what comes of it. */

export interface CellOptions {
  /** A kernel or its language; by default the first of the package. */
  kernel?: string;
  /** Wall time, in milliseconds. */
  timeoutMs?: number;
  /** Bytes of stdout and of stderr. */
  output?: number;
  /** The lines that input() gets; without, it raises an error. */
  stdin?: string;
  /** An abort interrupts the cell. */
  signal?: AbortSignal;
}

/** How a cell ended: `results`, `stdout` and `stderr` are limits that it has exceeded. */
export type CellOutcome = "ok" | "error" | "wall_time" | "stdout" | "stderr" | "results" | "died" | "aborted";

/** A value in its representations, by their media types; `isResult` if it is the cell's own. */
export interface Display {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly isResult: boolean;
}

/** An error that a cell has raised; the lines of the traceback may have colours of ANSI. */
export interface CellError {
  readonly name: string;
  readonly value: string;
  readonly traceback: readonly string[];
}

export interface CellResult {
  readonly kernel: string;
  readonly outcome: CellOutcome;
  readonly ok: boolean;
  /** Which limit it has exceeded, or why the kernel died. */
  readonly message: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly results: readonly Display[];
  readonly error: CellError | null;
  readonly executionCount: number | null;
  readonly wallMs: number;
}

export interface SentCell {
  kernel: string;
  verdict: CellOutcome;
  message: string | null;
  stdout: string;
  stderr: string;
  results: { type: string; data: Record<string, unknown>; metadata: Record<string, unknown> }[];
  error: { ename: string; evalue: string; traceback: string[] } | null;
  execution_count: number | null;
  wall_time: number;
}

export const CELL_FIELDS = { kernel: "kernel", timeoutMs: "timeout", output: "output_limit", stdin: "stdin" };

export function readCell(sent: SentCell): CellResult {
  const { kernel, verdict, message, stdout, stderr, error } = sent;
  return {
    kernel,
    outcome: verdict,
    ok: verdict === "ok",
    message,
    stdout,
    stderr,
    results: sent.results.map(({ type, data, metadata }) => ({ data, metadata, isResult: type === "execute_result" })),
    error: error && { name: error.ename, value: error.evalue, traceback: error.traceback },
    executionCount: sent.execution_count,
    wallMs: sent.wall_time,
  };
}
