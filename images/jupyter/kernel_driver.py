#!/usr/bin/env -S python3 -I
"""Runs one Jupyter kernel, and passes its messages between ZeroMQ and stdin and stdout.

Usage: kernel-driver NAME, the name of a kernel spec.

Frames go both ways: one type byte, a length (4 bytes, big-endian) and that many bytes of payload.

    to the driver     m  a message for the kernel
                      i  interrupt the kernel
                      q  shut it down
    from the driver   k  it answers; the payload is the content of its kernel_info_reply
                      m  a message of the kernel
                      d  it has ended; the payload is its exit code, negative for a signal

A message is laid out as in Jupyter's subprotocol v1.kernel.websocket.jupyter.org. Its parts pass
through as they are, but for their signature.

stdin is read once the kernel has answered, and its end ends the kernel. The kernel has our stderr
in place of a stdout, which would end up between the frames. It dies with us, however we end.
"""

import contextlib
import ctypes
import itertools
import json
import os
import select
import signal
import socket
import struct
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import zmq
from jupyter_client.manager import KernelManager

MAX_MESSAGE = 8 << 20  # bytes of a payload; the service takes no more

_CHANNELS = ("shell", "control", "stdin", "iopub")
_DELIMITER = b"<IDS|MSG>"  # between the addresses of a message and its signature
_HEADER = struct.Struct(">cI")
_PARTS = 4  # header, parent header, metadata, content; buffers follow
_NUDGE_MS = 500  # between two questions whether the kernel answers
_CHECK_MS = 1000
_OUTPUT = ("stream", "display_data", "update_display_data")  # messages of what a cell has put out
_PIECE = 1 << 20  # characters of a text, of up to six bytes each in JSON
_TOO_LARGE = b'{"status": "error", "ename": "MessageTooLarge"}'  # in place of a reply's content
_MAX_PIECES = 9  # of a message: more than the largest limit of output by default
_MAX_AT_ONCE = 256  # messages of a channel before the others have their turn
_PR_SET_PDEATHSIG = 1


class _ToldToEnd(Exception):
    """The service has shut the kernel down, or is gone."""


