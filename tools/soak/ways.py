"""The ways to have a program run, each with its answer as a `Result`."""

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bitrun.api.piston import verdicts
from bitrun.model.job import STAGES, StageName
from bitrun.model.result import Outcome, Result, StageResult, Stream, Verdict, outcome_of
from tools.soak.tally import Refused, Wrong

_PATIENCE_SECONDS = 240.0  # far above any limit: after it, an answer counts as missing
_V1_OUTCOMES = {
    "Time limit exceeded": Outcome.CPU_TIME,
    "stdout length exceeded": Outcome.STDOUT,
    "Memory limit exceeded": Outcome.MEMORY,
}
_BUSY = (429, 503)
_JOB_COMPLETED, _TRY_AGAIN_LATER = 4999, 1013


class Server:
    """The service, as its clients see it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request on a connection of its own.

        Raises:
            Refused: the service is too busy for it.
        """
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands before a service on this machine
            session.headers["Connection"] = "close"
            reply = session.request(method, self.url + path, timeout=_PATIENCE_SECONDS, **options)
        if reply.status_code in _BUSY and "Retry-After" in reply.headers:
            raise Refused
        return reply

    def execute(self, body: Mapping[str, Any]) -> Result:
        """Run a program by `/api/v2/execute`."""
        reply = self.send("POST", "/api/v2/execute", json=body)
        if not reply.ok:
            raise Wrong(_shown(reply))
        told = reply.json()
        stages = tuple(_stage(name, told[name], told[name]) for name in STAGES if name in told)
        # Where compiling failed, `run` is a copy of it.
        return Result(stages[:1] if stages[0].verdict.failed else stages)

    def run(self, stage: StageName, fields: Mapping[str, str]) -> Result:
        """Run a program by `/api/v1/run`, which does not tell the `stage` that was the last."""
        started = time.monotonic()
        reply = self.send("POST", "/api/v1/run", data=fields)
        if reply.status_code == requests.codes.bad_request and "timed out" in reply.text:
            wall_ms = (time.monotonic() - started) * 1000
            return Result((_v1_stage(stage, b"", Outcome.WALL_TIME, wall_ms=wall_ms),))
        if not reply.ok:
            raise Wrong(_shown(reply))
        code = int(reply.headers["X-Run-Exitcode"])
        outcome = _V1_OUTCOMES.get(
            reply.headers.get("X-Run-Message", ""), outcome_of(code, None, oom_killed=False)
        )
        return Result((_v1_stage(stage, reply.content, outcome, code=code),))

    def session(self, body: Mapping[str, Any], typed: str) -> Result:
        """Run a program by `/api/v2/connect`, and type what it reads."""
        frames: list[dict[str, Any]] = []
        url = self.url.replace("http", "ws", 1) + "/api/v2/connect"
        with connect(url, compression=None, proxy=None, open_timeout=_PATIENCE_SECONDS) as socket:
            with contextlib.suppress(ConnectionClosed):
                socket.send(json.dumps({"type": "init", **body}))
                socket.send(json.dumps({"type": "data", "stream": "stdin", "data": typed}))
                socket.send(json.dumps({"type": "eof"}))
            with contextlib.suppress(ConnectionClosed):
                while True:
                    frames.append(json.loads(socket.recv(_PATIENCE_SECONDS)))
        if socket.close_code == _TRY_AGAIN_LATER:
            raise Refused
        if socket.close_code != _JOB_COMPLETED:
            end = f"closed with {socket.close_code} {socket.close_reason!r}"
            raise Wrong(f"{end} after {json.dumps(frames[-1:])[:300]}")
        return Result(tuple(_session_stages(frames)))


def _session_stages(frames: list[dict[str, Any]]) -> list[StageResult]:
    stages = []
    printed = {stream.value: "" for stream in Stream}
    for frame in frames:
        if frame["type"] == "data":
            printed[frame["stream"]] += frame["data"]
        elif frame["type"] == "exit":
            stages.append(_stage(frame["stage"], frame, printed))
            printed = dict.fromkeys(printed, "")
    return stages


def _stage(name: StageName, told: Mapping[str, Any], printed: Mapping[str, str]) -> StageResult:
    verdict = Verdict(
        outcome=Outcome(told["verdict"]),
        code=told["code"],
        signal=told["signal"],
        oom_killed=told.get("oom_killed", False),
        wall_ms=told["wall_time"],
        cpu_ms=told["cpu_time"],
        memory=told["memory"],
    )
    if (verdicts.status(verdict), verdicts.message(verdict)) != (told["status"], told["message"]):
        raise Wrong(f"a verdict that contradicts itself: {dict(told)}")
    pieces = tuple((stream, printed[stream.value].encode()) for stream in Stream)
    return StageResult(name, verdict, pieces)


def _v1_stage(
    name: StageName, output: bytes, outcome: Outcome, code: int = 0, wall_ms: float = 0.0
) -> StageResult:
    verdict = Verdict(outcome, code, None, oom_killed=False, wall_ms=wall_ms, cpu_ms=0.0, memory=0)
    # Both streams are one there, so that either may hold what is looked for.
    return StageResult(name, verdict, ((Stream.STDOUT, output), (Stream.STDERR, output)))


def _shown(reply: requests.Response) -> str:
    return f"{reply.status_code} {reply.text[:300]!r}"
