"""Stages with small limits, and the collection of their output."""

from bitrun.config.settings import MEBIBYTE
from bitrun.model.job import BoxLimits, Limits, Stage, TerminalSize
from bitrun.model.output import Stream
from bitrun.model.result import Verdict
from bitrun.sandbox.supervisor.client import SupervisorClient

BOX_LIMITS = BoxLimits(memory=64 * MEBIBYTE, processes=64, open_files=2048)


def collect(conversation: SupervisorClient, stage: Stage) -> tuple[Verdict, bytes, bytes]:
    streams = {Stream.STDOUT: b"", Stream.STDERR: b""}
    conversation.start(stage)
    while True:
        for event in conversation.receive():
            if isinstance(event, Verdict):
                return event, streams[Stream.STDOUT], streams[Stream.STDERR]
            stream, data = event
            streams[stream] += data


def stage(
    *argv: str,
    wall_ms: int = 5000,
    cpu_ms: int | None = None,
    output: int = 65536,
    memory: int = 64 * MEBIBYTE,
    stack: int = 64 * MEBIBYTE,
    processes: int = BOX_LIMITS.processes,
    stdin: bytes = b"",
    merge: bool = False,
    env: dict[str, str] | None = None,
    tty: TerminalSize | None = None,
) -> Stage:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"} | (env or {})
    limits = Limits(
        wall_ms=wall_ms,
        cpu_ms=cpu_ms,
        output=output,
        memory=memory,
        stack=stack,
        processes=processes,
    )
    return Stage("run", argv, environment, limits, stdin, merge, tty=tty)
