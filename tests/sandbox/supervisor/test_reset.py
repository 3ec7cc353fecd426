"""The reset of a box between two jobs, by the real supervisor without Docker."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bitrun.config.settings import Settings
from bitrun.model.errors import BoxError, ResidueLeft
from bitrun.model.job import File
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.support.fake_engine import FakeEngine
from tests.support.residue import compiled
from tests.support.stages import BOX_LIMITS, collect, stage
from tools.bench import machine

OUTPUT = 4 << 20


@pytest.fixture
def boxes(fake_engine: FakeEngine) -> BoxMaker:
    return BoxMaker(fake_engine, Settings())


@pytest.fixture
def box(boxes: BoxMaker) -> Iterator[Box]:
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        yield box


def reset(box: Box) -> None:
    box.supervisor.start_reset()
    box.supervisor.receive_reset(5)


def run(box: Box, name: str, *arguments: str, code: int = 0) -> str:
    box.supervisor.queue_files([File("program", compiled(name))])
    script = 'chmod 755 program; exec ./program "$@"'
    started = stage("sh", "-c", script, "sh", *arguments, output=OUTPUT, wall_ms=20_000)
    verdict, stdout, stderr = collect(box.supervisor, started)
    assert (verdict.code, stderr) == (code, b""), stdout
    return stdout.decode()


def test_nothing_of_a_run_is_left_to_the_next(box: Box) -> None:
    new = run(box, "observe")
    assert len(new.splitlines()) > 500
    reset(box)
    for _ in range(3):
        assert run(box, "leave_residue", code=7) == "left\n"
        reset(box)
        assert run(box, "observe") == new
        reset(box)


def test_what_a_used_box_shows_is_that_of_another_new_one(boxes: BoxMaker) -> None:
    with (
        boxes.make("bitrun/bash", BOX_LIMITS) as used,
        boxes.make("bitrun/bash", BOX_LIMITS) as new,
    ):
        run(used, "leave_residue", code=7)
        reset(used)
        assert comparable(run(used, "observe")) == comparable(run(new, "observe"))


def comparable(text: str) -> str:
    *_, uid = re.findall(r"^Uid:\t(\d+)", text, re.MULTILINE)  # the first is that of PID 1
    text = text.replace(uid, "UID")
    # Of mounts: their numbers, the devices, and peers.
    text = re.sub(r"^\d+ \d+ \d+:\d+ ", "MOUNT ", text, flags=re.MULTILINE)
    return re.sub(r"^(/\S+): \d+\.\d+ \d+\.\d+$", r"\1: TIMES", text, flags=re.MULTILINE)


LISTEN = "import socket; held = socket.create_server(('', 0)); print(end='.', flush=True); input()"
NETWORK = ("connection", "error", "flow-label", "route", "fast-open")


@pytest.mark.parametrize("what", NETWORK)
def test_what_is_left_in_the_network_ends_the_box(box: Box, what: str) -> None:
    assert run(box, "leave_residue", "1", what, code=7) == "left\n"
    with pytest.raises(ResidueLeft, match="namespaces: /proc/"):
        reset(box)


@pytest.mark.parametrize(
    ("namespace", "word"), [("--pid", "processes"), ("--net", "namespaces: /proc/net/sockstat")]
)
def test_what_no_stage_has_started_ends_the_box(
    box: Box, fake_engine: FakeEngine, namespace: str, word: str
) -> None:
    """As of `docker exec`: a process, or the socket of one that is not in the box otherwise."""
    run(box, "observe")
    running = fake_engine.containers[box.container].running
    assert running is not None
    (supervisor,) = machine.children(running.pid)
    command = ["nsenter", "-t", str(supervisor), namespace, sys.executable, "-c", LISTEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.read(1) == b"."
        with pytest.raises(ResidueLeft, match=word):
            reset(box)
        stranger.communicate()


def test_a_reset_amid_a_stage(box: Box) -> None:
    box.supervisor.start(stage("sleep", "9"))
    box.supervisor.start_reset()
    with pytest.raises(BoxError, match="a reset came amid a job"):
        box.supervisor.receive()


def test_a_job_during_a_reset(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    # In one packet with the job: sent alone, it may be over before the job comes.
    monkeypatch.setattr(box.supervisor, "_flush", lambda: None)
    box.supervisor.start_reset()
    monkeypatch.undo()
    box.supervisor.queue_files([File("a", b"")])
    with pytest.raises(BoxError, match="job"):
        collect(box.supervisor, stage("true"))
