"""The API of the service as the transport of its own client: in the process, without a socket."""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

import httpx2
from flask import Flask

from bitrun.api.http import errors
from bitrun.api.http.auth import GRANTED
from bitrun.model.errors import Busy
from bitrun.model.output_files import Hold

# What the inner requests have of the outer one: who has sent it, and by which connection.
_KEPT = frozenset(
    {
        "HTTP_AUTHORIZATION", "HTTP_FORWARDED", "HTTP_HOST", "HTTP_VIA", "HTTP_X_FORWARDED_FOR",
        "HTTP_X_REAL_IP", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT",
        "SERVER_PROTOCOL", "gunicorn.socket", "wsgi.errors", "wsgi.multiprocess",
        "wsgi.multithread", "wsgi.run_once", "wsgi.url_scheme", "wsgi.version",
    }
)  # fmt: skip


class InProcess(httpx2.AsyncBaseTransport):
    """Answers requests by an application, as parts of a request that has been granted.

    They are not counted for the limits of its client again. `hold` holds memory for an answer.
    """

    def __init__(self, app: Flask, environ: Mapping[str, Any], hold: Hold) -> None:
        self._app = app
        self._environ = {name: environ[name] for name in _KEPT & environ.keys()} | {GRANTED: True}
        self._hold = hold

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # In this thread: its event loop has nothing else to do.
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        status = 0
        headers: list[tuple[str, str]] = []

        def start(line: str, fields: list[tuple[str, str]], _: object = None) -> Callable[..., Any]:
            nonlocal status, headers
            status, headers = int(line.split(maxsplit=1)[0]), fields
            return lambda _: None

        parts: Iterable[bytes] = self._app(self._request_environ(request, body), start)
        try:
            content = b"".join(parts)
        finally:
            if (close := getattr(parts, "close", None)) is not None:
                close()
        if not self._hold(len(content)):
            row = errors.report(busy := Busy())
            return httpx2.Response(row.status, json={"message": row.text(busy)})
        return httpx2.Response(status, headers=headers, content=content)

    def _request_environ(self, request: httpx2.Request, body: bytes) -> dict[str, Any]:
        return self._environ | {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            # WSGI has the bytes of the path as Latin-1.
            "PATH_INFO": _unquoted(request.url.path),
            "QUERY_STRING": request.url.query.decode("ascii"),
            "RAW_URI": request.url.raw_path.decode("ascii"),  # for another node
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_ACCEPT": request.headers.get("Accept", "*/*"),
            "wsgi.input": BytesIO(body),
        }


def _unquoted(path: str) -> str:
    return path.encode().decode("latin-1")
