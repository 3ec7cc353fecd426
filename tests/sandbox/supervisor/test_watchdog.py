"""Programs that hold the lock of a pipe for which the supervisor then waits."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bitrun.model.output import Stream
from bitrun.model.result import Outcome, Verdict
from tests.support.pipe_lock import HOLD
from tests.support.scale import scaled
from tests.support.stages import stage
from tests.support.supervisor_process import SupervisorProcess
from tests.support.waiting import wait_until

HOLD_OUTPUT = HOLD + "hold(int(sys.argv[1]))"
# Of what it reads from, which it opens for writing.
HOLD_INPUT = (
    HOLD
    + """
pipe = os.open("/proc/self/fd/0", os.O_WRONLY)
threading.Thread(target=hold, args=[pipe], daemon=True).start()
time.sleep(0.3)
print("held", flush=True)
time.sleep(3600)
"""
)
MERGED = [("1", True), ("1", False), ("2", False)]


@pytest.mark.attack(
    "program",
    "holding the lock of a pipe that the supervisor reads or writes",
    "ended at its limit of wall time, or soon after the controller's end",
)
@pytest.mark.parametrize(("stream", "merge"), MERGED)
def test_the_lock_of_its_output(supervisor: SupervisorProcess, stream: str, merge: bool) -> None:
    argv = ["python3", "-c", HOLD_OUTPUT, stream]
    # With a limit of CPU time it wakes up meanwhile, and looks at the pipe.
    verdict, stdout, stderr = supervisor.run(*argv, wall_ms=2000, cpu_ms=1000, merge=merge)
    assert (verdict.outcome, verdict.signal) == (Outcome.WALL_TIME, "SIGKILL")
    assert stdout + stderr == b"hello"
    assert 2900 < verdict.wall_ms < scaled(5000)
    verdict, stdout, _ = supervisor.run("echo", "next")
    assert (verdict.outcome, stdout) == (Outcome.OK, b"next\n")


def test_the_lock_of_its_input(supervisor: SupervisorProcess) -> None:
    client = supervisor.client
    client.start(stage("python3", "-c", HOLD_INPUT, wall_ms=2000), interactive=True)
    assert client.receive(10) == [(Stream.STDOUT, b"held\n")]
    client.write(b"more")
    events = client.receive(scaled(10))
    while not isinstance(events[-1], Verdict):
        events += client.receive(scaled(10))
    assert events[-1].outcome is Outcome.WALL_TIME


def start_and_wait(supervisor: SupervisorProcess) -> None:
    """Start a program with an hour of time, and wait until the supervisor waits for its lock."""
    supervisor.run("true")  # it has started
    argv = ["python3", "-c", HOLD_OUTPUT, "1"]
    supervisor.client.start(stage(*argv, wall_ms=3_600_000, merge=True))
    status = Path(f"/proc/{supervisor.pid}/status")

    def waits() -> bool:
        supervisor.client.signal(0)  # wakes it: it looks at the pipe then
        return "disk sleep" in status.read_text()

    assert wait_until(waits, 20)


def test_the_controllers_end(supervisor: SupervisorProcess) -> None:
    """Long before the limit."""
    start_and_wait(supervisor)
    supervisor.stdin.close()
    supervisor.process.wait(timeout=scaled(5))


def test_a_supervisor_that_is_killed_while_it_waits(
    supervisor: SupervisorProcess, supervisor_binary: Path
) -> None:
    """As by the kernel, for lack of memory; its watchdog dies at once."""
    start_and_wait(supervisor)
    pid = supervisor.pid
    os.kill(pid, signal.SIGKILL)
    supervisor.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        supervisor.process.wait(timeout=3)
    kill = ["nsenter", "-t", str(pid), "--pid", "--mount", "--", str(supervisor_binary), "kill"]
    # PID 1 may end before it does, and takes it along.
    assert subprocess.run(kill, check=False).returncode in (0, -signal.SIGKILL)
    supervisor.process.wait(timeout=scaled(5))


def test_no_command_kills_outside_a_box(supervisor_binary: Path) -> None:
    """In a namespace whose first process is another program."""
    script = f"sleep 60 & {supervisor_binary} kill; echo $?; kill -0 $! && echo alive"
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script]
    done = subprocess.run(unshare, capture_output=True, check=True, text=True, timeout=60)
    assert done.stdout == "1\nalive\n"


def test_a_stage_that_ends_in_time_is_left_alone(supervisor: SupervisorProcess) -> None:
    """Also by what would end the stage before it."""
    for _ in range(20):
        verdict, _, _ = supervisor.run("true", wall_ms=100)
    verdict, _, _ = supervisor.run("sleep", "1.5", wall_ms=10_000)
    assert (verdict.outcome, verdict.code) == (Outcome.OK, 0)


def test_its_own_sigkill_is_not_the_watchdogs(supervisor: SupervisorProcess) -> None:
    verdict, _, _ = supervisor.run("sh", "-c", "kill -9 $$")
    assert (verdict.outcome, verdict.signal) == (Outcome.SIGNAL, signal.SIGKILL.name)
