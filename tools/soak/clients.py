"""Clients of `/api/v1/run`, `/api/v2/execute` and `/api/v2/connect`; each returns a `Result`."""

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
from bitrun.model.output import Output, Stream
from bitrun.model.result import Outcome, Result, StageResult, Verdict
from tools.soak.results import Rejected, WrongAnswer

_TIMEOUT_SECONDS = 240.0  # far above any limit of a run; afterwards the answer counts as missing
_BUSY = (429, 503)
_JOB_COMPLETED, _TRY_AGAIN_LATER = 4999, 1013


class ApiClient:
    """Calls the service's HTTP API. Thread-safe: no connection is shared."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request on a connection of its own.

        Raises:
            Rejected: the service is too busy.
        """
        with requests.Session() as session:
            session.trust_env = False  # no proxy for a service on this machine
            session.headers["Connection"] = "close"
            reply = session.request(method, self.url + path, timeout=_TIMEOUT_SECONDS, **options)
        if reply.status_code in _BUSY and "Retry-After" in reply.headers:
            raise Rejected
        return reply

    def gauges(self) -> dict[str, float]:
        """Return the values of `/metrics` that have no labels, by name."""
        lines = self.send("GET", "/metrics").text.splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs if "{" not in name}

    def execute(self, body: Mapping[str, Any]) -> Result:
        """Run a program by `/api/v2/execute`."""
        reply = self.send("POST", "/api/v2/execute", json=body)
        if not reply.ok:
            raise WrongAnswer(_shown(reply))
        answer = reply.json()
        stages = tuple(
            _stage(name, answer[name], answer[name]) for name in STAGES if name in answer
        )
        # If compilation failed, `run` is a copy of `compile`.
        return Result(stages[:1] if stages[0].verdict.failed else stages)

    def run(self, stage: StageName, fields: Mapping[str, str]) -> Result:
        """Run a program by `/api/v1/run`, whose reply does not name its last stage: `stage`."""
        started = time.monotonic()
        reply = self.send("POST", "/api/v1/run", data=fields)
        if reply.status_code == requests.codes.bad_request and "timed out" in reply.text:
            wall_ms = (time.monotonic() - started) * 1000
            return Result((_v1_stage(stage, b"", Outcome.WALL_TIME, wall_ms=wall_ms),))
        if not reply.ok:
            raise WrongAnswer(_shown(reply))
        code = int(reply.headers["X-Run-Exitcode"])
        outcome = Outcome(reply.headers["X-Run-Verdict"])
        return Result((_v1_stage(stage, reply.content, outcome, code=code),))

    def session(self, body: Mapping[str, Any], stdin: str) -> Result:
        """Run a program by `/api/v2/connect`."""
        return Result(tuple(_session_stages(self.converse("/api/v2/connect", body, stdin))))

    def converse(self, path: str, body: Mapping[str, Any], stdin: str) -> list[dict[str, Any]]:
        """Run a program over a WebSocket, and return what the service sends."""
        frames: list[dict[str, Any]] = []
        url = self.url.replace("http", "ws", 1) + path
        with connect(url, compression=None, proxy=None, open_timeout=_TIMEOUT_SECONDS) as socket:
            with contextlib.suppress(ConnectionClosed):
                socket.send(json.dumps({"type": "init", **body}))
                socket.send(json.dumps({"type": "data", "stream": "stdin", "data": stdin}))
                socket.send(json.dumps({"type": "eof"}))
            with contextlib.suppress(ConnectionClosed):
                while True:
                    frames.append(json.loads(socket.recv(_TIMEOUT_SECONDS)))
        if socket.close_code == _TRY_AGAIN_LATER:
            raise Rejected
        if socket.close_code != _JOB_COMPLETED:
            close = f"closed with {socket.close_code} {socket.close_reason!r}"
            raise WrongAnswer(f"{close} after {json.dumps(frames[-1:])[:300]}")
        return frames


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


def _stage(name: StageName, reply: Mapping[str, Any], printed: Mapping[str, str]) -> StageResult:
    verdict = Verdict(
        outcome=Outcome(reply["verdict"]),
        code=reply["code"],
        signal=reply["signal"],
        oom_killed=reply.get("oom_killed", False),
        wall_ms=reply["wall_time"],
        cpu_ms=reply["cpu_time"],
        memory=reply["memory"],
    )
    if (verdicts.status(verdict), verdicts.message(verdict)) != (reply["status"], reply["message"]):
        raise WrongAnswer(f"inconsistent verdict: {dict(reply)}")
    pieces = tuple((stream, printed[stream.value].encode()) for stream in Stream)
    return StageResult(name, verdict, Output(pieces))


def _v1_stage(
    name: StageName, output: bytes, outcome: Outcome, code: int = 0, wall_ms: float = 0.0
) -> StageResult:
    verdict = Verdict(outcome, code, None, oom_killed=False, wall_ms=wall_ms, cpu_ms=0.0, memory=0)
    # v1 merges the streams: a check of either one gets all of the output.
    return StageResult(name, verdict, Output([(Stream.STDOUT, output), (Stream.STDERR, output)]))


def _shown(reply: requests.Response) -> str:
    return f"{reply.status_code} {reply.text[:300]!r}"
