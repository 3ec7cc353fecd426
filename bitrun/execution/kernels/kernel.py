"""A kernel as the service knows it: its state, its readers, and the process that it is now."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from bitrun.config.catalogue import KernelSpec
from bitrun.execution.kernels.connection import KernelConnection
from bitrun.execution.kernels.frames import KernelFrame
from bitrun.execution.kernels.message import KernelMessage, parse_part
from bitrun.execution.kernels.process import START_SECONDS, KernelProcess
from bitrun.model.errors import (
    BoxError,
    KernelConnectionEnded,
    KernelNotRunning,
    RequestError,
    SandboxEnded,
)
from bitrun.model.job import Stage
from bitrun.sandbox.supervisor.channels import BoxChannel

_MAX_NOTED = 1 << 16  # bytes of a content that is parsed for every message of its type
_MAX_ASKERS = 4096  # messages whose answers are awaited; of older ones the answers are lost


class KernelState(StrEnum):
    """The states of a kernel, in Jupyter's words."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    RESTARTING = "restarting"
    DEAD = "dead"


_REPORTED = (KernelState.IDLE, KernelState.BUSY)  # by the kernel itself; the others are ours


class KernelHost(Protocol):
    """What kernels need of their sandbox."""

    def take_lasting(self) -> None:
        """Take one of the places of what goes on in the sandbox.

        Raises:
            TooManyCommands: none is left.
        """

    def release_lasting(self) -> None: ...

    def open_channel(self) -> BoxChannel:
        """Open a channel to the box, which does not count as use of the sandbox.

        Raises:
            SandboxBusy: there is none left.
            SandboxEnded: the sandbox has ended.
        """

    def kernel_stage(self, spec: KernelSpec) -> Stage:
        """Return the stage that starts the driver of a kernel."""

    def explain(self, error: BoxError) -> RequestError:
        """Return what an error of the box means to the client: `SandboxEnded`, or another."""

    def touch(self) -> None:
        """Note that the sandbox is being used."""


