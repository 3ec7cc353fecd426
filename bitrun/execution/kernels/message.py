"""Messages of Jupyter: what clients and kernels send each other.

https://jupyter-client.readthedocs.io/en/stable/messaging.html is the reference. The bytes of the
parts pass through as they are; only what is asked for is parsed, since programs made it.
"""

import itertools
import json
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from bitrun.model.errors import InvalidKernelMessage
from bitrun.model.nesting import MAX_DEPTH, is_too_deep

CHANNELS = ("shell", "control", "stdin", "iopub")
PROTOCOL_VERSION = "5.3"

MAX_MESSAGE = 8 << 20  # bytes
MAX_HEADER = 1 << 16  # bytes of a header, which has a handful of short strings
MAX_ID = 256  # characters of a `msg_id`, which is kept until the kernel has replied

# Values in one part. Each may take a hundred bytes of memory, and two of the part.
_MAX_VALUES = 500_000
_OFFSET = struct.Struct("<Q")
_PARTS = 4  # header, parent header, metadata, content; what follows are buffers
_MAX_OFFSETS = 1024
_USER = "bitrun"


@dataclass(frozen=True, slots=True)
class KernelMessage:
    """A message on one of the `CHANNELS`.

    `header` and `parent_header` are parsed. `parts` are the bytes of header, parent header,
    metadata and content, all JSON objects, as their sender wrote them; `buffers` are binary.
    """

    channel: str
    header: Mapping[str, Any]
    parent_header: Mapping[str, Any]
    parts: tuple[bytes, bytes, bytes, bytes]
    buffers: tuple[bytes, ...] = ()

    @classmethod
    def make(
        cls,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        channel: str = "shell",
        session: str = "",
        parent: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a message of a type and with a header of its own."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": msg_type,
            "session": session,
            "username": _USER,
            "date": datetime.now(UTC).isoformat(),
            "version": PROTOCOL_VERSION,
        }
        return cls.from_dict(
            {
                "channel": channel,
                "header": header,
                "parent_header": dict(parent or {}),
                "content": dict(content),
            }
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], buffers: tuple[bytes, ...] = ()) -> Self:
        """Make a message of its fields as clients send them in JSON; a missing part is empty.

        Raises:
            InvalidKernelMessage: a field is missing, or has another type.
        """
        objects = [
            {} if fields.get(name) is None else fields[name]
            for name in ("header", "parent_header", "metadata", "content")
        ]
        if not all(isinstance(each, Mapping) for each in objects):
            raise InvalidKernelMessage(
                "header, parent_header, metadata and content must be objects"
            )
        encoded = [json.dumps(each).encode() for each in objects]
        return cls._checked(fields.get("channel", "shell"), encoded, buffers)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a message in the layout of Jupyter's subprotocol `v1.kernel.websocket.jupyter.org`.

        Raises:
            InvalidKernelMessage: it is none.
        """
        if len(data) > MAX_MESSAGE:
            raise InvalidKernelMessage(f"A message may have {MAX_MESSAGE} bytes, not {len(data)}")
        if len(data) < _OFFSET.size:
            raise InvalidKernelMessage("A message begins with the number of its offsets")
        count = _OFFSET.unpack_from(data)[0]
        if not _PARTS + 2 <= count <= _MAX_OFFSETS or len(data) < (count + 1) * _OFFSET.size:
            raise InvalidKernelMessage(f"A message can't have {count} offsets")
        offsets = struct.unpack_from(f"<{count}Q", data, _OFFSET.size)
        starts = ((count + 1) * _OFFSET.size, *offsets, len(data))
        if any(one > other for one, other in itertools.pairwise(starts)):
            raise InvalidKernelMessage("The offsets of a message are not in order")
        channel, *parts = (data[start:end] for start, end in itertools.pairwise(offsets))
        return cls._checked(channel.decode("ascii", "replace"), parts, tuple(parts[_PARTS:]))

    @classmethod
    def _checked(cls, channel: Any, parts: list[bytes], buffers: tuple[bytes, ...]) -> Self:
        if channel not in CHANNELS:
            raise InvalidKernelMessage(f"channel must be one of {', '.join(CHANNELS)}")
        header, parent, metadata, content = parts[:_PARTS]
        if max(len(header), len(parent)) > MAX_HEADER:
            raise InvalidKernelMessage(f"A header may have {MAX_HEADER} bytes")
        known = parse_part(header)
        if not all(isinstance(known.get(name), str) for name in ("msg_id", "msg_type")):
            raise InvalidKernelMessage("header needs a msg_id and a msg_type, both strings")
        if len(known["msg_id"]) > MAX_ID:
            raise InvalidKernelMessage(f"A msg_id may have {MAX_ID} characters")
        return cls(channel, known, parse_part(parent), (header, parent, metadata, content), buffers)

    def encode(self) -> bytes:
        """Write it in the layout that `decode` reads."""
        sections = (self.channel.encode(), *self.parts, *self.buffers)
        at = (len(sections) + 2) * _OFFSET.size
        offsets = [at]
        for section in sections:
            at += len(section)
            offsets.append(at)
        return b"".join((struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets), *sections))

    def as_dict(self) -> dict[str, Any]:
        """Return its fields as clients get them in JSON, without the buffers.

        Raises:
            InvalidKernelMessage: metadata or content are no JSON object, or have too many values.
        """
        return {
            "channel": self.channel,
            "msg_id": self.msg_id,
            "msg_type": self.msg_type,
            "header": dict(self.header),
            "parent_header": dict(self.parent_header),
            "metadata": parse_part(self.parts[2]),
            "content": self.content,
        }

    @property
    def msg_id(self) -> str:
        return str(self.header["msg_id"])

    @property
    def msg_type(self) -> str:
        return str(self.header["msg_type"])

    @property
    def parent_id(self) -> str | None:
        """The `msg_id` of the message that this one belongs to."""
        parent = self.parent_header.get("msg_id")
        return parent if isinstance(parent, str) else None

    @property
    def content(self) -> dict[str, Any]:
        """The content, parsed anew each time.

        Raises:
            InvalidKernelMessage: it is no JSON object, or has too many values.
        """
        return parse_part(self.parts[3])

    @property
    def size(self) -> int:
        """Bytes of all parts and buffers."""
        return sum(map(len, self.parts)) + sum(map(len, self.buffers))


def count_values(data: bytes) -> int:
    """Return an upper bound of the values in JSON, without parsing it."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def parse_part(data: bytes) -> dict[str, Any]:
    """Parse a JSON object; a number that JSON does not have, such as NaN, becomes None.

    Raises:
        InvalidKernelMessage: it is none, has too many values or is nested too deeply.
    """
    if count_values(data) > _MAX_VALUES:
        raise InvalidKernelMessage(f"A part of a message may hold {_MAX_VALUES} values")
    if is_too_deep(data):
        raise InvalidKernelMessage(f"A part of a message may have {MAX_DEPTH} levels")
    try:
        value = json.loads(data.decode(), parse_constant=lambda _: None)
    except ValueError as error:  # no UTF-8, no JSON, an endless number
        raise InvalidKernelMessage("A part of a message is no JSON") from error
    if not isinstance(value, dict):
        raise InvalidKernelMessage("A part of a message must be an object")
    return value
