"""The driver of kernels and this machine's ipykernel, without a box."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrun.execution.kernels.frames import FrameDecoder, KernelFrame, encode
from bitrun.execution.kernels.message import KernelMessage
from tests.support.kernels import DRIVER
from tests.support.waiting import wait_until

FLOOD = """
try:
    for number in range(100_000):
        print('x' * 4_000_000, flush=True)
        if number == 20:
            open('flooded', 'w').close()
except KeyboardInterrupt:
    open('interrupted', 'w').close()
"""


class Driver:
    """A driver in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, DRIVER, "python3"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._frames = FrameDecoder()
        # The kernel's first messages may come with it.
        assert self.receive()[0][0] is KernelFrame.READY

    def send(self, frame: KernelFrame, payload: bytes = b"") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(frame, payload))

    def execute(self, code: str) -> None:
        request = KernelMessage.make("execute_request", {"code": code, "silent": False})
        self.send(KernelFrame.MESSAGE, request.encode())

    def receive(self) -> list[tuple[KernelFrame, bytes]]:
        """Wait for the next frames."""
        assert self.process.stdout is not None
        frames: list[tuple[KernelFrame, bytes]] = []
        while not frames:
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, "it has ended"
            frames = self._frames.feed(data)
        return frames

    def messages_until_idle(self) -> Iterator[KernelMessage]:
        while True:
            for frame, payload in self.receive():
                assert frame is KernelFrame.MESSAGE
                message = KernelMessage.decode(payload)
                yield message
                if message.msg_type == "status" and message.content["execution_state"] == "idle":
                    return

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    made = Driver(tmp_path)
    yield made
    made.close()


def test_an_interrupt_overtakes_output_that_nobody_reads(driver: Driver, tmp_path: Path) -> None:
    driver.execute(FLOOD)
    assert wait_until((tmp_path / "flooded").exists, 60)
    driver.send(KernelFrame.INTERRUPT)
    assert wait_until((tmp_path / "interrupted").exists, 60)
    texts: dict[str, str] = {"stdout": "", "stderr": ""}
    for message in driver.messages_until_idle():
        if message.msg_type == "stream":
            texts[message.content["name"]] += message.content["text"]
    assert "bytes of output are left out" in texts["stderr"]
    # 80 MB were printed before the interrupt.
    assert len(texts["stdout"]) < 60_000_000


def test_the_end_of_the_service_overtakes_it(driver: Driver, tmp_path: Path) -> None:
    driver.execute(FLOOD)
    assert wait_until((tmp_path / "flooded").exists, 60)
    driver.send(KernelFrame.SHUTDOWN)
    driver.process.wait(30)
