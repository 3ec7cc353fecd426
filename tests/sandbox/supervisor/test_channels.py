"""Channels of the real supervisor, without Docker: several conversations in one box."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bitrun.model.errors import BoxError, ChannelEnded, CommandRejected, FileRejected
from bitrun.model.job import File, TerminalSize
from bitrun.model.output import Stream
from bitrun.model.output_files import OutputLimits
from bitrun.model.poll import READABLE, poll
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.supervisor.channels import CHANNEL_WINDOW, MAX_CHANNELS, Channels
from bitrun.sandbox.supervisor.client import SupervisorClient
from tests.support.pipe_lock import HOLD
from tests.support.stages import collect, stage
from tests.support.supervisor_process import SupervisorProcess
from tests.support.waiting import wait_until

LIMITS = OutputLimits(files=10, file_size=1 << 20, total_size=1 << 20)


class SharedBox:
    """A box with channels; `ends` are the errors with which it has ended."""

    def __init__(self, supervisor: SupervisorProcess) -> None:
        self.ends: list[BoxError] = []
        self.channels = Channels(supervisor, self.ends.append)

    @contextmanager
    def client(self) -> Iterator[SupervisorClient]:
        channel = self.channels.open()
        assert channel is not None
        with channel:
            yield SupervisorClient(channel)

    def run(self, *argv: str, **options: object) -> tuple[Verdict, bytes, bytes]:
        with self.client() as client:
            return collect(client, stage(*argv, **options))  # type: ignore[arg-type]

    def sh(self, script: str, **options: object) -> bytes:
        verdict, stdout, stderr = self.run("sh", "-c", script, **options)
        assert (verdict.outcome, stderr) == (Outcome.OK, b"")
        return stdout

    def has_no(self, pid: str) -> bool:
        """Whether a process is gone, and reaped."""
        return self.sh(f"kill -0 {pid} 2>/dev/null || echo gone") == b"gone\n"

    def write(self, *files: File) -> None:
        with self.client() as client:
            client.queue_files(files)
            collect(client, stage("true"))

    def read(self, pattern: str) -> dict[str, bytes]:
        with self.client() as client:
            return {file.name: file.content for file in client.collect([pattern], LIMITS).files}


def start_and_read_pid(client: SupervisorClient, *argv: str, **options: Any) -> str:
    """Start a long stage that prints its process id; return that."""
    client.start(stage(*argv, wall_ms=600_000, **options))
    (event,) = client.receive()
    assert not isinstance(event, Verdict)
    return event[1].decode().strip()


def finish(client: SupervisorClient) -> tuple[Verdict, bytes]:
    """Return the verdict of a stage, and its output."""
    output = b""
    while True:
        for event in client.receive():
            if isinstance(event, Verdict):
                return event, output
            output += event[1]


def the_child_of(parent: int) -> int:
    """Wait until a process has one living child, and return it."""
    found: list[int] = []

    def look() -> bool:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        found[:] = [int(child) for child in children if not _is_zombie(child)]
        return len(found) == 1

    assert wait_until(look, 10)
    return found[0]


def _is_zombie(process: str) -> bool:
    try:
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def box(supervisor: SupervisorProcess) -> Iterator[SharedBox]:
    shared = SharedBox(supervisor)
    yield shared
    supervisor.stdin.close()
    assert wait_until(lambda: bool(shared.ends), 10)


def test_stages_one_after_another_share_files(box: SharedBox) -> None:
    box.write(File("data/in.txt", b"five\n"))
    assert box.sh("wc -c < data/in.txt > out; cat data/in.txt") == b"five\n"
    assert box.read("out") == {"out": b"5\n"}


def test_stages_at_once(box: SharedBox) -> None:
    with box.client() as first, box.client() as second:
        first.start(stage("sh", "-c", "read line; echo got $line"), interactive=True)
        second.start(stage("sh", "-c", "echo second; exit 3"))
        verdict, stdout = finish(second)
        assert (verdict.code, stdout) == (3, b"second\n")
        first.write(b"it\n")
        assert finish(first)[1] == b"got it\n"


def test_background_processes_live_on(box: SharedBox) -> None:
    pid = box.sh("sleep 600 >/dev/null 2>&1 & echo $!").decode().strip()
    assert box.sh(f"kill -0 {pid} && echo alive") == b"alive\n"
    box.sh(f"kill {pid}")
    # Its parent was the shell of another stage: PID 1 has reaped it.
    assert wait_until(lambda: box.has_no(pid), 10)


def test_a_background_process_does_not_delay_the_verdict(box: SharedBox) -> None:
    started = time.monotonic()
    verdict, stdout, _ = box.run("sh", "-c", "sleep 600 & echo done")
    assert (verdict.outcome, stdout) == (Outcome.OK, b"done\n")
    assert time.monotonic() - started < 60


HOLDER = (
    HOLD
    + """
