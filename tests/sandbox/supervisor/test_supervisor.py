"""The supervisor by itself, without Docker: PID 1 of a namespace, driven over two pipes."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bitrun.model.errors import BoxError, CommandRejected, FileRejected
from bitrun.model.job import File
from bitrun.model.output import Stream
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.supervisor.frames import Frame, encode
from bitrun.sandbox.supervisor.stage_command import encode_stage
from tests.support.stages import stage
from tests.support.supervisor_process import UID, SupervisorProcess
from tests.support.waiting import wait_until


def test_output_goes_to_its_stream(supervisor: SupervisorProcess) -> None:
    verdict, stdout, stderr = supervisor.run("sh", "-c", "echo out; echo err >&2")
    assert (verdict.code, verdict.signal, verdict.outcome) == (0, None, Outcome.OK)
    assert (stdout, stderr) == (b"out\n", b"err\n")


@pytest.mark.parametrize("code", range(256))
def test_every_exit_code(supervisor: SupervisorProcess, code: int) -> None:
    verdict, _, _ = supervisor.run("sh", "-c", f"exit {code}")
    assert (verdict.code, verdict.signal) == (code, None)


@pytest.mark.parametrize(
    "name",
    [name for name in signal.Signals.__members__ if name not in ("SIGCHLD", "SIGCLD", "SIGCONT",
     "SIGURG", "SIGWINCH", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGPOLL", "SIGIOT",
     "SIGRTMIN", "SIGRTMAX")],
)  # fmt: skip
def test_every_fatal_signal(supervisor: SupervisorProcess, name: str) -> None:
    # Not a shell: those ignore some signals.
    script = f"$SIG{{{name[3:]}}} = 'DEFAULT'; kill '{name[3:]}', $$; sleep 9"
    verdict, _, _ = supervisor.run("perl", "-e", script)
    assert (verdict.code, verdict.signal, verdict.outcome) == (None, name, Outcome.SIGNAL)


@pytest.mark.alone
def test_wall_time_is_kept_to_the_millisecond(supervisor: SupervisorProcess) -> None:
    verdict, _, _ = supervisor.run("sleep", "60", wall_ms=300)
    assert (verdict.outcome, verdict.signal) == (Outcome.WALL_TIME, "SIGKILL")
    assert 300 <= verdict.wall_ms < 320
    assert verdict.cpu_ms < 50


def test_cpu_time_is_limited(supervisor: SupervisorProcess) -> None:
    verdict, _, _ = supervisor.run("sh", "-c", "while :; do :; done", cpu_ms=200)
    assert verdict.outcome is Outcome.CPU_TIME
    assert 200 <= verdict.cpu_ms < 250


def test_cpu_time_of_an_earlier_stage_does_not_count(supervisor: SupervisorProcess) -> None:
    spins = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"
    verdict, _, _ = supervisor.run("sh", "-c", spins)
    assert verdict.cpu_ms > 100
    verdict, _, _ = supervisor.run("true", cpu_ms=100)
    assert verdict.outcome is Outcome.OK
    assert verdict.cpu_ms < 50


@pytest.mark.parametrize(
    ("size", "outcome"), [(99, Outcome.OK), (100, Outcome.OK), (101, Outcome.STDOUT)]
)
def test_the_cap_is_exact(supervisor: SupervisorProcess, size: int, outcome: Outcome) -> None:
    verdict, stdout, _ = supervisor.run("head", "-c", str(size), "/dev/zero", output=100)
    assert verdict.outcome is outcome
    assert len(stdout) == min(size, 100)


@pytest.mark.parametrize("size", [100_000, 64 << 20])
def test_the_soft_limit_of_the_stack(supervisor: SupervisorProcess, size: int) -> None:
    _, stdout, _ = supervisor.run("bash", "-c", "ulimit -Ss; ulimit -Hs", stack=size)
    assert stdout.decode().split() == [str(size // 1024), "unlimited"]


def test_stderr_has_a_cap_of_its_own(supervisor: SupervisorProcess) -> None:
    verdict, stdout, stderr = supervisor.run("sh", "-c", "echo out; yes >&2", output=100)
    assert verdict.outcome is Outcome.STDERR
    assert (stdout, len(stderr)) == (b"out\n", 100)


def test_merged_streams_keep_their_order(supervisor: SupervisorProcess) -> None:
    script = "i=0; while [ $i -lt 2000 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    verdict, stdout, stderr = supervisor.run("sh", "-c", script, merge=True)
    assert verdict.code == 0
    assert stdout.decode().split() == [f"{s}{i}" for i in range(2000) for s in "oe"]
    assert stderr == b""


def test_what_is_typed_is_answered_at_once(supervisor: SupervisorProcess) -> None:
    """A hundred times in less than what keeping answers back for 10 ms would take."""
    client = supervisor.client
    client.start(stage("cat"), interactive=True)
    begun = time.monotonic()
    for _ in range(100):
        client.write(b"x")
        assert client.receive() == [(Stream.STDOUT, b"x")]
    assert time.monotonic() - begun < 0.9


IGNORED_BY_STARTER = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def test_a_signal_reaches_the_program(supervisor: SupervisorProcess) -> None:
    script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    client = supervisor.client
    client.start(stage("sh", "-c", script), interactive=True)
    assert client.receive(10) == [(Stream.STDOUT, b"ready\n")]
    client.signal(signal.SIGINT)
    events = client.receive(10)
    while not isinstance(events[-1], Verdict):
        events += client.receive(10)
    assert events[0] == (Stream.STDOUT, b"caught\n")
    assert events[-1].code == 5


def test_what_the_starter_ignored_is_not_inherited(supervisor_binary: Path, workdir: Path) -> None:
    """By way of the engine: one that was started in the background of a shell ignores SIGINT."""
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED_BY_STARTER}
    try:
        supervisor = SupervisorProcess(supervisor_binary, workdir)
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)
    verdict, stdout, _ = supervisor.run("sed", "-n", "s/^SigIgn:[^0-9a-f]*//p", "/proc/self/status")
    supervisor.close()
    assert verdict.code == 0
    assert int(stdout, 16) & sum(1 << number - 1 for number in IGNORED_BY_STARTER) == 0


@pytest.mark.parametrize(("niceness", "expected"), [(0, b"10\n"), (15, b"15\n")])
def test_niceness(supervisor_binary: Path, workdir: Path, niceness: int, expected: bytes) -> None:
    """In a container it can't be lowered, to start a program on a busy machine's nice engine."""
    process = SupervisorProcess(supervisor_binary, workdir, f"renice -n {niceness} $$ >/dev/null")
    try:
        assert process.run("nice")[1] == expected
    finally:
        process.close()


def test_more_stdin_while_it_runs(supervisor: SupervisorProcess) -> None:
    client = supervisor.client
    client.start(stage("cat"), interactive=True)
    for line in (b"one\n", b"two\n"):
        client.write(line)
        assert client.receive(10) == [(Stream.STDOUT, line)]
    client.end_stdin()
    verdict = client.receive(10)[-1]
    assert isinstance(verdict, Verdict)
    assert verdict.code == 0


def test_a_child_that_holds_stdout_open_delays_nothing(supervisor: SupervisorProcess) -> None:
    started = time.monotonic()
    verdict, stdout, _ = supervisor.run("sh", "-c", "sleep 60 & echo done")
    assert (verdict.code, stdout) == (0, b"done\n")
    assert time.monotonic() - started < 1
    verdict, stdout, _ = supervisor.run("sh", "-c", "ls /proc | grep -c '^[0-9]'")
    assert int(stdout) <= 4, "the child outlived its stage"  # supervisor, sh, ls, grep


def test_a_stage_without_streams_is_waited_for(supervisor: SupervisorProcess) -> None:
    verdict, stdout, _ = supervisor.run("sh", "-c", "exec <&- >&- 2>&-; sleep 0.2; exit 4")
    assert (verdict.code, stdout) == (4, b"")
    assert verdict.wall_ms >= 200


@pytest.mark.parametrize("size", [0, 1, 65536, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_stdin_arrives_whole(supervisor: SupervisorProcess, size: int) -> None:
    data = os.urandom(size)
    verdict, stdout, _ = supervisor.run("cat", stdin=data, output=10_000_000)
    assert verdict.code == 0
    assert stdout == data


def test_stdin_that_nobody_reads(supervisor: SupervisorProcess) -> None:
    verdict, stdout, _ = supervisor.run("head", "-c", "3", stdin=b"abc" * 2_000_000)
    assert (verdict.code, stdout) == (0, b"abc")
    verdict, stdout, _ = supervisor.run("sh", "-c", "exec <&-; sleep 0.1", stdin=b"x" * 5_000_000)
    assert verdict.code == 0
    verdict, stdout, _ = supervisor.run("cat")
    assert stdout == b"", "an earlier stage's stdin came through"


def test_the_program_can_reopen_its_streams(supervisor: SupervisorProcess) -> None:
    script = "read line < /dev/stdin; echo $line > /dev/stdout; echo e > /dev/stderr"
    _, stdout, stderr = supervisor.run("sh", "-c", script, stdin=b"hello\n")
    assert (stdout, stderr) == (b"hello\n", b"e\n")


def test_files_belong_to_the_program(supervisor: SupervisorProcess) -> None:
    big = os.urandom(3_000_000)
    supervisor.client.queue_files(
        [
            File("a/b/c.txt", b"deep"),
            File("empty", b""),
            File("big", big),
            File("twice", b"first, and longer"),
            File("twice", b"second"),
            File("name with spaces\nand lines", b"x"),
        ]
    )
    verdict, stdout, _ = supervisor.run(
        "sh", "-c", "cat a/b/c.txt empty twice; echo y >> name*; cat name*; cat big", output=10**7
    )
    assert verdict.code == 0
    assert stdout == b"deepsecondxy\n" + big
    assert (supervisor.workdir / "empty").stat().st_uid == UID


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([File("n" * 256, b"")], "too long a name"),
        ([File("a", b""), File("a/b", b"")], "below what is not a directory"),
        ([File("a/b", b""), File("a", b"")], "the name of a directory"),
    ],
)
def test_a_file_that_cannot_be_written(
    supervisor: SupervisorProcess, files: list[File], words: str
) -> None:
    supervisor.client.queue_files(files)
    with pytest.raises(FileRejected, match=words):
        supervisor.run("true")


@pytest.mark.parametrize(("left", "name"), [("mkfifo a", "a"), ("ln -s /dev a", "a/null")])
def test_a_file_in_place_of_what_an_earlier_stage_has_left(
    supervisor: SupervisorProcess, left: str, name: str
) -> None:
    """It is not waited for, such as for the reader of a fifo."""
    supervisor.run("sh", "-c", left)
    supervisor.client.queue_files([File(name, b"")])
    with pytest.raises(FileRejected, match="the name of a fifo, socket or device"):
        supervisor.run("true")


def test_files_have_modes(supervisor: SupervisorProcess) -> None:
    supervisor.client.queue_files(
        [
            File("a/main", b"#!/bin/sh\necho main\n", 0o755),
            File("read-only", b"x" * 100_000, 0o400),
            File("closed", b"", 0),
            File("usual", b""),
        ]
    )
    _, stdout, _ = supervisor.run("sh", "-c", "a/main; stat -c %a a a/main closed read-only usual")
    assert stdout.split() == [b"main", b"755", b"755", b"0", b"400", b"644"]


@pytest.mark.parametrize(
    "frames",
    [
        encode(Frame.MODE, b"\1\xed"),
        encode(Frame.FILE, b"a") + encode(Frame.MODE, b"\1"),
        encode(Frame.FILE, b"a") + encode(Frame.MODE, b"\1\xed\0"),
    ],
    ids=["without a file", "too short", "too long"],
)
def test_a_mode_that_is_none(supervisor: SupervisorProcess, frames: bytes) -> None:
    supervisor.send(frames)
    with pytest.raises(BoxError, match=r"The supervisor: (data came before|a mode frame holds)"):
        supervisor.run("true")


@pytest.mark.attack(
    "program", "capabilities, groups and a low score for the case that memory runs out", "none"
)
def test_the_program_has_no_power(supervisor: SupervisorProcess) -> None:
    script = (
        "id -u; id -G; grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/self/oom_score_adj"
    )
    _, stdout, _ = supervisor.run("sh", "-c", script)
    lines = stdout.decode().split("\n")
    assert lines[:2] == [str(UID), str(UID)]
    status = dict(line.split(":\t") for line in lines[2:-2])
    assert {status["CapInh"], status["CapPrm"], status["CapEff"]} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert lines[-2] == "1000"


@pytest.mark.attack("program", "killing the supervisor, and its entries in /proc", "refused")
def test_the_supervisor_is_out_of_reach(supervisor: SupervisorProcess) -> None:
    for attempt in ("kill -9 1", "ls /proc/1/fd", "cat /proc/1/environ", "cat /proc/1/mem"):
        verdict, stdout, _ = supervisor.run("sh", "-c", attempt)
        assert verdict.code != 0, attempt
        assert stdout == b"", attempt


@pytest.mark.attack(
    "program", "descriptors that the supervisor left open", "none but the three streams"
)
def test_the_program_gets_three_descriptors_only(supervisor: SupervisorProcess) -> None:
    script = "i=0; while [ $i -lt 100 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done"
    _, stdout, _ = supervisor.run("sh", "-c", script)
    assert stdout.split() == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("nowhere", "No such file or directory"),
        ("./nowhere", "No such file or directory"),
        ("", "No such file or directory"),
        ("/usr", "Permission denied"),
        ("/etc/passwd", "Permission denied"),
        ("/etc/passwd/x", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_command_that_cannot_be_started(
    supervisor: SupervisorProcess, command: str, reason: str
) -> None:
    with pytest.raises(CommandRejected) as raised:
        supervisor.run(command)
    assert str(raised.value) == f"The command can't be started: {command[:200]}: {reason}"
    assert supervisor.process.wait(timeout=1) == 2


def test_the_command_is_looked_up_in_its_own_path(supervisor: SupervisorProcess) -> None:
    with pytest.raises(CommandRejected, match="started: sh: No such file or directory"):
        supervisor.run("sh", env={"PATH": "/nonexistent"})


def test_more_arguments_than_the_kernel_takes(supervisor: SupervisorProcess) -> None:
    supervisor.run("true")  # it has been executed, which sets its limits
    # Arguments may take a quarter of the stack.
    resource.prlimit(supervisor.pid, resource.RLIMIT_STACK, (1 << 18, 1 << 18))
    with pytest.raises(CommandRejected, match="started: true: Argument list too long"):
        supervisor.run("true", *["x" * 100_000] * 9)


SOCKET_OPTIONS = """
import errno, socket, struct
def attempt(family, level, option, value):
    it = socket.socket(family, socket.SOCK_DGRAM)
    before = it.getsockopt(level, option) if isinstance(value, int) else 0
    try:
        it.setsockopt(level, option, value)
    except OSError as error:
        return errno.errorcode[error.errno]
    return it.getsockopt(level, option) != before if isinstance(value, int) else True
