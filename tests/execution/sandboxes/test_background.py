"""Commands that go on: their output, their stdin, how many there may be, and how they end."""

from collections.abc import Callable

import pytest

from bitrun.execution.sandboxes import background
from bitrun.execution.sandboxes.background import BackgroundCommand
from bitrun.execution.sandboxes.sandbox import MAX_LASTING, Sandbox
from bitrun.execution.sandboxes.sandboxes import Sandboxes
from bitrun.model.errors import (
    CommandEnded,
    CommandNotFound,
    CommandRejected,
    RequestError,
    SandboxEnded,
    TooManyCommands,
)
from bitrun.model.job import File, Job
from bitrun.model.output import Stream
from bitrun.model.result import Outcome
from bitrun.model.run_record import NoVerdict, RunRecord
from bitrun.sandbox.supervisor.channels import MAX_CHANNELS
from tests.execution.sandboxes.conftest import OWNER
from tests.support.stages import BOX_LIMITS, stage
from tests.support.waiting import wait_until

LONG = 30.0  # seconds, on a busy machine
Create = Callable[..., Sandbox]


def start(
    sandbox: Sandbox, script: str, *, stdin: bytes = b"", stdin_open: bool = False
) -> BackgroundCommand:
    wanted = stage("sh", "-c", script, wall_ms=600_000, output=1 << 40, stdin=stdin)
    job = Job("bash", "bitrun/bash", (), (wanted,), BOX_LIMITS)
    return sandbox.start(job, script, stdin_open=stdin_open)


def text(command: BackgroundCommand, offset: int = 0) -> bytes:
    """Return its output once it has ended."""
    assert command.wait(LONG, None)
    found = b""
    while (part := command.read(offset, 0, None)).end > part.offset:
        found += bytes(part.output)
        offset = part.end
    return found


def test_it_goes_on_and_is_counted_at_its_end(create: Create, records: list[RunRecord]) -> None:
    made = create()
    command = start(made, "echo one; echo two >&2; read x; exit 3", stdin_open=True)
    assert bytes(command.read(0, LONG, None).output)[:4] == b"one\n"
    assert not command.wait(0, None)
    assert records == []
    command.write(b"x\n", is_last=False)
    assert command.wait(LONG, None)
    assert command.verdict is not None
    assert (command.verdict.outcome, command.verdict.code) == (Outcome.EXIT, 3)
    part = command.read(0, 0, None)
    assert (part.output.of(Stream.STDOUT), part.output.of(Stream.STDERR)) == (b"one\n", b"two\n")
    assert [record.outcome for record in records] == [Outcome.EXIT]


def test_the_last_output_is_kept(create: Create) -> None:
    size = 4 * background.KEPT_BYTES
    command = start(create(), f"head -c {size} /dev/zero; printf end")
    assert command.wait(LONG, None)
    assert command.kept == (size + 3 - background.KEPT_BYTES, size + 3)
    part = command.read(5, 0, None)
    assert part.dropped == size + 3 - background.KEPT_BYTES - 5
    assert len(part.output) == background.MAX_READ
    assert text(command, size) == b"end"
    with pytest.raises(RequestError, match=f"from 0 to {size + 3}"):
        command.read(size + 4, 0, None)


def test_stdin(create: Create) -> None:
    made = create()
    assert text(start(made, "cat", stdin=b"given")) == b"given"
    command = start(made, "cat; echo end", stdin=b"a", stdin_open=True)
    command.write(b"b" * 100_000, is_last=False)
    command.write(b"c", is_last=True)
    with pytest.raises(RequestError, match="has ended"):
        command.write(b"d", is_last=False)
    assert text(command) == b"a" + b"b" * 100_000 + b"cend\n"
    with pytest.raises(CommandEnded):
        command.write(b"e", is_last=False)