class Driver:
    """One kernel and its sockets."""

    def __init__(self, name: str) -> None:
        self._manager = KernelManager(kernel_name=name)
        # What the service has not taken yet waits here, within the memory of the box, rather than
        # be dropped by the kernel.
        self._manager.context.setsockopt(zmq.RCVHWM, 0)
        self._manager.shutdown_wait_time = 2.0  # seconds for a kernel to end by itself
        self._children = _child_events()
        libc = ctypes.CDLL(None)
        parent = os.getpid()

        def die_with_parent() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        self._manager.start_kernel(stdout=sys.stderr.fileno(), preexec_fn=die_with_parent)
        self._session = self._manager.session
        # Its questions for input go to the address that has sent the cell.
        address = uuid.uuid4().bytes
        self._sockets: dict[str, Any] = {
            "shell": self._manager.connect_shell(address),
            "control": self._manager.connect_control(address),
            "stdin": self._manager.connect_stdin(address),
            "iopub": self._manager.connect_iopub(),
        }
        self._poller = zmq.Poller()
        for each in self._sockets.values():
            each.linger = 0
            self._poller.register(each, zmq.POLLIN)
        self._poller.register(self._children.fileno(), zmq.POLLIN)
        self._pending = bytearray()
        self._held: deque[list[bytes]] = deque()  # of iopub, before what is in its socket

    def run(self) -> None:
        """Serve until the kernel or stdin has ended, or the kernel is shut down."""
        info = self._wait_until_ready()
        if info is None:
            return
        # What is written may wait long, since the service takes only so much a second. An
        # interrupt must not, least of all in a flood of output.
        os.set_blocking(sys.stdout.fileno(), False)
        os.set_blocking(sys.stdin.fileno(), False)
        with contextlib.suppress(_ToldToEnd):
            self._write(b"k", info)
            self._poller.register(sys.stdin.fileno(), zmq.POLLIN)
            self._serve()

    def _serve(self) -> None:
        while True:
            ready = dict(self._poller.poll(0 if self._held else _CHECK_MS))
            # Of iopub first: a reply may be the last that somebody waits for.
            for channel in reversed(_CHANNELS):
                if self._sockets[channel] in ready or (channel == "iopub" and self._held):
                    self._forward(channel)
            if sys.stdin.fileno() in ready:
                self._on_stdin()
            if (self._children.fileno() in ready or not ready) and self._has_ended():
                return

    def _wait_until_ready(self) -> bytes | None:
        """Wait until the kernel answers on shell and iopub; None if it ends before.

        What it publishes before our subscription reaches it is lost, so ask until both have come.
        """
        reply, is_subscribed = None, False
        while reply is None or not is_subscribed:
            self._send("shell", self._session.msg("kernel_info_request"))
            events = dict(self._poller.poll(_NUDGE_MS))
            while events and (reply is None or not is_subscribed):
                if self._sockets["shell"] in events:
                    reply = _parts(self._sockets["shell"].recv_multipart())[_PARTS - 1]
                if self._sockets["iopub"] in events:
                    self._sockets["iopub"].recv_multipart()
                    is_subscribed = True
                if self._children.fileno() in events and self._has_ended():
                    return None
                events = dict(self._poller.poll(_NUDGE_MS))
        return reply

    def _send(self, channel: str, message: dict[str, Any]) -> None:
        self._session.send(self._sockets[channel], message)

    def _has_ended(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while self._children.recv(64):
                pass
        process = self._manager.provisioner.process
        code = None if process is None else process.poll()
        if code is None:
            return False
        for channel in reversed(_CHANNELS):
            self._forward(channel)
        self._write(b"d", str(code).encode())
        return True

    def _forward(self, channel: str) -> None:
        """Pass on what the kernel has sent, but for what answers our own questions."""
        own = self._session.session.encode()
        for _ in range(_MAX_AT_ONCE):
            parts = self._next(channel)
            if parts is None:
                return
            if len(parts) < _PARTS or own in parts[1]:
                continue
            payload = _encode(channel, parts)
            if len(payload) <= MAX_MESSAGE:
                self._write(b"m", payload)
            elif channel == "iopub":
                self._held.extendleft(reversed([*_replacements(parts, len(payload))]))
            else:
                self._write(b"m", _encode(channel, [*parts[:3], _TOO_LARGE]))

    def _next(self, channel: str) -> list[bytes] | None:
        """Return the parts of the next message, or None if none waits."""
        if channel == "iopub" and self._held:
            return self._held.popleft()
        try:
            return _parts(self._sockets[channel].recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None

    def _write(self, kind: bytes, payload: bytes) -> None:
        """Send a frame, and read those of the service while it does not fit.

        Raises:
            _ToldToEnd: one of these said so.
        """
        data = memoryview(_HEADER.pack(kind, len(payload)) + payload)
        ready = select.poll()
        ready.register(sys.stdout.fileno(), select.POLLOUT)
        ready.register(sys.stdin.fileno(), select.POLLIN)
        while data:
            try:
                data = data[os.write(sys.stdout.fileno(), data) :]
            except BlockingIOError:
                if sys.stdin.fileno() in dict(ready.poll()):
                    self._on_stdin()

    def _on_stdin(self) -> None:
        """Take frames of the service.

        Raises:
            _ToldToEnd: one of them says so, or it is the end of all.
        """
        try:
            data = os.read(sys.stdin.fileno(), 1 << 16)
        except BlockingIOError:  # read while a message was written
            return
        if not data:
            self._manager.shutdown_kernel(now=True)
            raise _ToldToEnd
        self._pending += data
        while len(self._pending) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._pending)
            end = _HEADER.size + size
            if len(self._pending) < end:
                break
            payload = bytes(self._pending[_HEADER.size : end])
            del self._pending[:end]
            if kind == b"m":
                self._on_message(payload)
            elif kind == b"i":
                self._manager.interrupt_kernel()
                self._shorten_iopub()
            elif kind == b"q":
                self._manager.shutdown_kernel()
                raise _ToldToEnd

    def _shorten_iopub(self) -> None:
        """Leave out most of the output that waits, as a terminal does at Ctrl-C.

        Else the end of an interrupted cell would come after all that it has printed.
        """
        kept: list[list[bytes]] = []
        size, left_out, at = 0, 0, 0
        while (parts := self._next("iopub")) is not None:
            if len(parts) >= _PARTS and json.loads(parts[0]).get("msg_type") in _OUTPUT:
                size += len(parts[3])
                if size > _PIECE:
                    if not left_out:
                        at, first = len(kept), parts
                    left_out += len(parts[3])
                    continue
            kept.append(parts)
        if left_out:
            note = f"At the interrupt, {left_out} bytes of output are left out.\n"
            kept.insert(at, _stream(json.loads(first[0]), first[1], "stderr", note))
        self._held = deque(kept)

    def _on_message(self, payload: bytes) -> None:
        channel, parts = _decode(payload)
        signature = self._session.sign(parts[:_PARTS])
        if channel in ("shell", "control", "stdin"):
            self._sockets[channel].send_multipart([_DELIMITER, signature, *parts])


def _child_events() -> socket.socket:
    """Return a socket that is readable when a child has ended."""
    readable, writable = socket.socketpair()
    readable.setblocking(False)
    writable.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable.detach(), warn_on_full_buffer=False)
    return readable


