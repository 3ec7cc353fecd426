"""Boxes that answer at once, for a fake engine: every stage prints `hi` and exits with 0.

One other process is at the other end of all of them, so that its work is not the service's. Run as:
python -m tools.bench.instant_boxes, with the socket that brings the boxes' streams as stdin
"""

import os
import selectors
import socket
import struct
import subprocess
import sys

from bitrun.model.output import Stream
from bitrun.model.poll import HUNG_UP, poll
from bitrun.sandbox.supervisor.frames import Decoder, Frame, encode
from tests.support.fake_engine import Container

_PIECE_HEADER = struct.Struct(">BxxxI")  # of Docker's stream format
_STDOUT = 1
_RECEIVE_SIZE = 1 << 18  # bytes
_MAX_STREAMS = 16  # that one message brings

_VERDICT = b"limit=none\ncode=0\nsignal=0\noom=0\nwall_us=1500\ncpu_us=1000\nmemory=1048576\n"
_ANSWERS: dict[Frame | Stream, bytes] = {
    Frame.EOF: encode(Frame.STDOUT, b"hi\n") + encode(Frame.VERDICT, _VERDICT),
    Frame.RESET: encode(Frame.CLEAN),
}


class InstantBoxes:
    def __init__(self) -> None:
        self._streams, theirs = socket.socketpair()
        with theirs:
            # It ends when this process does.
            subprocess.Popen([sys.executable, "-m", __name__], stdin=theirs.fileno())

    def start(self, _container: Container, attached: socket.socket) -> "_InstantBox":
        socket.send_fds(self._streams, [b"\0"], [attached.fileno()])
        return _InstantBox(attached)


class _InstantBox:
    def __init__(self, attached: socket.socket) -> None:
        self._attached = attached
        self.pid = os.getpid()

    def wait(self) -> int:
        with self._attached:
            poll({self._attached: HUNG_UP})
        return 0

    def kill(self) -> None:
        self._attached.shutdown(socket.SHUT_RDWR)


def answer_all(streams: socket.socket) -> None:
    """Answer in the boxes whose streams arrive, until the service ends."""
    selector = selectors.DefaultSelector()
    selector.register(streams, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == streams.fileno():
                _, descriptors, _, _ = socket.recv_fds(streams, 1, _MAX_STREAMS)
                if not descriptors:
                    return
                for box in map(_Answering, descriptors):
                    selector.register(box.socket, selectors.EVENT_READ, box)
            elif not key.data.answer():
                selector.unregister(key.fd)
                key.data.socket.close()


class _Answering:
    """The other end of a box."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self._decoder = Decoder()

    def answer(self) -> bool:
        """Answer what has arrived; False if it is the end."""
        try:
            data = self.socket.recv(_RECEIVE_SIZE)
            for frame_type, _ in self._decoder.feed(data):
                if (answer := _ANSWERS.get(frame_type)) is not None:
                    self.socket.sendall(_PIECE_HEADER.pack(_STDOUT, len(answer)) + answer)
        except ConnectionError:  # discarded with something unread
            return False
        return bool(data)


if __name__ == "__main__":
    answer_all(socket.socket(fileno=sys.stdin.fileno()))
