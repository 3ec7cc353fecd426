"""Describes results for a model: the verdict first, then shortened output."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bitrun.client import Outcome, Result, Runtime, Stage, Verdict

MAX_STREAM = 16_000  # characters of one stream
_MAX_WARNINGS = 2_000  # characters of a successful compiler

_TIME_ADVICE = (
    "It was stopped at its time limit. Make it faster or give it less to do; if it waits for "
    "input, pass stdin; timeout_seconds can only lower the service's limit."
)
_ADVICE = {
    Outcome.MEMORY: "Use less; memory_mb can only lower the limit.",
    Outcome.WALL_TIME: _TIME_ADVICE,
    Outcome.CPU_TIME: _TIME_ADVICE,
    Outcome.STDOUT: "It was stopped for writing too much to stdout. Print less.",
    Outcome.STDERR: "It was stopped for writing too much to stderr. Print less.",
}


def describe_result(result: Result) -> str:
    return "\n\n".join(_paragraphs(result))


def describe_runtimes(runtimes: Iterable[Runtime]) -> str:
    """Write one line for each language, with its versions."""
    known = sorted(runtimes, key=lambda each: each.language)
    lines = [
        _language(name, list(of_it)) for name, of_it in groupby(known, lambda each: each.language)
    ]
    return "\n".join(lines) or "No language is installed on the service."


def shorten(text: str, limit: int = MAX_STREAM) -> str:
    """Keep the head and the tail of a long text, and state how much was cut."""
    if len(text) <= limit:
        return text
    half = limit // 2
    cut = len(text) - 2 * half
    return f"{text[:half]}\n[... {cut} characters are left out here ...]\n{text[-half:]}"


def _paragraphs(result: Result) -> Iterator[str]:
    last = result.last
    yield f"{_verdict(last)}\n{_usage(last.verdict)} {result.language} {result.version}."
    for stage in result.stages[:-1]:
        if stage.output.strip():
            yield f"The compiler said:\n{shorten(stage.output, _MAX_WARNINGS)}"
    for name, text in (("stdout", last.stdout), ("stderr", last.stderr)):
        if text:
            yield f"{name}:\n{shorten(text)}"
    if not last.output:
        yield "It wrote nothing, neither to stdout nor to stderr."


def _verdict(stage: Stage) -> str:
    verdict = stage.verdict
    if verdict.ok:
        return "The program ended well, with exit code 0."
    subject = "Compiling failed" if stage.name == "compile" else "The program failed"
    if verdict.outcome in _ADVICE:
        return f"{subject}: {verdict.detail}. {_ADVICE[verdict.outcome]}"
    if verdict.outcome is Outcome.SIGNAL:
        return f"{subject}: it was ended by the signal {verdict.signal}."
    return f"{subject}, with exit code {verdict.code}."


def _usage(verdict: Verdict) -> str:
    return f"{verdict.wall_ms} ms, {verdict.memory / 1_000_000:.1f} MB at the peak,"


def _language(name: str, runtimes: list[Runtime]) -> str:
    versions = ", ".join(each.version for each in runtimes)
    aliases = dict.fromkeys(alias for each in runtimes for alias in each.aliases)
    also = f" (also called {', '.join(aliases)})" if aliases else ""
    return f"{name} {versions}{also}"
