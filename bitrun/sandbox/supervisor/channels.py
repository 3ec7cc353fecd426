"""Channels: several conversations with the supervisor of one box at once.

A `SupervisorClient` talks over each as over a connection of its own.
"""

import contextlib
import os
import struct
import threading
from collections.abc import Callable
from typing import Protocol, Self

from bitrun.model.errors import BoxEnded, BoxError, ChannelEnded
from bitrun.model.output import Stream
from bitrun.model.poll import READABLE, Pollable, poll
from bitrun.sandbox.supervisor.client import PARTIAL_FRAME_SECONDS, Channel
from bitrun.sandbox.supervisor.frames import MAX_CHUNK, Decoder, Frame, encode

MAX_CHANNELS = 16  # at once
CHANNEL_WINDOW = 1 << 18  # bytes that a channel sends before they are consumed

_NUMBER = struct.Struct(">I")
CHANNEL_HEADER_SIZE = _NUMBER.size
_CONSUMED = struct.Struct(">II")

_CONSUMED_STEP = CHANNEL_WINDOW // 4  # bytes received before the supervisor hears of them
# A descriptor that was closed here may by then be another's, which is never readable.
_POLL_MS = 10_000


class PollableChannel(Channel, Pollable, Protocol):
    """A channel whose descriptor is readable when `receive` has something."""


class BoxChannel:
    """One of the channels of a box, a `Channel` of `client.py`.

    As a context manager it closes itself. One thread may use it, but for `wake`. The box's reader
    calls `on_arrival`, if it is set, when `receive` has something; it must not raise.
    """

    def __init__(self, channels: "Channels") -> None:
        self.number = 0  # from the first `send` on
        self.on_arrival: Callable[[], None] | None = None
        self._channels = channels
        self._received = bytearray()
        self._unconsumed = 0
        self._arrived = threading.Condition()
        self._ended = False
        self._event: int | None = None  # the descriptor of an eventfd(2), once somebody polls
        self._woken = False

    def send(self, data: bytes | bytearray) -> None:
        """Send all of it.

        Raises:
            BoxEnded: the box is gone.
        """
        for start in range(0, len(data), MAX_CHUNK):
            self._channels.send(self, data[start : start + MAX_CHUNK])

    def receive(self, timeout: float) -> bytes:
        """Return the next bytes.

        Raises:
            TimeoutError: nothing arrived within `timeout` seconds, or another thread called `wake`.
            ChannelEnded: its handler in the box has ended without a word.
            BoxError: the box has ended.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._received or self._ended or self._woken, timeout)
            self._woken = False
            if not self._received and not self._ended:
                raise TimeoutError
            data, self._received = bytes(self._received), bytearray()
            if self._event is not None and not self._ended:
                with contextlib.suppress(BlockingIOError):  # it is not readable
                    os.eventfd_read(self._event)
        if not data:
            self._channels.check()
            raise ChannelEnded
        self._unconsumed += len(data)
        if self._unconsumed >= _CONSUMED_STEP:
            self._channels.consume(self.number, self._unconsumed)
            self._unconsumed = 0
        return data

    def fileno(self) -> int:
        """Return a descriptor that is readable when `receive` has something, until `close`."""
        with self._arrived:
            if self._event is None:
                is_readable = bool(self._received or self._ended)
                self._event = os.eventfd(is_readable, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            return self._event

    def wake(self) -> None:
        """Have a `receive` that waits, or else the next one, not wait. Any thread may call it."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def close(self) -> None:
        """Close it; the stage that still runs in it is killed."""
        self._channels.close_channel(self)
        with self._arrived:
            if self._event is not None:
                os.close(self._event)
                self._event = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # By the reader

    def add(self, data: bytes) -> None:
        with self._arrived:
            self._received += data
            self._notify()
        self._call()

    def end(self) -> None:
        with self._arrived:
            self._ended = True
            self._notify()
        self._call()

    def _notify(self) -> None:
        self._arrived.notify_all()
        if self._event is not None:
            os.eventfd_write(self._event, 1)

    def _call(self) -> None:
        if self.on_arrival is not None:
            self.on_arrival()


