"""Results and runtimes as Piston writes them."""

import codecs
from collections.abc import Collection, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from bitrun.api.http import large_json
from bitrun.api.piston import verdicts
from bitrun.api.piston.limits import limits_reply
from bitrun.config.settings import Settings
from bitrun.execution.limits import language_limits
from bitrun.model.job import STAGES
from bitrun.model.output import Output, Stream
from bitrun.model.result import Result, StageResult, Verdict
from bitrun.packages.manager import PackageState
from bitrun.packages.runtimes import Runtime

# Texts of a stage, and the streams in them.
_TEXTS = {
    "stdout": (Stream.STDOUT,),
    "stderr": (Stream.STDERR,),
    "output": (Stream.STDOUT, Stream.STDERR),
}
_SLICE = 1 << 16  # bytes of output in a part


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
    if language.compile_args is not None:
        reply["compile_args"] = language.compile_args
    if runtime.implementation is not None:
        reply["runtime"] = runtime.implementation
    return reply


def package_reply(state: PackageState) -> dict[str, Any]:
    reply = {
        "language": state.package.name,
        "language_version": state.version,
        "installed": state.installed,
        "libraries": list(state.package.libraries),
    }
    if state.cluster is not None:
        reply["cluster"] = asdict(state.cluster)
    return reply


def execute_reply(runtime: Runtime, result: Result, *, in_parts: bool = False) -> dict[str, Any]:
    """Write a result; where compiling failed, `run` is a copy of `compile`.

    If `in_parts`, texts of a large output are written in parts.
    """
    reply: dict[str, Any] = {
        stage.name: stage_reply(stage, in_parts=in_parts) for stage in result.stages
    }
    reply.setdefault("run", reply.get("compile"))
    return reply | {"language": runtime.language.name, "version": runtime.version}


def verdict_reply(verdict: Verdict, *, cached: bool = False) -> dict[str, Any]:
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
    if cached:
        reply["cached"] = True
    return reply


def new_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder for one stream, which keeps characters split across two reads whole."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def stage_reply(stage: StageResult, *, in_parts: bool = False) -> dict[str, Any]:
    """Write a stage; if `in_parts`, texts of a large output are written in parts."""
    size = len(stage.streams) if in_parts else 0
    return texts_reply(stage.streams, size) | verdict_reply(stage.verdict, cached=stage.cached)


def texts_reply(output: Output, size: int = 0) -> dict[str, Any]:
    """Write an output as the texts of both streams, and of both together; in parts by `size`."""
    return {
        name: large_json.text(partial(_texts, output, streams), size)
        for name, streams in _TEXTS.items()
    }


def _texts(output: Output, streams: Collection[Stream]) -> Iterator[str]:
    """Give the text of these streams, in the order in which they were written."""
    decoders = {stream: new_decoder() for stream in streams}
    for stream, data in output.pieces(_SLICE):
        if stream in decoders:
            yield decoders[stream].decode(data)
    for decoder in decoders.values():
        yield decoder.decode(b"", final=True)
