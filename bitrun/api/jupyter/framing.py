"""Messages of kernels as messages of a WebSocket, in the two ways that Jupyter has.

With the subprotocol `v1.kernel.websocket.jupyter.org` they are as `KernelMessage` encodes them.
Without, they are JSON with the key `channel`; with buffers a binary message: the number of its
parts, the JSON included, and an offset for each, big-endian integers of 32 bits; then the parts.
"""

import json
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise

from bitrun.api.http.json_body import parse_object
from bitrun.execution.kernels.message import KernelMessage
from bitrun.model.errors import InvalidKernelMessage

V1 = "v1.kernel.websocket.jupyter.org"

_MAX_PARTS = 1024
_WORD = struct.Struct(">I")
_FROM_KERNEL = "iopub"  # nobody sends there but the kernel


def read(data: str | bytes, protocol: str | None) -> KernelMessage:
    """Read what a client has sent.

    Raises:
        RequestError: it is no message, or can't be one for a kernel.
    """
    message = _read_v1(data) if protocol == V1 else _read_plain(data)
    if message.channel == _FROM_KERNEL:
        raise InvalidKernelMessage("A kernel takes messages on shell, control and stdin")
    return message


def write(message: KernelMessage, protocol: str | None) -> str | bytes:
    """Write a message of a kernel.

    Raises:
        InvalidKernelMessage: a program has made it, and it can't be written as JSON.
    """
    if protocol == V1:
        return message.encode()
    fields = message.as_dict()
    if not message.buffers:
        return json.dumps(fields | {"buffers": []})
    return _pack([json.dumps(fields).encode(), *message.buffers])


def _read_v1(data: str | bytes) -> KernelMessage:
    if isinstance(data, str):
        raise InvalidKernelMessage(f"A message of {V1} is binary")
    return KernelMessage.decode(data)


def _read_plain(data: str | bytes) -> KernelMessage:
    buffers: Sequence[bytes] = ()
    if isinstance(data, bytes):
        data, *buffers = _cut(data)
    fields = parse_object(data)
    if fields.get("channel") is None:
        fields["channel"] = "shell"  # some send none, and mean this one
    return KernelMessage.from_dict(fields, tuple(buffers))


def _pack(parts: Sequence[bytes]) -> bytes:
    start = _WORD.size * (len(parts) + 1)
    offsets = accumulate(map(len, parts[:-1]), initial=start)
    return struct.pack(f">{len(parts) + 1}I", len(parts), *offsets) + b"".join(parts)


def _cut(data: bytes) -> list[bytes]:
    if len(data) < _WORD.size:
        raise InvalidKernelMessage("A binary message begins with the number of its parts")
    (count,) = _WORD.unpack_from(data)
    start = _WORD.size * (count + 1)
    if not 1 <= count <= _MAX_PARTS or len(data) < start:
        raise InvalidKernelMessage(f"A message can't have {count} parts")
    offsets = [*struct.unpack_from(f">{count}I", data, _WORD.size), len(data)]
    if offsets[0] < start or any(first > second for first, second in pairwise(offsets)):
        raise InvalidKernelMessage("The offsets of a message are not in order")
    return [data[first:second] for first, second in pairwise(offsets)]