class Channels:
    """The channels of one box. Threads share it.

    A thread reads what the box sends until the box ends; then it calls `on_end`.
    """

    def __init__(self, stream: PollableChannel, on_end: Callable[[BoxError], None]) -> None:
        self._stream = stream
        self._on_end = on_end
        self._reserved = 0  # entries of the supervisor that are taken, or will be
        self._open: dict[int, BoxChannel | None] = {}  # None once it is closed here
        self._last = 0
        self._error: BoxError | None = None  # once the box has ended
        self._lock = threading.Lock()
        # Held while bytes are sent: the supervisor knows a new channel by its number, the next. And
        # while they are received, since TLS takes no two threads at once.
        self._sending = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="channels", daemon=True)
        self._reader.start()

    def open(self) -> BoxChannel | None:
        """Open a channel; None if there are MAX_CHANNELS.

        Raises:
            BoxError: the box has ended.
        """
        self.check()
        with self._lock:
            if self._reserved == MAX_CHANNELS:
                return None
            self._reserved += 1
        return BoxChannel(self)

    @property
    def count(self) -> int:
        """The number of channels."""
        with self._lock:
            return self._reserved

    @property
    def has_ended(self) -> bool:
        """Whether the box has."""
        return self._error is not None

    def check(self) -> None:
        """Raise BoxError if the box has ended."""
        if self._error is not None:
            raise self._error

    # By the channels

    def send(self, channel: BoxChannel, data: bytes | bytearray) -> None:
        with self._sending:
            if channel.number == 0:
                with self._lock:
                    self.check()
                    self._last += 1
                    channel.number = self._last
                    self._open[self._last] = channel
            self._stream.send(encode(Frame.CHANNEL, _NUMBER.pack(channel.number) + data))

    def consume(self, number: int, size: int) -> None:
        """Let the supervisor send so many bytes more in a channel."""
        with self._sending:
            self._stream.send(encode(Frame.CONSUMED, _CONSUMED.pack(number, size)))

    def close_channel(self, channel: BoxChannel) -> None:
        with self._lock:
            if channel.number == 0:
                self._reserved -= 1
                return
            if self._open.get(channel.number) is None:
                return  # it has ended
            self._open[channel.number] = None
        with contextlib.suppress(BoxError), self._sending:
            self._stream.send(encode(Frame.CHANNEL, _NUMBER.pack(channel.number)))

    # The reader

    def _read(self) -> None:
        decoder = Decoder()
        try:
            while True:
                for frame, payload in decoder.feed(self._receive()):
                    self._on_frame(frame, payload)
        except BoxError as error:
            self._end(error)

    def _receive(self) -> bytes:
        while True:
            try:
                poll({self._stream: READABLE}, _POLL_MS)
            except ValueError as error:  # it is closed here
                raise BoxEnded from error
            try:
                with self._sending:
                    data = self._stream.receive(PARTIAL_FRAME_SECONDS)
            except TimeoutError:
                continue
            if not data:
                raise BoxEnded
            return data

    def _on_frame(self, frame: Frame | Stream, payload: bytes) -> None:
        if frame is Frame.FAULT_BOX:
            raise BoxError(f"The supervisor: {payload.decode('utf-8', 'replace')}")
        if frame is not Frame.ANSWER or len(payload) < CHANNEL_HEADER_SIZE:
            raise BoxError(f"The supervisor sent {frame.name} outside a channel")
        number, data = _NUMBER.unpack_from(payload)[0], payload[CHANNEL_HEADER_SIZE:]
        with self._lock:
            if number not in self._open:
                raise BoxError(f"The supervisor answered in channel {number}, which is not open")
            channel = self._open[number]
            if not data:
                del self._open[number]
                self._reserved -= 1
        if not data and channel is not None:
            channel.end()
        elif channel is not None:
            channel.add(data)
        elif data:
            self.consume(number, len(data))  # nobody reads it any more

    def _end(self, error: BoxError) -> None:
        with self._lock:
            self._error = error
            left, self._open = list(self._open.values()), {}
        for channel in left:
            if channel is not None:
                channel.end()
        self._on_end(error)
