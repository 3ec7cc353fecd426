"""Structured results of the tools, for agents that do not read sentences."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from bitrun.client import Package, Result, Runtime

MAX_STREAM = 16_000  # characters of one stream

_MS = 1000
MEGABYTE = 1024 * 1024


class Language(BaseModel):
    name: str
    version: str
    aliases: list[str]
    libraries: list[str] = Field(description="What programs can use beyond the core.")
    max_seconds: float | None = Field(description="The most that timeout_seconds may be.")
    max_memory_mb: int | None = Field(description="The most that memory_mb may be.")


class Languages(BaseModel):
    languages: list[Language]


class RunOutput(BaseModel):
    """How a program ended. Long texts are shortened in the middle."""

    language: str
    version: str
    ok: bool = Field(description="Whether it ended with exit code 0.")
    stage: str = Field(description="The last stage: run, or compile if that failed.")
    outcome: str = Field(
        description="ok, exit, signal, memory, wall_time, cpu_time, stdout or stderr."
    )
    detail: str | None = Field(description="The outcome as a sentence, with the exceeded limit.")
    exit_code: int | None
    signal: str | None
    stdout: str
    stderr: str
    compiler_output: str
    wall_ms: int
    cpu_ms: int
    memory_bytes: int
    files: list[str] = Field(description="The names of output_files that the program has made.")
    files_missing: list[str] = Field(description="Those of them that are not sent, and why.")


def shorten(text: str, limit: int = MAX_STREAM) -> str:
    """Keep the head and the tail of a long text, and state how much was cut."""
    if len(text) <= limit:
        return text
    half = limit // 2
    cut = len(text) - 2 * half
    return f"{text[:half]}\n[... {cut} characters are left out here ...]\n{text[-half:]}"


def list_runtimes(runtimes: Iterable[Runtime], packages: Iterable[Package]) -> Languages:
    libraries = {(each.name, each.version): each.libraries for each in packages if each.installed}
    return Languages(
        languages=[
            Language(
                name=each.language,
                version=each.version,
                aliases=list(each.aliases),
                libraries=list(libraries.get((each.package or each.language, each.version), ())),
                max_seconds=max_seconds(each),
                max_memory_mb=max_memory_mb(each),
            )
            for each in sorted(runtimes, key=lambda each: each.language)
        ]
    )


def max_seconds(runtime: Runtime) -> float | None:
    """Return the longest wall time of a run; None if the service does not say."""
    limit = runtime.limits.get("run_timeout")
    return None if limit is None else limit.maximum / _MS


def max_memory_mb(runtime: Runtime) -> int | None:
    limit = runtime.limits.get("run_memory_limit")
    return None if limit is None else limit.maximum // MEGABYTE


def run_output(result: Result, files_missing: list[str]) -> RunOutput:
    last, verdict = result.last, result.verdict
    return RunOutput(
        language=result.language,
        version=result.version,
        ok=result.ok,
        stage=last.name,
        outcome=str(verdict.outcome),
        detail=verdict.detail,
        exit_code=verdict.code,
        signal=verdict.signal,
        stdout=shorten(last.stdout),
        stderr=shorten(last.stderr),
        compiler_output=shorten("".join(stage.output for stage in result.stages[:-1])),
        wall_ms=verdict.wall_ms,
        cpu_ms=verdict.cpu_ms,
        memory_bytes=verdict.memory,
        files=[file.name for file in result.files],
        files_missing=files_missing,
    )
