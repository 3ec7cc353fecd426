"""Frames between the service and the driver of a kernel."""

import re

import pytest

from bitrun.execution.kernels.frames import FrameDecoder, KernelFrame, ProtocolError, encode
from bitrun.execution.kernels.message import MAX_MESSAGE
from tests.support.kernels import DRIVER


def test_pieces_become_frames() -> None:
    decoder = FrameDecoder()
    data = encode(KernelFrame.MESSAGE, b"a" * 10) + encode(KernelFrame.READY) + b"d"
    found = [frame for at in range(len(data)) for frame in decoder.feed(data[at : at + 1])]
    assert found == [(KernelFrame.MESSAGE, b"a" * 10), (KernelFrame.READY, b"")]
    assert decoder.feed(b"\0\0\0\2-9") == [(KernelFrame.DIED, b"-9")]


@pytest.mark.parametrize(
    ("data", "text"), [(b"Traceback", "type b'T'"), (b"m\x7f\0\0\0", "of 2130706432 bytes")]
)
def test_what_is_no_frame(data: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        FrameDecoder().feed(data)


def test_the_driver_has_the_same_constants() -> None:
    source = DRIVER.read_text()
    (limit,) = re.findall(r"^MAX_MESSAGE = (\d+) << (\d+)", source, re.MULTILINE)
    assert int(limit[0]) << int(limit[1]) == MAX_MESSAGE
    documented = set(re.findall(r"^    .{18}(\w)  ", source, re.MULTILINE))
    assert documented == {frame.value.decode() for frame in KernelFrame}