class Kernel:
    """A kernel of one sandbox. Threads share it; `connect` gives a thread a connection of its own.

    It is `starting` until it answers. Messages may be sent from the first moment on: they wait. One
    that dies is `dead` until it is restarted; its connections get a message `status` of iopub that
    says so, as Jupyter's servers send it, and stay.

    `started_at` and `last_activity` are seconds since the epoch, the latter of the last message in
    either direction. `execution_count` is that of the last cell that has begun. `info` is the
    content of its kernel_info_reply, once it has answered. `restarts` counts its restarts. `cells`
    is held while a cell of the API runs.
    """

    def __init__(self, kernel_id: str, spec: KernelSpec, host: KernelHost) -> None:
        """Start it.

        Raises:
            SandboxBusy: too much runs in the sandbox.
            SandboxEnded: the sandbox has ended.
        """
        self.id = kernel_id
        self.spec = spec
        self.started_at = self.last_activity = time.time()
        self.execution_count = 0
        self.info: Mapping[str, Any] | None = None
        self.restarts = 0
        self.cells = threading.Lock()
        self._host = host
        self._state = KernelState.STARTING
        self._death: Exception | None = None
        self._is_shut_down = False
        self._connections: list[KernelConnection] = []
        self._askers: OrderedDict[str, KernelConnection] = OrderedDict()
        self._changed = threading.Condition()
        self._restarting = threading.Lock()  # held by who replaces the process
        self._process = KernelProcess(host.kernel_stage(spec), self)
        self._process.start(host.open_channel())

    @property
    def name(self) -> str:
        """The name of its kernel spec, such as `python3`."""
        return self.spec.name

    @property
    def state(self) -> KernelState:
        return self._state

    @property
    def connections(self) -> int:
        """The number of connections."""
        with self._changed:
            return len(self._connections)

    def connect(self) -> KernelConnection:
        """Open a connection; see `KernelConnection`.

        Raises:
            KernelConnectionEnded: it was shut down.
        """
        connection = KernelConnection(self._send, self._leave)
        with self._changed:
            if not self._is_shut_down:
                self._connections.append(connection)
                return connection
        connection.close()
        raise KernelConnectionEnded("The kernel was shut down")

    def wait_until_ready(self, timeout: float = START_SECONDS + 10) -> None:
        """Wait until it answers; one that takes longer than START_SECONDS is given up.

        Raises:
            TimeoutError: it does not within `timeout` seconds.
            KernelNotRunning: it is dead; the text says why.
            SandboxEnded: with its sandbox.
        """
        starting = (KernelState.STARTING, KernelState.RESTARTING)
        with self._changed:
            if not self._changed.wait_for(lambda: self._state not in starting, timeout):
                raise TimeoutError(f"The kernel has not answered within {timeout} s")
        self.check()

    def check(self) -> None:
        """Raise KernelNotRunning or SandboxEnded if it is dead."""
        with self._changed:
            if self._state is not KernelState.DEAD:
                return
            death = self._death
        if isinstance(death, SandboxEnded):
            raise death
        raise KernelNotRunning(str(death) if death else "The kernel was shut down")

    def interrupt(self) -> None:
        """Interrupt what it executes, as Ctrl-C does; its state stays.

        Raises:
            KernelNotRunning: it is dead.
        """
        self._host.touch()
        self._process.send(KernelFrame.INTERRUPT)

    def restart(self) -> None:
        """Start it anew, without its state; a dead one lives again. `wait_until_ready` follows.

        What is sent from now on waits for the new process.

        Raises:
            KernelConnectionEnded: it was shut down.
            SandboxBusy, SandboxEnded: as the constructor.
        """
        self._host.touch()
        new = KernelProcess(self._host.kernel_stage(self.spec), self)
        with self._restarting:
            with self._changed:
                if self._is_shut_down:
                    raise KernelConnectionEnded("The kernel was shut down")
                old, self._process = self._process, new
                self._set_state(KernelState.RESTARTING)
                self._askers.clear()
                self.execution_count = 0
                self.restarts += 1
            self._announce(KernelState.RESTARTING)
            old.stop()
            try:
                new.start(self._host.open_channel())
            except RequestError as error:
                self.ended(new, error)
                raise

    def restart_if_dead(self) -> None:
        """Restart it if it has died, and raise as `restart` does."""
        if self._state is KernelState.DEAD and not self._is_shut_down:
            self.restart()

    def shut_down(self) -> None:
        """End it for good, and its connections."""
        with self._changed:
            self._is_shut_down = True
        with self._restarting:
            self._process.stop()
            with self._changed:
                self._set_state(KernelState.DEAD)
        self._end_connections(KernelConnectionEnded("The kernel was shut down"))

    # By its connections

    def _send(self, connection: KernelConnection, message: KernelMessage) -> None:
        self._note_use()
        with self._changed:
            self._askers[message.msg_id] = connection
            while len(self._askers) > _MAX_ASKERS:
                self._askers.popitem(last=False)
        self._process.send(KernelFrame.MESSAGE, message.encode())

    def _leave(self, connection: KernelConnection) -> None:
        with self._changed:
            if connection in self._connections:
                self._connections.remove(connection)
            for msg_id in [each for each, by in self._askers.items() if by is connection]:
                del self._askers[msg_id]

    # By its process, in the process's thread

    def ready(self, process: KernelProcess, info: bytes) -> None:
        with contextlib.suppress(RequestError):
            self.info = parse_part(info)
        with self._changed:
            if process is self._process and self._state not in _REPORTED:
                self._set_state(KernelState.IDLE)

    def message(self, process: KernelProcess, message: KernelMessage) -> None:
        self.last_activity = time.time()
        with self._changed:
            if message.channel == "iopub":
                readers = list(self._connections)
            else:
                readers = self._readers_of_answer(message)
        if message.channel == "iopub":
            self._note(process, message)
        self._deliver(message, readers)

    def ended(self, process: KernelProcess, error: Exception) -> None:
        if isinstance(error, BoxError):
            error = self._host.explain(error)
        with self._changed:
            if process is not self._process:
                return
            self._death = error
            self._set_state(KernelState.DEAD)
            self._askers.clear()
        if isinstance(error, SandboxEnded):
            self._is_shut_down = True
            self._end_connections(error)
        else:
            self._announce(KernelState.DEAD)

    def _readers_of_answer(self, message: KernelMessage) -> list[KernelConnection]:
        asked = message.parent_id
        if asked is None or asked not in self._askers:
            return []
        # A kernel asks for input any number of times, and replies once.
        is_last = message.msg_type.endswith("_reply")
        return [self._askers.pop(asked) if is_last else self._askers[asked]]

    def _note(self, process: KernelProcess, message: KernelMessage) -> None:
        """Note what a message of iopub says about the kernel. It may say anything."""
        is_known = message.msg_type in ("status", "execute_input")
        if not is_known or len(message.parts[3]) > _MAX_NOTED:
            return
        try:
            content = message.content
        except RequestError:
            return
        if message.msg_type == "execute_input":
            count = content.get("execution_count")
            if isinstance(count, int):
                self.execution_count = count
            return
        self._host.touch()
        state = content.get("execution_state")
        with self._changed:
            if process is self._process and state in _REPORTED and self._state in _REPORTED:
                self._set_state(KernelState(state))

    def _note_use(self) -> None:
        self._host.touch()
        self.last_activity = time.time()

    def _set_state(self, state: KernelState) -> None:
        self._state = state
        self._changed.notify_all()

    def _announce(self, state: KernelState) -> None:
        status = KernelMessage.make("status", {"execution_state": state}, channel="iopub")
        with self._changed:
            readers = list(self._connections)
        self._deliver(status, readers)

    def _deliver(self, message: KernelMessage, readers: Iterable[KernelConnection]) -> None:
        for reader in readers:
            if not reader.put(message):
                self._leave(reader)

    def _end_connections(self, error: RequestError) -> None:
        with self._changed:
            ended, self._connections = self._connections, []
        for connection in ended:
            connection.end(error)
