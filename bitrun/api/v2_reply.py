"""Results as Piston writes them."""

from typing import Any

from bitrun.jobs import Result, StageResult, Verdict
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


def _stage(stage: StageResult) -> dict[str, Any]:
    texts = {"stdout": stage.stdout, "stderr": stage.stderr, "output": stage.output}
    return {name: data.decode("utf-8", "replace") for name, data in texts.items()} | verdict_reply(
        stage.verdict
    )
