"""The driver of a kernel in a box, from its start to its end."""

import logging
import threading
import time
from collections import deque
from typing import Protocol

from bitrun.execution.kernels.frames import FrameDecoder, KernelFrame, ProtocolError, encode
from bitrun.execution.kernels.message import KernelMessage
from bitrun.model.errors import KernelBusy, KernelNotRunning, RequestError, ServiceError
from bitrun.model.job import Stage
from bitrun.model.output import Stream
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.supervisor.channels import BoxChannel
from bitrun.sandbox.supervisor.client import SupervisorClient

START_SECONDS = 120.0  # until a kernel must answer; beside a full load its share is small

_MAX_UNSENT = 16 << 20  # bytes that wait until the driver reads, which it does at once
_CHECK_SECONDS = 1.0
_STOP_SECONDS = 3.0  # for a kernel to end by itself
_MAX_LOG = 4096  # bytes of the driver's stderr that are kept: the last

# What a kernel may send in the long run. A program that prints all the time would take all of the
# service's time otherwise; it waits at its pipe instead.
_BYTES_PER_SECOND = 4 << 20
_LEAST_SIZE = 1024  # bytes that a message counts as, at least: each takes some time
_BURST_SECONDS = 4.0
_SLICE_SECONDS = 0.05  # of a pause, between what is sent to the kernel meanwhile

_log = logging.getLogger(__name__)


class KernelEvents(Protocol):
    """What happens to a process, as its own thread reports it."""

    def ready(self, process: "KernelProcess", info: bytes) -> None:
        """It answers for the first time: the content of its kernel_info_reply."""

    def message(self, process: "KernelProcess", message: KernelMessage) -> None: ...

    def ended(self, process: "KernelProcess", error: Exception) -> None:
        """It has ended, or is given up; the text says why. Nothing follows."""


class KernelProcess:
    """A driver and its kernel. Threads share it."""

    def __init__(self, stage: Stage, events: KernelEvents) -> None:
        self._stage = stage
        self._events = events
        self._channel: BoxChannel | None = None
        self._frames = FrameDecoder()
        self._queue: deque[bytes] = deque()
        self._unsent = 0
        self._is_ready = False
        self._is_stopped = False
        self._death: str | None = None
        self._stderr = b""
        self._throttle = _Throttle()
        self._lock = threading.Lock()
        self._has_ended = threading.Event()

    def start(self, channel: BoxChannel) -> None:
        """Start it in a channel, which it closes at its end."""
        self._channel = channel
        # A daemon: it ends with its box.
        threading.Thread(target=self._run, args=(channel,), name="kernel", daemon=True).start()

    def send(self, frame: KernelFrame, payload: bytes = b"") -> None:
        """Send a frame; what is sent before the kernel is ready, or before `start`, waits for it.

        Raises:
            KernelNotRunning: it has ended.
            KernelBusy: too much waits until it reads.
        """
        data = encode(frame, payload)
        with self._lock:
            if self._has_ended.is_set():
                raise KernelNotRunning("The kernel has ended: restart it")
            if self._unsent + len(data) > _MAX_UNSENT:
                raise KernelBusy("The kernel does not read what was sent to it")
            self._unsent += len(data)
            self._queue.append(data)
        self._wake()

    def stop(self) -> None:
        """End it, by its own shutdown if it reacts."""
        try:
            self.send(KernelFrame.SHUTDOWN)
        except RequestError:
            pass
        else:
            self._has_ended.wait(_STOP_SECONDS)
        self._is_stopped = True
        self._wake()
        self._has_ended.wait(_STOP_SECONDS)

    def _wake(self) -> None:
        if self._channel is not None:
            self._channel.wake()

    # Its thread

    def _run(self, channel: BoxChannel) -> None:
        error: Exception
        try:
            error = KernelNotRunning(self._explain(self._serve(SupervisorClient(channel))))
        except ProtocolError as broken:
            error = KernelNotRunning(f"The kernel was ended, since {broken}")
        except (RequestError, ServiceError) as failed:
            error = failed
        except Exception as failed:  # noqa: BLE001
            _log.exception("The thread of a kernel failed")
            error = failed
        with self._lock:
            self._has_ended.set()
        channel.close()
        self._events.ended(self, error)

    def _serve(self, client: SupervisorClient) -> Verdict | None:
        """Pass frames on until the driver ends, or is stopped."""
        client.start(self._stage, interactive=True)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_stopped:
            self._send_queued(client)
            try:
                events = client.receive(_CHECK_SECONDS)
            except TimeoutError:
                events = []
            for event in events:
                if isinstance(event, Verdict):
                    return event.under(self._stage.limits)
                self._on_output(*event)
            if not self._is_ready and time.monotonic() > deadline:
                raise ProtocolError(f"it did not answer within {START_SECONDS:.0f} s")
            self._wait_for_turn(client)
        return None

    def _send_queued(self, client: SupervisorClient) -> None:
        with self._lock:
            queued, self._queue = self._queue, deque()
        for data in queued:
            client.write(data)
        with self._lock:
            self._unsent = client.unsent_stdin + sum(map(len, self._queue))

    def _wait_for_turn(self, client: SupervisorClient) -> None:
        while not self._is_stopped and (pause := self._throttle.pause()) > 0:
            # Not in the channel: what has come there would end the wait.
            time.sleep(min(pause, _SLICE_SECONDS))
            self._send_queued(client)

    def _on_output(self, stream: Stream, data: bytes) -> None:
        self._throttle.spend(len(data))
        if stream is Stream.STDERR:
            self._stderr = (self._stderr + data)[-_MAX_LOG:]
            return
        for frame, payload in self._frames.feed(data):
            self._on_frame(frame, payload)

    def _on_frame(self, frame: KernelFrame, payload: bytes) -> None:
        match frame:
            case KernelFrame.MESSAGE:
                self._throttle.spend(max(0, _LEAST_SIZE - len(payload)))
                try:
                    message = KernelMessage.decode(payload)
                except RequestError as error:
                    raise ProtocolError(f"it sent what is no message: {error}") from error
                self._events.message(self, message)
            case KernelFrame.READY:
                self._is_ready = True
                self._events.ready(self, payload)
            case KernelFrame.DIED:
                self._death = payload[:16].decode("ascii", "replace")
            case _:
                raise ProtocolError(f"it sent {frame.name}")

    def _explain(self, verdict: Verdict | None) -> str:
        if self._death is not None:
            hint = "; perhaps for lack of memory" if self._death == "-9" else ""
            return f"The kernel has died with the exit code {self._death}{hint}"
        if verdict is None:
            return "The kernel was stopped"
        if verdict.outcome is Outcome.SIGNAL:
            return f"The driver of the kernel was ended by {verdict.signal}"
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return f"The driver of the kernel has ended: {lines[-1] if lines else verdict.outcome}"


class _Throttle:
    """A token bucket of bytes."""

    def __init__(self) -> None:
        self._tokens = _BYTES_PER_SECOND * _BURST_SECONDS
        self._at = time.monotonic()

    def spend(self, size: int) -> None:
        self._tokens -= size

    def pause(self) -> float:
        """Return the seconds until there is something to spend."""
        now = time.monotonic()
        self._tokens += (now - self._at) * _BYTES_PER_SECOND
        self._tokens = min(self._tokens, _BYTES_PER_SECOND * _BURST_SECONDS)
        self._at = now
        return max(0.0, -self._tokens / _BYTES_PER_SECOND)
