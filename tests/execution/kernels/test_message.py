"""Messages of Jupyter: their layout, and what is refused."""

import itertools
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrun.execution.kernels.message import (
    CHANNELS,
    MAX_HEADER,
    MAX_MESSAGE,
    KernelMessage,
    parse_part,
)
from bitrun.model.errors import InvalidKernelMessage


def test_the_layout() -> None:
    message = KernelMessage.make("execute_request", {"code": "1"}, session="s")
    data = message.encode()
    (count,) = struct.unpack_from("<Q", data)
    offsets = struct.unpack_from(f"<{count}Q", data, 8)
    sections = [data[one:other] for one, other in itertools.pairwise(offsets)]
    assert (offsets[0], offsets[-1]) == (8 * (count + 1), len(data))
    assert sections[0] == b"shell"
    assert json.loads(sections[1])["msg_type"] == "execute_request"
    assert [json.loads(each) for each in sections[2:]] == [{}, {}, {"code": "1"}]


@given(
    st.sampled_from(CHANNELS),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(), max_size=5),
    st.lists(st.binary(max_size=50), max_size=4),
)
def test_what_is_written_is_read(
    channel: str, content: dict[str, object], buffers: list[bytes]
) -> None:
    header = {"msg_id": "1", "msg_type": "comm_msg", "session": "s"}
    fields = {"channel": channel, "header": header, "content": content}
    message = KernelMessage.from_dict(fields, tuple(buffers))
    assert KernelMessage.decode(message.encode()) == message
    assert message.as_dict() == {
        **fields,
        "msg_id": "1",
        "msg_type": "comm_msg",
        "parent_header": {},
        "metadata": {},
    }
    assert message.buffers == tuple(buffers)


@given(st.binary(max_size=200) | st.binary(min_size=60).map(lambda data: b"\6" + bytes(7) + data))
def test_bytes_that_are_none(data: bytes) -> None:
    with pytest.raises(InvalidKernelMessage):
        KernelMessage.decode(data)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "msg_id and a msg_type"),
        ({"header": []}, "must be objects"),
        ({"header": {"msg_id": "1", "msg_type": 2}}, "both strings"),
        ({"header": {"msg_id": "1", "msg_type": "a"}, "channel": "hb"}, "channel must be one of"),
        ({"header": {"msg_id": "1", "msg_type": "a" * MAX_HEADER}}, "may have 65536 bytes"),
        ({"header": {"msg_id": "1" * 257, "msg_type": "a"}}, "may have 256 characters"),
    ],
)
def test_fields_that_are_none(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidKernelMessage, match=sentence):
        KernelMessage.from_dict(fields)


def test_one_that_is_too_large() -> None:
    with pytest.raises(InvalidKernelMessage, match=f"may have {MAX_MESSAGE} bytes"):
        KernelMessage.decode(bytes(MAX_MESSAGE + 1))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"\xff", b"{", b'{"a":' * 100_000, b"[" * 10, b'{"a": [' + b"{}," * 500_000,
     b'{"n": ' + b"1" * 10_000 + b"}"],
)  # fmt: skip
def test_parts_that_are_none(data: bytes) -> None:
    with pytest.raises(InvalidKernelMessage):
        parse_part(data)


def test_numbers_that_json_does_not_have() -> None:
    assert parse_part(b'{"a": [NaN, Infinity, 1]}') == {"a": [None, None, 1]}
