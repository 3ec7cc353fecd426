"""Requests of 10 MB that are made to take memory while they are parsed or while they wait."""

import json
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

from bitrun.model.result import Outcome
from tools.soak.clients import ApiClient
from tools.soak.results import Attempt, WrongAnswer

GROUP = "large requests"

_SIZE = 9_900_000
_EXECUTE, _RUN = "/api/v2/execute", "/api/v1/run"
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_WIDE = "\N{GRINNING FACE}" + "x" * (_SIZE - 1000)  # four bytes of memory for each character


def attempts(client: ApiClient) -> Iterator[Attempt]:
    refused = {
        "millions of objects": (_EXECUTE, _JSON, b'{"files": [' + b"{}," * (_SIZE // 3)),
        "millions of fields": (_RUN, _FORM, b"a=&" * (_SIZE // 3)),
        "millions of fields for Piston": (_EXECUTE, _FORM, b"timeout=1" + b"&=" * (_SIZE // 3)),
        "millions of brackets": (_EXECUTE, _JSON, b"[" * _SIZE),
    }
    for name, (path, kind, body) in refused.items():
        yield Attempt(GROUP, name, partial(_expect_refusal, client, path, kind, body))
    yield Attempt(GROUP, "millions of escapes", partial(_escapes, client))
    yield Attempt(GROUP, "a program of wide text", partial(_wide, client, in_stdin=False))
    yield Attempt(GROUP, "stdin of wide text", partial(_wide, client, in_stdin=True))


def _expect_refusal(client: ApiClient, path: str, kind: str, body: bytes) -> None:
    reply = client.send("POST", path, data=body, headers={"Content-Type": kind})
    if reply.status_code != HTTPStatus.BAD_REQUEST or "Traceback" in reply.text:
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r} instead of a 400")


def _escapes(client: ApiClient) -> None:
    # A comment of 3.3 million letters, each an escape.
    body = b"filename=a.py&content=print(1)%20%23" + b"%41" * (_SIZE // 3 - 20)
    reply = client.send("POST", _RUN, data=body, headers={"Content-Type": _FORM})
    if (reply.status_code, reply.text) != (200, "1\n"):
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r} instead of 200 and 1")


def _wide(client: ApiClient, *, in_stdin: bool) -> None:
    code, stdin = ("print(1)", _WIDE) if in_stdin else (f"print(1)  # {_WIDE}", "")
    body = {
        "language": "python", "version": "*", "files": [{"content": code}], "stdin": stdin
    }  # fmt: skip
    # As text, not as the escapes that json writes by default.
    encoded = json.dumps(body, ensure_ascii=False).encode()
    reply = client.send("POST", _EXECUTE, data=encoded, headers={"Content-Type": _JSON})
    run = reply.json().get("run", {})
    if (run.get("verdict"), run.get("stdout")) != (Outcome.OK, "1\n"):
        raise WrongAnswer(f"{reply.status_code} {reply.text[:300]!r} instead of 1")