print(os.getpid(), flush=True)
time.sleep(0.5)  # else the handler may wait for the lock before it has read the line
hold(1)
"""
)


def test_a_handler_that_waits_for_a_lock_ends_with_its_channel(box: SharedBox) -> None:
    with box.client() as client:
        pid = start_and_read_pid(client, "python3", "-c", HOLDER, merge=True)
        time.sleep(1)
        client.signal(0)  # the handler looks at the pipe
        time.sleep(0.5)
    assert wait_until(lambda: box.has_no(pid), 20)
    assert wait_until(lambda: box.channels.count == 0, 20)


# A child of the handler's, by CLONE_PARENT.
CLONE = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
SIBLING = f"""
use POSIX;
if (syscall({CLONE}, 0x8000 | 17, 0, 0, 0, 0) == 0) {{ POSIX::close($_) for 0..2; sleep 600; exit; }}
print "done\n";
"""


def test_another_child_of_the_handler_does_not_delay_the_verdict(box: SharedBox) -> None:
    with box.client() as client:
        for _ in range(2):
            verdict, stdout, _ = collect(client, stage("perl", "-e", SIBLING))
            assert (verdict.outcome, stdout) == (Outcome.OK, b"done\n")
        assert collect(client, stage("echo", "next"))[1] == b"next\n"
        assert box.sh("pgrep -cx perl") == b"2\n"


def test_a_limit_ends_the_stage_and_its_group_only(box: SharedBox) -> None:
    kept = box.sh("sleep 600 >/dev/null 2>&1 & echo $!").decode().strip()
    verdict, stdout, _ = box.run("sh", "-c", "sleep 601 & echo $!; wait", wall_ms=300)
    assert verdict.outcome is Outcome.WALL_TIME
    ended = stdout.decode().strip()
    assert wait_until(lambda: box.has_no(ended), 10)
    assert box.sh(f"kill -0 {kept} && echo alive") == b"alive\n"


def test_a_closed_channel_ends_its_stage(box: SharedBox) -> None:
    with box.client() as client:
        pid = start_and_read_pid(client, "sh", "-c", "echo $$; exec sleep 600")
    assert wait_until(lambda: box.has_no(pid), 10)
    assert wait_until(lambda: box.channels.count == 0, 10)


def test_a_fault_ends_its_channel_only(box: SharedBox) -> None:
    with pytest.raises(CommandRejected):
        box.run("no-such-command")
    with pytest.raises(FileRejected):
        box.write(File("x" * 300, b""))
    assert box.sh("echo still") == b"still\n"
    assert not box.ends


def test_a_program_can_kill_no_handler(box: SharedBox) -> None:
    # All processes of its own user, but neither PID 1 nor the handlers, which are root's.
    background = box.sh("sleep 600 >/dev/null 2>&1 & echo $!").decode().strip()
    box.run("sh", "-c", "kill -9 -1")
    assert wait_until(lambda: box.has_no(background), 10)
    assert not box.ends


def test_a_stopped_writer_costs_one_channel(box: SharedBox, supervisor: SupervisorProcess) -> None:
    """PID 1 waits for a handler, and that for its writer, which any process of the user can stop."""
    with box.client() as client:
        client.queue_files([File("f", bytes(1 << 20))])  # more than is queued
        handler = the_child_of(supervisor.pid)
        writer = the_child_of(handler)
        os.kill(writer, signal.SIGSTOP)
        client.queue_files([File("f", bytes(8 << 20))])
        client.start(stage("true", wall_ms=600_000))
        with pytest.raises(ChannelEnded):
            client.receive()
    assert box.sh("echo still") == b"still\n"


def test_output_waits_for_its_reader_and_not_for_others(box: SharedBox) -> None:
    size = 8 * CHANNEL_WINDOW
    with box.client() as slow:
        slow.start(stage("head", "-c", str(size), "/dev/zero", output=size))
        assert box.sh("echo meanwhile") == b"meanwhile\n"
        assert len(finish(slow)[1]) == size


def test_channels_are_bounded_and_given_back(box: SharedBox) -> None:
    clients = [box.channels.open() for _ in range(MAX_CHANNELS)]
    assert box.channels.open() is None
    for client in clients:
        assert client is not None
        collect(SupervisorClient(client), stage("true"))
    assert box.channels.open() is None
    for client in clients:
        assert client is not None
        client.close()
    assert wait_until(lambda: box.channels.count == 0, 10)
    assert box.sh("echo again") == b"again\n"


def test_a_descriptor_to_wait_with(box: SharedBox) -> None:
    channel = box.channels.open()
    assert channel is not None
    with channel:
        client = SupervisorClient(channel)
        client.start(stage("sh", "-c", "read x; echo one; read x; echo two"), interactive=True)
        assert not poll({channel: READABLE}, 300)
        client.write(b"\n")
        assert poll({channel: READABLE}, 20_000)
        output = client.receive(0)
        assert output == [(Stream.STDOUT, b"one\n")]
        assert not poll({channel: READABLE}, 300)
        client.write(b"\n")
        assert finish(client)[1] == b"two\n"
        descriptor = channel.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_end_of_the_box_shows_at_its_descriptors(
    supervisor: SupervisorProcess, box: SharedBox
) -> None:
    channel = box.channels.open()
    assert channel is not None
    SupervisorClient(channel).start(stage("sleep", "600", wall_ms=600_000))
    waiting = channel.fileno()
    supervisor.stdin.close()
    assert poll({channel: READABLE}, 20_000) == {waiting: READABLE}
    with pytest.raises(BoxError):
        channel.receive(0)
    assert poll({channel: READABLE}, 0)  # for good
    channel.close()


def test_many_threads_use_it(box: SharedBox) -> None:
    outputs: list[bytes] = []

    def work(number: int) -> None:
        outputs.extend(box.sh(f"echo {number}.{turn}") for turn in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outputs) == sorted(
        f"{number}.{turn}\n".encode() for number in range(8) for turn in range(5)
    )


def test_a_terminal(box: SharedBox) -> None:
    with box.client() as client:
        client.start(
            stage("sh", "-c", "read x; stty size", tty=TerminalSize(24, 80)), interactive=True
        )
        client.resize(TerminalSize(30, 100))
        client.write(b"\n")
        _, shown = finish(client)
    assert b"30 100" in shown


def test_the_end_of_the_controller_ends_all(supervisor: SupervisorProcess, box: SharedBox) -> None:
    box.sh("sleep 600 >/dev/null 2>&1 &")
    supervisor.close()
    assert wait_until(lambda: bool(box.ends), 10)
    with pytest.raises(BoxError):
        box.channels.open()


def test_a_killed_handler_is_told(supervisor: SupervisorProcess, box: SharedBox) -> None:
    with box.client() as client:
        client.start(stage("sh", "-c", "echo; exec sleep 600", wall_ms=600_000))
        client.receive()
        handler = the_child_of(supervisor.pid)
        program = the_child_of(handler)
        os.kill(handler, signal.SIGKILL)
        with pytest.raises(ChannelEnded):
            client.receive()
    # Its program ends with it.
    assert wait_until(lambda: not Path(f"/proc/{program}").exists(), 10)
    assert box.sh("echo still") == b"still\n"
