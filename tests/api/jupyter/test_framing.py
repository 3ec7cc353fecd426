"""Messages of a WebSocket: as Jupyter's own clients write them, and as attackers do."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrun.api.jupyter import framing
from bitrun.api.jupyter.framing import V1
from bitrun.execution.kernels.message import KernelMessage
from bitrun.model.errors import RequestError

HEADER = {"msg_id": "1", "msg_type": "execute_request", "session": "s", "version": "5.3"}
FIELDS: dict[str, Any] = {
    "header": HEADER,
    "parent_header": {},
    "metadata": {},
    "content": {"code": "é = 1"},
}


def packed(*parts: bytes) -> bytes:
    """Write a message with buffers as clients do without a subprotocol."""
    offsets, at = [], 4 * (len(parts) + 1)
    for part in parts:
        offsets.append(at)
        at += len(part)
    return struct.pack(f">{len(parts) + 1}I", len(parts), *offsets) + b"".join(parts)


def test_plain_text() -> None:
    message = framing.read(json.dumps(FIELDS | {"channel": "control", "buffers": {}}), None)
    assert (message.channel, message.msg_type, message.buffers) == (
        "control",
        "execute_request",
        (),
    )
    assert message.content == {"code": "é = 1"}


@pytest.mark.parametrize("channel", [{}, {"channel": None}])
def test_without_a_channel_it_is_shell(channel: dict[str, Any]) -> None:
    assert framing.read(json.dumps(FIELDS | channel), None).channel == "shell"


def test_parts_that_are_null_are_empty() -> None:
    message = framing.read(json.dumps({"header": HEADER, "parent_header": None}), None)
    assert (message.parent_header, message.content) == ({}, {})


def test_plain_buffers() -> None:
    data = packed(json.dumps(FIELDS).encode(), b"\0\xff", b"", b"abc")
    assert framing.read(data, None).buffers == (b"\0\xff", b"", b"abc")


@pytest.mark.parametrize("buffers", [(), (b"\0\xff", b"")])
@pytest.mark.parametrize("protocol", [None, V1])
def test_what_is_written_can_be_read(protocol: str | None, buffers: tuple[bytes, ...]) -> None:
    message = KernelMessage.from_dict(FIELDS | {"channel": "stdin"}, buffers)
    written = framing.write(message, protocol)
    assert isinstance(written, str) == (protocol is None and not buffers)
    assert framing.read(written, protocol) == message


@pytest.mark.parametrize("shift", [-1, 2])
def test_buffers_out_of_order_are_refused(shift: int) -> None:
    whole = json.dumps(FIELDS).encode()
    end = 16 + len(whole)
    offsets = struct.pack(">4I", 3, 16, end, end + shift)
    with pytest.raises(RequestError, match="not in order"):
        framing.read(offsets + whole + b"x", None)


def test_clients_read_the_type_at_the_top() -> None:
    written = framing.write(KernelMessage.from_dict(FIELDS | {"channel": "iopub"}), None)
    found = json.loads(written)
    assert (found["msg_id"], found["msg_type"], found["channel"], found["buffers"]) == (
        "1", "execute_request", "iopub", [],
    )  # fmt: skip


def v1(*offsets: int, rest: bytes = b"") -> bytes:
    return struct.pack(f"<{len(offsets)}Q", *offsets) + rest


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        ("", None),
        ("[]", None),
        ("{", None),
        ("[" * 100_000, None),
        (json.dumps(FIELDS | {"header": {}}), None),
        (json.dumps(FIELDS | {"header": {"msg_id": 1, "msg_type": "x"}}), None),
        (json.dumps(FIELDS | {"content": []}), None),
        (json.dumps(FIELDS | {"channel": "iopub"}), None),
        (json.dumps(FIELDS | {"channel": ["shell"]}), None),
        (json.dumps(FIELDS | {"channel": "hb"}), None),
        (b"", None),
        (b"\0\0\0", None),
        (struct.pack(">2I", 0, 8), None),
        (struct.pack(">2I", 2**32 - 1, 8), None),
        (struct.pack(">2I", 1, 0), None),
        (struct.pack(">3I", 2, 12, 2**32 - 1), None),
        (struct.pack(">3I", 2, 14, 12) + b"{}", None),
        (json.dumps(FIELDS), V1),
        (b"", V1),
        (v1(2**64 - 1), V1),
        (v1(6, 0, 0, 0, 0, 0, 0), V1),
        (v1(6, 56, 61, 63, 65, 67, 2**64 - 1, rest=b"shell{}{}{}{}"), V1),
        (v1(6, 56, 61, 60, 65, 67, 69, rest=b"shell{}{}{}{}"), V1),
    ],
)
def test_what_is_refused(data: str | bytes, protocol: str | None) -> None:
    with pytest.raises(RequestError):
        framing.read(data, protocol)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(data=st.binary(max_size=120), protocol=st.sampled_from([None, V1]), cut=st.integers(0, 200))
def test_random_bytes_are_refused_with_a_sentence(
    data: bytes, protocol: str | None, cut: int
) -> None:
    valid = framing.write(KernelMessage.from_dict(FIELDS | {"channel": "shell"}, (b"x",)), protocol)
    assert isinstance(valid, bytes)
    for attempt in (data, valid[:cut] + data, valid[:8] + data + valid[8:]):
        try:
            framing.read(attempt, protocol)
        except RequestError as error:
            assert str(error)  # noqa: PT017