def test_stdin_that_nobody_reads_is_bounded(create: Create) -> None:
    made = create()
    command = start(made, "exec sleep 600", stdin_open=True)

    def fill() -> None:
        for _ in range(50):  # of which the supervisor takes one MiB
            command.write(bytes(background.MAX_STDIN // 2), is_last=False)

    with pytest.raises(RequestError, match="bytes of stdin can wait"):
        fill()
    with pytest.raises(RequestError, match="bytes of stdin can wait"):
        start(made, "cat", stdin=bytes(background.MAX_STDIN + 1))
    assert made.commands.all() == [command]


def test_signals(create: Create, records: list[RunRecord]) -> None:
    command = start(create(), "trap 'echo caught; exit 5' TERM; echo on; while :; do sleep 1; done")
    assert bytes(command.read(0, LONG, None).output) == b"on\n"
    command.signal(15)
    # The signal is for all of the group: a shell may say so of its sleep.
    assert text(command).endswith(b"caught\n")
    with pytest.raises(CommandEnded):
        command.signal(9)
    assert records[-1].outcome is Outcome.EXIT


def test_one_that_can_not_start(create: Create, records: list[RunRecord]) -> None:
    made = create()
    job = Job("bash", "bitrun/bash", (), (stage("no-such-program"),), BOX_LIMITS)
    command = made.start(job, "no-such-program", stdin_open=False)
    assert command.wait(LONG, None)
    assert isinstance(command.error, CommandRejected)
    assert command.verdict is None
    bad = Job("bash", "bitrun/bash", (), (stage("a\0b"),), BOX_LIMITS)
    with pytest.raises(RequestError, match="NUL"):
        made.start(bad, "a\0b", stdin_open=False)
    assert made.commands.all() == [command]
    assert len(records) == 2
    # Neither has kept its place.
    for _ in range(MAX_LASTING):
        start(made, "exec sleep 600")


def test_so_many_at_once(create: Create) -> None:
    made = create()
    commands = [start(made, "exec sleep 600") for _ in range(MAX_LASTING)]
    with pytest.raises(TooManyCommands):
        start(made, "true")
    # Files and short commands have channels of their own.
    assert MAX_LASTING < MAX_CHANNELS
    made.write([File("a", b"")])
    commands[0].signal(9)
    assert commands[0].wait(LONG, None)
    assert text(start(made, "echo room")) == b"room\n"


def test_so_many_are_known(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MAX_KNOWN", 3)
    made = create()
    running = start(made, "exec sleep 600")
    ended = [start(made, "true") for _ in range(2)]
    assert all(each.wait(LONG, None) for each in ended)
    last = start(made, "true")
    assert made.commands.all() == [running, ended[1], last]
    with pytest.raises(CommandNotFound):
        made.commands.find(ended[0].id)


def test_a_deleted_one_ends(create: Create, records: list[RunRecord]) -> None:
    made = create()
    command = start(made, "trap '' TERM; echo $$; sleep 600")
    pid = bytes(command.read(0, LONG, None).output).decode().strip()
    made.commands.delete(command.id)
    with pytest.raises(CommandNotFound):
        made.commands.delete(command.id)
    assert command.has_ended

    def is_gone() -> bool:
        return text(start(made, f"kill -0 {pid} 2>/dev/null || printf gone")) == b"gone"

    assert wait_until(is_gone, 20)
    assert records[0].outcome is NoVerdict.DISCONNECTED


def test_it_ends_with_its_sandbox(sandboxes: Sandboxes, create: Create) -> None:
    made = create()
    command = start(made, "exec sleep 600", stdin_open=True)
    sandboxes.delete(OWNER, made.id)
    assert command.wait(LONG, None)
    assert command.verdict is None
    with pytest.raises(SandboxEnded), made.used():
        start(made, "true")


def test_a_terminal_is_one_of_them(create: Create) -> None:
    made = create()
    job = Job("bash", "bitrun/bash", (), (stage("sleep", "600", wall_ms=600_000),), BOX_LIMITS)
    with made.terminal(job):
        for _ in range(MAX_LASTING - 1):
            start(made, "exec sleep 600")
        with pytest.raises(TooManyCommands), made.terminal(job):
            pass
    assert made.idle_for() >= 0
    with made.terminal(job):
        assert made.idle_for() == 0
