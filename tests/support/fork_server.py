"""Starts services in a fraction of the time: forks them from a process that has imported all.

Python needs half a second to import a service, and the suite starts hundreds. The process that has
imported it forks one for each request; it has no threads, so that is safe.

Run as: python -m tests.support.fork_server, with a socket as standard input.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from bitrun.config import catalogue
from bitrun.config.settings import Settings
from tests.support.fake_images import NoBoxes, engine_with_packages
from tests.support.paths import ROOT

# What a service imports; nothing of it reads the environment.
_PRELOADED = (
    "bitrun.api.app",
    "bitrun.server.worker",
    "gunicorn.app.wsgiapp",
    "gunicorn.arbiter",
    "bitrun.cli.app",
    "bitrun.cli.doctor",
    "bitrun.cli.run",
    "bitrun.client",
    "bitrun.doctor.checks",
    "bitrun.execution.runner",
    "tests.support.process_boxes",
)
_LARGEST_REQUEST = 1 << 18


class ForkServer:
    """The process to fork from. Processes that are forked from this one may use it, too."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._connections: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind("")  # the kernel chooses a name that is in no folder
            listener.listen()
            self._address = listener.getsockname()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name], stdin=listener.fileno(), cwd=ROOT
            )
        self._connection()  # it ends with its first connection

    def _connection(self) -> socket.socket:
        """Return this process's own: what two send on one would be mixed up."""
        connection = self._connections.get(os.getpid())
        if connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            connection.connect(self._address)
            self._connections[os.getpid()] = connection
        return connection

    def gunicorn(self, application: str, environment: dict[str, str]) -> "ForkedProcess":
        """Serve an application in a session of its own, with our stdout and stderr."""
        return self.start("gunicorn.app.wsgiapp:run", ["gunicorn", application], environment)

    def start(
        self,
        function: str,
        arguments: list[str],
        environment: dict[str, str],
        cwd: Path = ROOT,
        streams: tuple[int | None, int, int] = (None, 1, 2),
    ) -> "ForkedProcess":
        """Call a function as a process of its own, in its own session, with these `sys.argv`."""
        reader, writer = os.pipe()
        with Path(os.devnull).open("rb") as null:
            request = {
                "function": function,
                "arguments": arguments,
                "environment": environment,
                "cwd": str(cwd),
            }
            stdin, stdout, stderr = streams
            descriptors = [null.fileno() if stdin is None else stdin, stdout, stderr, writer]
            try:
                with self._lock:
                    connection = self._connection()
                    socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
                    pid = int(connection.recv(32))
            finally:
                os.close(writer)
        return ForkedProcess(pid, reader)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._process.wait(timeout=10)

    @property
    def is_ours(self) -> bool:
        """Whether this process has started it, rather than one that this was forked from."""
        return os.getpid() == self._owner


_running: ForkServer | None = None


def shared() -> ForkServer:
    """Return the one that all tests use."""
    global _running  # noqa: PLW0603  tests call functions that need it, not only fixtures
    if _running is None:
        _running = ForkServer()
    return _running


def close_shared() -> None:
    global _running  # noqa: PLW0603
    if _running is not None and _running.is_ours:
        _running.close()
        _running = None


class ForkedProcess:
    """What a test needs of a `Popen`."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        if (code := self._wait(timeout)) is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def terminate(self) -> None:
        self._kill(signal.SIGTERM)

    def kill(self) -> None:
        self._kill(signal.SIGKILL)

    def _kill(self, number: int) -> None:
        # Not reaped before its status is written, so that its number is still its own.
        if self.poll() is None:
            os.kill(self.pid, number)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(os.read(self._status, 32))
            os.close(self._status)
        return self.returncode


def serve() -> None:
    """Fork a process for each request, and report the status of each that has ended."""
    for name in _PRELOADED:
        importlib.import_module(name)
    engine_with_packages(NoBoxes())  # remembered
    _remember_catalogue()
    gc.collect()
    gc.freeze()
    _Forks(socket.socket(fileno=os.dup(0))).serve()


class _Forks:
    """The requests of all connections, until the first of these ends."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._owner, _ = listener.accept()
        self._connections = {self._owner.fileno(): self._owner}
        self._statuses: dict[int, int] = {}  # where to write them, by process
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        while self._owner.fileno() in self._connections:
            waiting = [self._listener.fileno(), self._woken, *self._connections]
            for descriptor in select.select(waiting, [], [])[0]:
                if descriptor == self._woken:
                    os.read(self._woken, 4096)
                    self._reap()
                elif descriptor == self._listener.fileno():
                    connection, _ = self._listener.accept()
                    self._connections[connection.fileno()] = connection
                else:
                    self._fork(descriptor)

    def _fork(self, descriptor: int) -> None:
        connection = self._connections[descriptor]
        message, streams, _, _ = socket.recv_fds(connection, _LARGEST_REQUEST, 4)
        if not message:
            del self._connections[descriptor]
            connection.close()
            return
        status = streams.pop()
        pid = os.fork()
        if pid == 0:
            for each in (self._woken, self._wake, status, *self._statuses.values()):
                os.close(each)
            for other in (self._listener, *self._connections.values()):
                other.close()
            _become(json.loads(message), streams)
        self._statuses[pid] = status
        for each in streams:
            os.close(each)
        connection.send(str(pid).encode())

    def _reap(self) -> None:
        while self._statuses:
            # Looked at first and reaped after: until then no other process gets its number.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            if (status := self._statuses.pop(found.si_pid, None)) is not None:
                os.write(status, str(code).encode())
                os.close(status)
            os.waitpid(found.si_pid, 0)


def _remember_catalogue() -> None:
    """Have services not read the default catalogue again, which takes a tenth of a second."""
    load, default = catalogue.load, Settings.model_fields["languages"].default
    known = load(default)
    catalogue.load = lambda path: known if path == default else load(path)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Be a fresh process with these streams; never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    buffered = 1 if os.isatty(1) else -1
    sys.stdout = os.fdopen(1, "w", buffered, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it was found by the environment of the server
    os.chdir(request["cwd"])
    sys.argv = request["arguments"]
    module, _, name = request["function"].partition(":")
    code = 0
    try:
        getattr(importlib.import_module(module), name)()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1 if error.code else 0
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)  # noqa: T201  as the interpreter does
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
