"""Frames: what the service and the driver of a kernel send each other over stdin and stdout.

A frame is one type byte, a length (4 bytes, big-endian) and that many bytes of payload, as those of
the supervisor. The constants are those of `images/jupyter/kernel_driver.py`.
"""

import struct
from enum import Enum

from bitrun.execution.kernels.message import MAX_MESSAGE

_HEADER = struct.Struct(">cI")
_MAX_PAYLOAD = MAX_MESSAGE


class KernelFrame(Enum):
    """The types of frames, by their type byte."""

    # Both ways
    MESSAGE = b"m"  # of Jupyter, see `KernelMessage.encode`

    # To the driver
    INTERRUPT = b"i"
    SHUTDOWN = b"q"

    # From the driver
    READY = b"k"  # the kernel answers; the payload is the content of its kernel_info_reply
    DIED = b"d"  # the kernel has ended: its exit code in decimal, negative for a signal


_TYPES = {frame.value: frame for frame in KernelFrame}


class ProtocolError(Exception):
    """The driver, or a program in its place, sent what is no frame; the text says what."""


def encode(frame: KernelFrame, payload: bytes = b"") -> bytes:
    return _HEADER.pack(frame.value, len(payload)) + payload


class FrameDecoder:
    """Splits what a driver sends into frames. It never holds more than one that is incomplete."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[tuple[KernelFrame, bytes]]:
        """Add bytes and return the frames that are complete now.

        Raises:
            ProtocolError: they begin no frame.
        """
        self._pending += data
        frames = []
        at = 0
        while len(self._pending) - at >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._pending, at)
            if kind not in _TYPES:
                raise ProtocolError(f"it sent a frame of the type {kind!r}")
            if size > _MAX_PAYLOAD:
                raise ProtocolError(f"it sent a frame of {size} bytes")
            end = at + _HEADER.size + size
            if len(self._pending) < end:
                break
            frames.append((_TYPES[kind], bytes(self._pending[at + _HEADER.size : end])))
            at = end
        del self._pending[:at]
        return frames
