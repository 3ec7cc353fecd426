"""Results and runtimes as Piston writes them."""

import codecs
from typing import Any

from bitrun.api.piston import verdicts
from bitrun.api.piston.limits import limits_reply
from bitrun.config.settings import Settings
from bitrun.execution.limits import language_limits
from bitrun.model.job import STAGES
from bitrun.model.output import Output, Stream
from bitrun.model.result import Result, StageResult, Verdict
from bitrun.packages.runtimes import Runtime


def runtime_reply(runtime: Runtime, settings: Settings) -> dict[str, Any]:
    language = runtime.language
    reply: dict[str, Any] = {
        "language": language.name,
        "version": runtime.version,
        "aliases": list(language.aliases),
        "limits": limits_reply(
            language_limits(language, settings), ("run",) if language.compile is None else STAGES
        ),
    }
    if runtime.implementation is not None:
        reply["runtime"] = runtime.implementation
    return reply


def execute_reply(runtime: Runtime, result: Result) -> dict[str, Any]:
    """Write a result; where compiling failed, `run` is a copy of `compile`."""
    reply: dict[str, Any] = {stage.name: stage_reply(stage) for stage in result.stages}
    reply.setdefault("run", reply.get("compile"))
    return reply | {"language": runtime.language.name, "version": runtime.version}


def verdict_reply(verdict: Verdict) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "code": verdict.code,
        "signal": verdict.signal,
        "status": verdicts.status(verdict),
        "message": verdicts.message(verdict),
        "verdict": verdict.outcome,
        "detail": verdicts.detail(verdict),
        "memory": verdict.memory,
        "cpu_time": round(verdict.cpu_ms),
        "wall_time": round(verdict.wall_ms),
    }
    if verdict.oom_killed:
        reply["oom_killed"] = True
    return reply


def new_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder for one stream, which keeps characters split across two reads whole."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def stage_reply(stage: StageResult) -> dict[str, Any]:
    return {
        "stdout": stage.stdout.decode(errors="replace"),
        "stderr": stage.stderr.decode(errors="replace"),
        "output": _merged(stage.streams),
    } | verdict_reply(stage.verdict)


def _merged(output: Output) -> str:
    """Join both streams in the order in which they were written."""
    stdout, out, err = Stream.STDOUT, new_decoder(), new_decoder()
    texts = [(out if stream is stdout else err).decode(data) for stream, data in output.pieces()]
    return "".join([*texts, out.decode(b"", final=True), err.decode(b"", final=True)])
