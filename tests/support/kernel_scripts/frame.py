"""The frames of a driver, for those that are none: what they say is not true."""

import json
import os
import struct

_PARTS = ("header", "parent_header", "metadata", "content")


def write(kind, payload):
    data = struct.pack(">cI", kind, len(payload)) + payload
    while data:
        data = data[os.write(1, data) :]


def message(channel, msg_type, parent, content, msg_id="made-up"):
    """Encode a message; its content is bytes, or what becomes JSON."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    header = json.dumps({"msg_id": msg_id, "msg_type": msg_type}).encode()
    sections = [channel.encode(), header, json.dumps(parent).encode(), b"{}", content]
    offsets = [(len(sections) + 2) * 8]
    for section in sections:
        offsets.append(offsets[-1] + len(section))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(sections)


def read():
    """Return the next frame, with a message as its parts; exit at the end of stdin."""
    kind, size = struct.unpack(">cI", _exactly(5))
    payload = _exactly(size)
    if kind != b"m":
        return kind, None
    (count,) = struct.unpack_from("<Q", payload)
    offsets = struct.unpack_from(f"<{count}Q", payload, 8)
    parts = [payload[start:end] for start, end in zip(offsets, offsets[1:])]
    return kind, dict(zip(_PARTS, map(json.loads, parts[1:5])), channel=parts[0].decode())


def _exactly(size):
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise SystemExit
        data += piece
    return data
