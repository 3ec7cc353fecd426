"""Results as Piston writes them."""

import codecs
from typing import Any

from bitrun.jobs import Result, StageResult, Stream, Verdict
from bitrun.runtimes import Runtime


def runtime_reply(runtime: Runtime) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "language": runtime.language.name,
        "version": runtime.version,
        "aliases": list(runtime.language.aliases),
    }
    if runtime.implementation is not None:
        reply["runtime"] = runtime.implementation
    return reply


def execute_reply(runtime: Runtime, result: Result) -> dict[str, Any]:
    """Write a result; where compiling failed, `run` is a copy of `compile`."""
    reply: dict[str, Any] = {stage.name: _stage(stage) for stage in result.stages}
    reply.setdefault("run", reply.get("compile"))
    return reply | {"language": runtime.language.name, "version": runtime.version}


def verdict_reply(verdict: Verdict) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "code": verdict.code,
        "signal": verdict.signal,
        "status": verdict.status,
        "message": verdict.message,
        "memory": verdict.memory,
        "cpu_time": round(verdict.cpu_ms),
        "wall_time": round(verdict.wall_ms),
    }
    if verdict.oom_killed:
        reply["oom_killed"] = True
    return reply


def new_decoder() -> codecs.IncrementalDecoder:
    """Make what turns one stream into text and never breaks a character split across two reads."""
    return codecs.getincrementaldecoder("utf-8")("replace")


def _stage(stage: StageResult) -> dict[str, Any]:
    decoders = {stream: new_decoder() for stream in Stream}
    texts = [(stream, decoders[stream].decode(data)) for stream, data in stage.pieces]
    texts += [(stream, decoder.decode(b"", final=True)) for stream, decoder in decoders.items()]
    return {
        "stdout": "".join(text for stream, text in texts if stream is Stream.STDOUT),
        "stderr": "".join(text for stream, text in texts if stream is Stream.STDERR),
        "output": "".join(text for _, text in texts),
    } | verdict_reply(stage.verdict)
