"""The places in which Jupyter's clients send a token."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from bitrun.api.jupyter.access import tokens_of


def asked(path: str = "/", **headers: str) -> Request:
    names = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(EnvironBuilder(path, headers=names).get_environ())


@pytest.mark.parametrize(
    "request_",
    [
        asked(Authorization="token T/1"),
        asked(Authorization="Token  T/1 "),
        asked("/?token=T/1"),
        asked(
            Sec_WebSocket_Protocol="v1.token.websocket.jupyter.org, "
            "v1.token.websocket.jupyter.org.T%2F1"
        ),
    ],
)
def test_where_it_is(request_: Request) -> None:
    assert [each for each in tokens_of(request_) if each] == ["T/1"]


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked(Authorization="Bearer T"),  # which every dialect takes
        asked(Sec_WebSocket_Protocol="v1.kernel.websocket.jupyter.org"),
    ],
)
def test_where_there_is_none(request_: Request) -> None:
    assert not any(tokens_of(request_))
