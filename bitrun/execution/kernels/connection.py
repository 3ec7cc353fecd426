"""One reader of a kernel's messages, and sender of messages to it."""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from bitrun.execution.kernels.message import KernelMessage
from bitrun.model.errors import KernelConnectionEnded, RequestError
from bitrun.model.poll import READABLE, poll

MAX_WAITING = 4 << 20  # bytes that wait for a reader, beyond a first message of any size
_READ_TIMEOUT = 5.0  # seconds for a reader that has so many to take some

Send = Callable[["KernelConnection", KernelMessage], None]
OnClose = Callable[["KernelConnection"], None]


class KernelConnection:
    """A connection to one kernel. It lives on while the kernel restarts.

    It gets every message of iopub, and of the other channels the answers to what was sent by it. It
    is readable, for `poll`, when `receive` has something. As a context manager it closes itself.
    One thread may use it.
    """

    def __init__(self, send: Send, on_close: OnClose) -> None:
        self._send = send
        self._on_close = on_close
        self._waiting: deque[KernelMessage] = deque()
        self._size = 0
        self._end: RequestError | None = None
        self._is_closed = False
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Held while the descriptor is used: another thread may close it.
        self._changed = threading.Condition()

    def fileno(self) -> int:
        return self._event

    def send(self, message: KernelMessage) -> None:
        """Send a message to the kernel; its `msg_id` brings the answers here.

        Raises:
            KernelNotRunning: the kernel is dead.
            KernelBusy: it does not read what was sent before.
        """
        self._send(self, message)

    def receive(self, timeout: float | None = None) -> list[KernelMessage]:
        """Wait up to `timeout` seconds; return all messages that have come, at least one.

        Raises:
            TimeoutError: none came in time.
            KernelConnectionEnded: the kernel was shut down, or this reader is too slow for it.
            SandboxEnded: the sandbox of the kernel has ended.
        """
        if not poll({self: READABLE}, None if timeout is None else timeout * 1000):
            raise TimeoutError
        with self._changed:
            messages, self._waiting, self._size = list(self._waiting), deque(), 0
            if messages:
                if self._end is None:
                    os.eventfd_read(self._event)
                self._changed.notify_all()
                return messages
        raise self._end or TimeoutError

    def close(self) -> None:
        """Leave the kernel, which goes on."""
        self._on_close(self)
        with self._changed:
            if not self._is_closed:
                self._is_closed = True
                self._waiting.clear()
                os.close(self._event)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # By the kernel

    def put(self, message: KernelMessage) -> bool:
        """Add a message. Wait a while for a reader that has many; False once it is given up."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, _READ_TIMEOUT):
                self._set_end(
                    KernelConnectionEnded("The kernel's messages were not read fast enough")
                )
            if self._is_closed or self._end is not None:
                return False
            self._waiting.append(message)
            self._size += message.size
            if len(self._waiting) == 1:
                os.eventfd_write(self._event, 1)
            return True

    def end(self, error: RequestError) -> None:
        """Have `receive` raise this error, after the messages that wait."""
        with self._changed:
            self._set_end(error)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._is_closed or self._end is not None or self._size <= MAX_WAITING

    def _set_end(self, error: RequestError) -> None:
        if self._is_closed or self._end is not None:
            return
        self._end = error
        os.eventfd_write(self._event, 1)  # from now on it stays readable
