"""Clients that hang up early, and the check that nothing of their request goes on.

A client that has hung up receives no answer. So the result is read from the service's log, by the
id of the request, and the engine is asked for the box that the log names.
"""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from websockets.exceptions import ConnectionClosed

from tools.soak.results import Attempt, Rejected, WrongAnswer
from tools.soak.service_log import LoggedRequest
from tools.soak.wire import BUSY, RawClient, open_session

GROUP = "hang-ups"

RUN_SECONDS = 60  # the program's own length, and the limit of its run
_END_SECONDS = 30.0  # for the end of a request and of its box; less than RUN_SECONDS
_STARTED_SECONDS = 0.3  # by then most runs have started; the others wait for a place or a box
_TRY_AGAIN_LATER = 1013
_CLIENT_CLOSED_REQUEST = 499

_EXECUTE = "/api/v2/execute"
_SLEEPER: dict[str, Any] = {
    "language": "python",
    "version": "*",
    "files": [{"content": f"import time; print('ready', flush=True); time.sleep({RUN_SECONDS})"}],
}


def attempts(raw: RawClient, log: Path, engine: docker.APIClient) -> Iterator[Attempt]:
    for name, act in {
        "in the body of a request": in_body,
        "while the program runs": in_run,
        "in a session": in_session,
    }.items():
        yield Attempt(GROUP, name, partial(act, raw, log, engine))


def in_body(raw: RawClient, log: Path, engine: docker.APIClient) -> None:
    request = LoggedRequest(log)
    head = raw.head(_EXECUTE, "application/json", 1000, request_id=request.id)
    with raw.connect() as connection:
        connection.sendall(head + b'{"language": "py')
    check_end(request, engine, status=HTTPStatus.BAD_REQUEST, verdicts=(None,))


def in_run(raw: RawClient, log: Path, engine: docker.APIClient) -> None:
    request = LoggedRequest(log)
    body = json.dumps(_SLEEPER).encode()
    with raw.connect() as connection:
        head = raw.head(_EXECUTE, "application/json", len(body), request_id=request.id)
        connection.sendall(head + body)
        time.sleep(_STARTED_SECONDS)
        check_unanswered(connection)
    # Without a verdict it was waiting for a place or a box.
    check_end(request, engine, status=_CLIENT_CLOSED_REQUEST, verdicts=("disconnected", None))


def in_session(raw: RawClient, log: Path, engine: docker.APIClient) -> None:
    request = LoggedRequest(log)
    with open_session(raw.url, {"X-Request-Id": request.id}) as session:
        try:
            session.send(json.dumps(_SLEEPER | {"type": "init"}))
            while "ready" not in json.loads(session.recv(RUN_SECONDS)).get("data", ""):
                pass
        except ConnectionClosed as error:
            if session.close_code == _TRY_AGAIN_LATER:
                raise Rejected from error
            raise WrongAnswer(f"closed with {session.close_code} before it ran") from error
        session.socket.shutdown(socket.SHUT_RDWR)
    check_end(request, engine, status=HTTPStatus.SWITCHING_PROTOCOLS, verdicts=("disconnected",))


def check_unanswered(connection: socket.socket) -> None:
    """Check that a request whose program still runs has no answer yet."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        answer = connection.recv(4096)
        if answer.startswith(BUSY):
            raise Rejected
        raise WrongAnswer(f"{answer[:300]!r} while the program should be running")


def check_end(
    request: LoggedRequest, engine: docker.APIClient, *, status: int, verdicts: tuple[Any, ...]
) -> None:
    """Check that a request ended because of its client, and that its box is gone.

    Raises:
        WrongAnswer: it has not ended, or in another way, or its box is still on the engine.
    """
    record = request.wait(_END_SECONDS)
    ended = record["status"], record.get("verdict")
    if ended[0] != status or ended[1] not in verdicts:
        raise WrongAnswer(f"ended with {ended} instead of {status} and one of {verdicts}")
    box = record.get("box")
    if ended[1] is not None and not box:
        raise WrongAnswer("the log names no box of the run")
    deadline = time.monotonic() + _END_SECONDS
    while box and engine.containers(all=True, filters={"id": box}):
        if time.monotonic() > deadline:
            raise WrongAnswer(f"box {box} remains {_END_SECONDS:.0f} s after its run")
        time.sleep(0.2)
