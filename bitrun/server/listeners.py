"""Opens the listening sockets before gunicorn does, which would say that it listens too early."""

import errno
import os
import socket
from typing import Any

from gunicorn import sock

from bitrun.config.settings import SettingsError

_INHERITED = ("GUNICORN_FD", "LISTEN_FDS")  # of a running gunicorn, of systemd

_ANOTHER_PORT = "such as: PORT=8080 make run, or bitrun serve --port 8080"


def open_listeners(server: Any) -> None:
    """Bind the addresses of a gunicorn master that starts, unless it inherits its sockets.

    gunicorn by itself tries five times in five seconds, with two lines each.

    Raises:
        SettingsError: one can't be bound; the text says what to do.
    """
    if any(name in os.environ for name in _INHERITED):
        return
    for address in server.cfg.address:
        if isinstance(address, tuple):
            _check(address)
    server.LISTENERS = sock.create_sockets(server.cfg, server.log)


def _check(address: tuple[str, int]) -> None:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise SettingsError(
                f"BitRun can't listen on port {port} of {host}: {error.strerror}. {_remedy(error)}"
            ) from error


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            "Stop the program that listens there, which may be a BitRun, or choose another port,"
            f" {_ANOTHER_PORT}"
        )
    if error.errno == errno.EACCES:
        return f"Ports below 1024 need a privilege: choose another one, {_ANOTHER_PORT}"
    return "BITRUN_HOST is an address of this machine, or 0.0.0.0 for all of them"