def _parts(message: list[bytes]) -> list[bytes]:
    """Return header, parent header, metadata, content and buffers of a message."""
    return message[message.index(_DELIMITER) + 2 :] if _DELIMITER in message else []


def _encode(channel: str, parts: list[bytes]) -> bytes:
    sections = [channel.encode(), *parts]
    at = (len(sections) + 2) * 8
    offsets = [at]
    for section in sections:
        at += len(section)
        offsets.append(at)
    return b"".join([struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets), *sections])


def _decode(payload: bytes) -> tuple[str, list[bytes]]:
    (count,) = struct.unpack_from("<Q", payload)
    offsets = struct.unpack_from(f"<{count}Q", payload, 8)
    channel, *parts = (payload[start:end] for start, end in itertools.pairwise(offsets))
    return channel.decode(), parts


def _replacements(parts: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Give what to send in place of a message of iopub that is too large.

    ipykernel sends all that a program has printed in a fifth of a second as one message: its
    beginning is sent in pieces, so that it counts for the limit of output like any other.
    """
    header = json.loads(parts[0])
    name, text = "", ""
    if header.get("msg_type") == "stream":
        content = json.loads(parts[3])
        name, text = str(content.get("name")), str(content.get("text"))
        for at in range(0, min(len(text), _MAX_PIECES * _PIECE), _PIECE):
            yield _stream(header, parts[1], name, text[at : at + _PIECE])
    if not text or len(text) > _MAX_PIECES * _PIECE:
        note = f"A message of {size} bytes is left out: one may have {MAX_MESSAGE}.\n"
        if text:
            note = f"The rest of {len(text)} characters is left out.\n"
        yield _stream(header, parts[1], "stderr", note)


def _stream(header: dict[str, Any], parent: bytes, name: str, text: str) -> list[bytes]:
    own = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "stream",
        "date": datetime.now(UTC).isoformat(),
    }
    content = {"name": name, "text": text}
    return [json.dumps(header | own).encode(), parent, b"{}", json.dumps(content).encode()]


if __name__ == "__main__":
    Driver(sys.argv[1]).run()
    os._exit(0)  # what is left to say to the kernel would be waited for
