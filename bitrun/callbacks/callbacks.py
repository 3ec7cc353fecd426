"""Sends callbacks: PUT, a few tries, signed if the operator wants it."""

import hashlib
import hmac
import logging
import re
import socket
import ssl
import time
from functools import cached_property
from http import HTTPStatus

from bitrun import __version__
from bitrun.callbacks.addresses import CallbackRefused, Target, check_literal, read_url, resolve
from bitrun.config.settings import Settings

MAX_TRIES = 3
TRY_SECONDS = 5.0

_PAUSE_SECONDS = 1.0  # between two tries
_MAX_REDIRECTS = 3
_MAX_HEAD = 16_384
_CHUNK = 4096
_REDIRECTS = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_LOCATION = re.compile(rb"\r\nlocation:[ \t]*([!-~]+)", re.IGNORECASE)

_log = logging.getLogger(__name__)


class _Undelivered(Exception):
    """The receiver has not taken it; the text says why."""


class Callbacks:
    """Sends the callbacks of a service. Threads share it."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.callback_networks
        self._secret = settings.callback_secret.encode()

    def check(self, url: str) -> None:
        """Check the URL of a callback before it is accepted.

        Raises:
            CallbackRefused: it can't be called.
        """
        check_literal(read_url(url), self._allowed)

    def put(self, url: str, body: bytes) -> bool:
        """Send JSON to a URL; whether it was delivered, within MAX_TRIES of TRY_SECONDS each."""
        for number in range(1, MAX_TRIES + 1):
            try:
                self._try(url, body)
            except CallbackRefused as error:
                _log.warning("A callback is refused, since it %s", error)
                return False
            except (OSError, _Undelivered) as error:
                _log.warning("Try %d of a callback has failed: %s", number, error)
                if number < MAX_TRIES:
                    time.sleep(_PAUSE_SECONDS)
            else:
                return True
        return False

    def _try(self, url: str, body: bytes) -> None:
        deadline = time.monotonic() + TRY_SECONDS
        target = read_url(url)
        for _ in range(_MAX_REDIRECTS + 1):
            head = self._send(target, body, deadline)
            found = _STATUS.match(head)
            if found is None:
                raise _Undelivered(f"{target.authority} answers with no HTTP")
            status, location = int(found[1]), _LOCATION.search(head)
            if status not in _REDIRECTS or location is None:
                if status >= HTTPStatus.BAD_REQUEST:
                    raise _Undelivered(f"{target.authority} answers {status}")
                return
            target = read_url(location[1].decode("ascii"), target.url)
        raise _Undelivered(f"{url} leads to more than {_MAX_REDIRECTS} others")

    def _send(self, target: Target, body: bytes, deadline: float) -> bytes:
        """Send one request, and return the head of its answer."""
        # The address that was checked is the one that is connected to.
        address = resolve(target, self._allowed)
        with socket.create_connection((str(address), target.port), _left(deadline)) as connection:
            if target.scheme == "http":
                return _exchange(connection, self._request(target, body), deadline)
            with self._tls.wrap_socket(connection, server_hostname=target.host) as encrypted:
                return _exchange(encrypted, self._request(target, body), deadline)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _request(self, target: Target, body: bytes) -> bytes:
        headers = {
            "Host": target.authority,
            "User-Agent": f"BitRun/{__version__}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        if self._secret:
            headers |= signature(self._secret, body, int(time.time()))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"PUT {target.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def signature(secret: bytes, body: bytes, seconds: int) -> dict[str, str]:
    """Return the headers that prove who sends a body, and when: seconds since the epoch."""
    signed = f"{seconds}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return {"X-BitRun-Timestamp": str(seconds), "X-BitRun-Signature": f"sha256={digest}"}


def _exchange(connection: socket.socket, request: bytes, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(_left(deadline))
        received = connection.recv(_CHUNK)
        head += received
        if not received or len(head) > _MAX_HEAD:
            break
    return head.partition(b"\r\n\r\n")[0] + b"\r\n"


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"no answer within {TRY_SECONDS:g} s")
    return left
