"""Kernels of a sandbox: readers, restarts, and programs in the place of a driver."""

import threading

import pytest

from bitrun.execution.kernels import connection as connection_module
from bitrun.execution.kernels.cell import (
    Cell,
    CellDisplay,
    CellEnd,
    CellOutcome,
    CellText,
    run_cell,
)
from bitrun.execution.kernels.connection import KernelConnection
from bitrun.execution.kernels.kernel import Kernel, KernelState
from bitrun.execution.kernels.kernels import MAX_KERNELS
from bitrun.execution.kernels.message import KernelMessage
from bitrun.execution.sandboxes.sandbox import Sandbox
from bitrun.model.errors import (
    KernelBusy,
    KernelConnectionEnded,
    KernelNotFound,
    KernelNotRunning,
    RequestError,
    SandboxEnded,
    TooManyKernels,
)
from bitrun.model.poll import READABLE, poll
from bitrun.model.sandbox import EndReason
from tests.support.waiting import wait_until

SECONDS = 60.0


def execute(code: str) -> KernelMessage:
    return KernelMessage.make("execute_request", {"code": code})


def types(connection: KernelConnection, last: str = "idle") -> list[tuple[str, str]]:
    """Return channels and types of the messages up to a status."""
    found = []
    while True:
        for message in connection.receive(SECONDS):
            found.append((message.channel, message.msg_type))
            if message.content.get("execution_state") == last:
                return found


def drain(connection: KernelConnection) -> None:
    """Receive until the end, which raises."""
    while True:
        connection.receive(SECONDS)


def run(kernel: Kernel, code: str, wall_ms: int = 60_000, output: int = 65_536) -> list[object]:
    return list(run_cell(kernel, Cell(code, wall_ms, output), None))


def end(events: list[object]) -> CellEnd:
    assert isinstance(events[-1], CellEnd)
    return events[-1]


