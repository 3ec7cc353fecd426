"""Describes results for a model: the verdict first, then shortened output."""

from collections.abc import Iterable, Iterator

from bitrun.client import Outcome, Result, Stage, Verdict
from bitrun.mcp.output import Language, shorten

_MAX_WARNINGS = 2_000  # characters of a successful compiler

_TIME_ADVICE = (
    "It was stopped at its time limit. Make it faster or give it less to do; if it waits for "
    "input, pass stdin; list_languages has the most that timeout_seconds may be."
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


def describe_streams(stdout: str, stderr: str, *, says_nothing: bool = True) -> Iterator[str]:
    """Give a paragraph for each stream; with `says_nothing` one that says so, if both are empty."""
    for name, text in (("stdout", stdout), ("stderr", stderr)):
        if text:
            yield f"{name}:\n{shorten(text)}"
    if says_nothing and not stdout and not stderr:
        yield "It wrote nothing, neither to stdout nor to stderr."


def describe_languages(languages: Iterable[Language]) -> str:
    """Write one line for each version of a language."""
    lines = "\n".join(map(_language, languages))
    return lines or "No language is installed on the service."


def _paragraphs(result: Result) -> Iterator[str]:
    last = result.last
    yield f"{_verdict(last)}\n{_usage(last.verdict)} {result.language} {result.version}."
    for stage in result.stages[:-1]:
        if stage.output.strip():
            yield f"The compiler said:\n{shorten(stage.output, _MAX_WARNINGS)}"
    yield from describe_streams(last.stdout, last.stderr)


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


def _language(language: Language) -> str:
    parts = [f"{language.name} {language.version}"]
    if language.aliases:
        parts.append(f"also called {', '.join(language.aliases)}")
    if language.max_seconds is not None:
        parts.append(f"up to {language.max_seconds:g} s")
    if language.max_memory_mb is not None:
        parts.append(f"up to {language.max_memory_mb} MB")
    if language.libraries:
        parts.append(f"with {', '.join(language.libraries)}")
    return "; ".join(parts)