S = socket
print(
    attempt(S.AF_INET, S.SOL_SOCKET, S.SO_RCVBUF, 9999),
    attempt(S.AF_UNIX, S.SOL_SOCKET, S.SO_SNDBUF, 9999),
    attempt(S.AF_INET, S.SOL_SOCKET, S.SO_BROADCAST, 1),
    attempt(S.AF_INET, S.IPPROTO_IP, S.IP_TTL, 8),
    attempt(S.AF_INET, S.IPPROTO_IP, S.IP_MULTICAST_LOOP, 0),
    attempt(S.AF_UNIX, S.SOL_SOCKET, 26, bytes(16)),
    attempt(S.AF_INET, S.SOL_SOCKET, 37, 16),
    attempt(S.AF_INET, S.SOL_SOCKET, 65, 16),
    attempt(S.AF_INET6, S.IPPROTO_IPV6, S.IPV6_JOIN_GROUP, bytes(20)),
    *(attempt(S.AF_INET, S.IPPROTO_IP, option, bytes(136))
      for option in (S.IP_ADD_MEMBERSHIP, 39, 42, 46)),
    attempt(S.AF_INET6, S.IPPROTO_IPV6, S.IPV6_V6ONLY, 1),
)
"""


@pytest.mark.parametrize("merge", [False, True])
def test_socket_options(supervisor: SupervisorProcess, merge: bool) -> None:
    """Without a cgroup as on cgroup v1: buffers keep their size."""
    _, stdout, _ = supervisor.run("python3", "-c", SOCKET_OPTIONS, merge=merge)
    assert stdout.decode().split() == [
        "False", "False", "True", "True", "True", *["EPERM"] * 8, "True"
    ]  # fmt: skip


def test_its_end_of_stdin_ends_everything(supervisor: SupervisorProcess) -> None:
    # A program that never reads, with stdin waiting for it: nothing may clog the way.
    supervisor.send(encode_stage(stage("sleep", "987654", wall_ms=60_000)))
    for _ in range(16):
        supervisor.send(encode(Frame.STDIN, b"x" * 65536))
    assert wait_until(lambda: _sleepers() == 1, 2)
    supervisor.stdin.close()
    assert supervisor.process.wait(timeout=1) == 0
    assert wait_until(lambda: _sleepers() == 0, 1)


def _sleepers() -> int:
    found = subprocess.run(["pgrep", "-f", "^sleep 987654"], capture_output=True, check=False)
    return len(found.stdout.split())


@pytest.mark.parametrize(
    "frame",
    [
        b"Z\0\0\0\0",
        b"S\xff\xff\xff\xff",
        b"S\0\0\0\1a",
        b"S\0\0\0\0",
        encode(Frame.STAGE, b"ash\0"),
        encode(Frame.STAGE, b"w100\0"),
        encode(Frame.STAGE, b"ash\0w-1\0"),
        encode(Frame.STAGE, b"ash\0wx\0"),
        encode(Frame.STAGE, b"ash\0w1\0?1\0"),
        encode(Frame.DATA, b"before its file"),
        encode(Frame.SIGNAL, b""),
    ],
)
def test_a_broken_frame_is_refused(supervisor: SupervisorProcess, frame: bytes) -> None:
    supervisor.send(frame)
    assert supervisor.receive(1).startswith(Frame.FAULT_BOX.value)
    assert supervisor.process.wait(timeout=1) == 2


def test_it_refuses_to_be_any_other_process(supervisor_binary: Path) -> None:
    done = subprocess.run([supervisor_binary, "20001", "/"], capture_output=True, check=False)
    assert (done.returncode, done.stdout[5:]) == (2, b"not PID 1 of a PID namespace")


def test_it_refuses_to_run_programs_as_root(supervisor_binary: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "--pid", "--fork", supervisor_binary, "0", tmp_path],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