def test_every_reader_gets_iopub_and_the_asker_the_reply(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.start("echo")
    published = [("iopub", each) for each in ("status", "execute_input", "stream", "status")]
    with kernel.connect() as asker, kernel.connect() as other:
        asker.send(execute("hello"))  # before it is ready
        assert types(other) == published
        seen = types(asker)
        assert ("shell", "execute_reply") in seen
        assert [each for each in seen if each[0] == "iopub"] == published
        assert kernel.connections == 2
        assert not poll({asker: READABLE}, 0)
        with pytest.raises(TimeoutError):
            asker.receive(0)
    assert kernel.connections == 0
    assert (kernel.state, kernel.execution_count) == (KernelState.IDLE, 1)
    assert kernel.info == {"status": "ok", "implementation": "echo"}


def test_a_kernel_that_dies_lives_again(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.get("echo")
    assert end(run(kernel, "1")).execution_count == 1
    with kernel.connect() as reader:
        died = end(run(kernel, "die"))
        assert died.outcome is CellOutcome.DIED
        assert "has ended: exit" in (died.message or "")
        assert types(reader, "dead")
        assert kernel.state is KernelState.DEAD
        with pytest.raises(KernelNotRunning):
            kernel.interrupt()
        assert end(run(kernel, "2")).execution_count == 1
        assert types(reader, "restarting")


def test_a_restart_ends_what_runs(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.get("echo")
    run(kernel, "1")
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend(run(kernel, "hang")))
    thread.start()
    assert wait_until(lambda: kernel.connections == 1, SECONDS)
    with pytest.raises(KernelBusy):
        run(kernel, "2", wall_ms=100)
    kernel.restart()
    thread.join(SECONDS)
    assert end(found).outcome is CellOutcome.DIED
    assert end(found).message == "The kernel was restarted"
    kernel.wait_until_ready()
    assert end(run(kernel, "2")).execution_count == 1


def test_a_cell_that_does_not_stop(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitrun.execution.kernels.cell._GRACE_SECONDS", 0.2)
    last = end(run(sandbox.kernels.get("echo"), "hang", wall_ms=200))
    assert last.outcome is CellOutcome.WALL_TIME
    assert "Time limit exceeded: 200 ms. The kernel did not stop" in (last.message or "")


def test_the_end_of_the_sandbox(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.start("echo")
    with kernel.connect() as reader:
        kernel.wait_until_ready()
        sandbox.end(EndReason.DELETED)
        with pytest.raises(SandboxEnded, match="it was deleted"):
            drain(reader)
    with pytest.raises(SandboxEnded):
        run(kernel, "1")
    with pytest.raises(SandboxEnded):
        sandbox.kernels.start("flood")


def test_a_shutdown(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.start("echo")
    assert sandbox.kernels.find(kernel.id) is kernel
    with kernel.connect() as reader:
        sandbox.kernels.shut_down(kernel.id)
        with pytest.raises(KernelConnectionEnded, match="shut down"):
            drain(reader)
    assert kernel.state is KernelState.DEAD
    with pytest.raises(KernelConnectionEnded):
        kernel.connect()
    with pytest.raises(KernelConnectionEnded):
        kernel.restart()
    with pytest.raises(KernelNotFound):
        sandbox.kernels.find(kernel.id)


def test_so_many(sandbox: Sandbox) -> None:
    for _ in range(MAX_KERNELS):
        sandbox.kernels.start()
    with pytest.raises(TooManyKernels):
        sandbox.kernels.start()
    assert sandbox.kernels.get() is sandbox.kernels.all()[0]
    with pytest.raises(RequestError, match="no kernel cobol; there are: echo, garbage"):
        sandbox.kernels.start("cobol")


def test_the_only_one(sandbox: Sandbox) -> None:
    ahead = sandbox.kernels.start("flood")
    kernel = sandbox.kernels.get_only("echo")
    assert sandbox.kernels.all() == [kernel]
    with pytest.raises(KernelConnectionEnded):
        ahead.connect()
    assert sandbox.kernels.get_only("echo") is kernel


def test_a_busy_kernel_is_use(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.start("echo")
    kernel.wait_until_ready()
    assert sandbox.idle_for() > 0
    with kernel.connect() as connection:
        connection.send(execute("busy"))
        types(connection, "busy")
        assert sandbox.idle_for() == 0


def test_a_driver_that_is_missing(sandbox: Sandbox) -> None:
    with pytest.raises(KernelNotRunning, match="No such file"):
        run(sandbox.kernels.get("missing"), "1")


def test_garbage(sandbox: Sandbox) -> None:
    with pytest.raises(KernelNotRunning, match="it sent a frame of the type b'S'"):
        run(sandbox.kernels.get("garbage"), "1")


def test_a_flood_is_cut_at_the_limit(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitrun.execution.kernels.cell._GRACE_SECONDS", 0.5)
    events = run(sandbox.kernels.get("flood"), "1", output=150_000)
    assert end(events).outcome is CellOutcome.STDOUT
    texts = [event.text for event in events if isinstance(event, CellText)]
    assert "".join(texts) == "x" * 150_000


def test_a_reader_that_is_too_slow(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_READ_TIMEOUT", 0.2)
    kernel = sandbox.kernels.start("flood")
    with kernel.connect() as slow:
        slow.send(execute("1"))
        with kernel.connect() as fast:
            while fast.receive(SECONDS) and kernel.connections == 2:
                pass
        with pytest.raises(KernelConnectionEnded, match="fast enough"):
            drain(slow)


def test_forged_messages(sandbox: Sandbox) -> None:
    kernel = sandbox.kernels.get("forger")
    for _ in range(2):
        events = run(kernel, "1")
        assert end(events).outcome is CellOutcome.ABORTED
        displays = [event for event in events if isinstance(event, CellDisplay)]
        assert {"text/plain": {"a": [1]}} in [dict(event.data) for event in displays]
    assert kernel.state is KernelState.IDLE
