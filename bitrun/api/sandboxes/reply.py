"""Sandboxes, results and listings as JSON."""

from collections.abc import Iterator
from typing import Any

from bitrun.api.piston.reply import new_decoder, texts_reply, verdict_reply
from bitrun.execution.sandboxes.background import BackgroundCommand
from bitrun.execution.sandboxes.output_ring import OutputPart
from bitrun.execution.sandboxes.sandbox import Sandbox, StageEvent
from bitrun.model.output import Stream
from bitrun.model.result import Verdict

_MINUTE = 60


def sandbox_reply(sandbox: Sandbox) -> dict[str, Any]:
    """Write a sandbox; times are seconds since the epoch."""
    last_active = sandbox.last_active_at
    return {
        "id": sandbox.id,
        "language": sandbox.runtime.language.name,
        "version": sandbox.runtime.version,
        "package": sandbox.runtime.package.id,
        "status": "running",
        "created_at": round(sandbox.created_at, 3),
        "last_active_at": round(last_active, 3),
        "expires_at": round(last_active + sandbox.limits.idle, 3),
        "expires_after": {
            "anchor": "last_active_at",
            "minutes": sandbox.limits.idle // _MINUTE,
        },
        "memory": sandbox.limits.memory,
        "network_policy": _network_policy(sandbox.allowed_domains),
        "kernels": [spec.name for spec in sandbox.kernels.specs],
    }


def command_reply(command: BackgroundCommand) -> dict[str, Any]:
    """Write a background command; times are seconds since the epoch."""
    start, end = command.kept
    ended_at, verdict = command.ended_at, command.verdict
    return {
        "id": command.id,
        "command": command.command,
        "status": _status(command),
        "started_at": round(command.started_at, 3),
        "ended_at": None if ended_at is None else round(ended_at, 3),
        "output_size": end,
        "output_dropped": start,
        "result": None if verdict is None else verdict_reply(verdict),
        "error": None if command.error is None else str(command.error),
    }


def output_reply(command: BackgroundCommand, part: OutputPart) -> dict[str, Any]:
    """Write a part of a background command's output."""
    return {
        "offset": part.offset,
        "next_offset": part.end,
        "dropped": part.dropped,
        # Not how it is by now: of one that has ended, nothing may follow what is empty.
        "status": "running" if part.may_grow else _status(command),
        **texts_reply(part.output),
    }


def _status(command: BackgroundCommand) -> str:
    if not command.has_ended:
        return "running"
    return "failed" if command.verdict is None else "ended"


def _network_policy(allowed_domains: tuple[str, ...]) -> dict[str, Any]:
    if not allowed_domains:
        return {"type": "disabled"}
    return {"type": "allowlist", "allowed_domains": list(allowed_domains)}


def event_lines(events: Iterator[StageEvent]) -> Iterator[dict[str, Any]]:
    """Write the events of a job as messages, as those of `connect`."""
    decoders = {stream: new_decoder() for stream in Stream}
    for stage, event in events:
        if isinstance(event, Verdict):
            for stream, decoder in decoders.items():
                # What a limit of output has cut in two is left out.
                rest = decoder.decode(b"", final=True)
                decoder.reset()
                if rest and event.outcome.value != stream.value:
                    yield {"type": "data", "stream": stream, "data": rest}
            yield {"type": "exit", "stage": stage.name, **verdict_reply(event)}
        else:
            stream, data = event
            if text := decoders[stream].decode(data):
                yield {"type": "data", "stream": stream, "data": text}
