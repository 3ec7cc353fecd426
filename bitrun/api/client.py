"""The connection that a request came on."""

from flask import Request

from bitrun.caller import Caller


def client(request: Request) -> Caller | None:
    """Return the client to watch; None where the server in front does not tell of it."""
    connection = request.environ.get("gunicorn.socket")
    return None if connection is None else Caller(connection)
