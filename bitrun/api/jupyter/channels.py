"""The WebSocket of a kernel, which carries the messages of all its channels.

One thread serves a client. It waits with poll() for the client and the kernel at once.
"""

import contextlib
import threading

from bitrun.api.http import errors
from bitrun.api.http.websocket import Disconnected, WebSocket
from bitrun.api.jupyter import framing
from bitrun.api.jupyter.registry import OwnKernel, Registry
from bitrun.execution.kernels.connection import KernelConnection
from bitrun.execution.kernels.kernel import Kernel, KernelState
from bitrun.execution.kernels.message import KernelMessage
from bitrun.model.errors import (
    Busy,
    KernelBusy,
    KernelConnectionEnded,
    KernelNotRunning,
    RequestError,
    SandboxEnded,
    ServiceError,
)
from bitrun.model.poll import HUNG_UP, READABLE, Pollable, poll
from bitrun.service.service import Service

# Of RFC 6455 and IANA's registry of close codes.
_NORMAL, _INVALID, _INTERNAL_ERROR, _TRY_AGAIN_LATER = 1000, 1007, 1011, 1013
_MAX_REASON = 123  # bytes

_PING_MS = 30_000  # of silence, after which a proxy might cut the connection
_MAX_RESTARTS = 5  # of a kernel that dies again and again, by itself


class Channels:
    """The WebSockets of all kernels of a service, which share the places of sessions."""

    def __init__(self, service: Service, registry: Registry) -> None:
        self._metrics = service.metrics
        self._places = service.limits.sessions
        self._registry = registry
        self._restarting = threading.Lock()

    def serve(self, websocket: WebSocket, owner: str | None, found: OwnKernel) -> None:
        """Serve one client of a kernel, from the accepted upgrade to the close."""
        if not self._places.acquire(blocking=False):
            self._metrics.sessions_rejected.inc()
            websocket.close(_TRY_AGAIN_LATER, "Too many sessions")
            return
        client = _Client(websocket, found.kernel, self._restarting)
        try:
            with self._metrics.sessions.track_inprogress():
                client.serve()
        except Disconnected:
            pass
        except (KernelConnectionEnded, SandboxEnded) as ended:
            client.announce_end()
            _close(websocket, _NORMAL, ended)
        except (Busy, KernelBusy) as busy:
            _close(websocket, _TRY_AGAIN_LATER, busy)
        except RequestError as refused:
            errors.report(refused)
            _close(websocket, _INVALID, refused)
        except Exception as error:  # noqa: BLE001
            # The connection is no longer HTTP, so Flask's error handler can't answer.
            errors.report(error)
            websocket.close(_INTERNAL_ERROR, "Internal Error")
        finally:
            self._places.release()
        if client.has_shut_it_down:
            with contextlib.suppress(RequestError, ServiceError):  # somebody was faster
                self._registry.delete(owner, found.id)


class _Client:
    def __init__(self, websocket: WebSocket, kernel: Kernel, restarting: threading.Lock) -> None:
        self._websocket = websocket
        self._kernel = kernel
        self._restarting = restarting  # so that of all clients one restarts it
        self._deaths = 0
        self._knows_of_death = False
        self.has_shut_it_down = False

    def serve(self) -> None:
        """Pass messages on until one of both sides ends; raises what has ended it."""
        self._restart_if_dead()
        with self._kernel.connect() as connection:
            while True:
                wanted: dict[Pollable, int] = {
                    self._websocket: READABLE | HUNG_UP,
                    connection: READABLE,
                }
                ready = poll(wanted, _PING_MS)
                if not ready:
                    self._websocket.ping()
                if connection.fileno() in ready:
                    for message in connection.receive(0):
                        self._to_client(message)
                if self._websocket.fileno() in ready:
                    for data in self._websocket.receive_any():
                        self._to_kernel(connection, data)

    def announce_end(self) -> None:
        """Send the client the end of its kernel as a status, unless it knows."""
        if self._knows_of_death:
            return
        status = KernelMessage.make("status", {"execution_state": "dead"}, channel="iopub")
        with contextlib.suppress(Disconnected):
            self._send(status)

    def _to_client(self, message: KernelMessage) -> None:
        is_death = _is_death(message)
        if is_death and not self.has_shut_it_down:
            self._deaths += 1
            if self._deaths <= _MAX_RESTARTS:
                self._restart_if_dead()
            if self._kernel.state is not KernelState.DEAD:
                return  # it says itself that it is restarted
        self._send(message)
        self._knows_of_death = is_death
        if self.has_shut_it_down and (is_death or message.msg_type == "shutdown_reply"):
            raise KernelConnectionEnded("The kernel was shut down")

    def _send(self, message: KernelMessage) -> None:
        # What can't be written is left out: a program has made it.
        with contextlib.suppress(RequestError):
            self._websocket.send(framing.write(message, self._websocket.protocol))

    def _to_kernel(self, connection: KernelConnection, data: str | bytes) -> None:
        message = framing.read(data, self._websocket.protocol)
        if message.msg_type == "shutdown_request" and not message.content.get("restart"):
            # Left to itself it would be taken for one that has died.
            self.has_shut_it_down = True
        with contextlib.suppress(KernelNotRunning):  # its status, dead, follows
            connection.send(message)

    def _restart_if_dead(self) -> None:
        """Have a kernel that has died live again, as Jupyter's server does."""
        with self._restarting:
            self._kernel.restart_if_dead()


def _is_death(message: KernelMessage) -> bool:
    if (message.channel, message.msg_type) != ("iopub", "status"):
        return False
    with contextlib.suppress(RequestError):
        return bool(message.content.get("execution_state") == KernelState.DEAD)
    return False


def _close(websocket: WebSocket, code: int, error: Exception) -> None:
    text = errors.find(error).text(error).encode()[:_MAX_REASON]
    websocket.close(code, text.decode("utf-8", "ignore"))
