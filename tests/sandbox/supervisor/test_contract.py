"""What the real supervisor and the scripted one of the tests have in common."""

from collections.abc import Iterator

import pytest

from bitrun.config.settings import Settings
from bitrun.model.errors import CommandRejected
from bitrun.model.job import File
from bitrun.model.output import Stream
from bitrun.model.output_files import Collected, OutputFile, OutputLimits
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.box import Box
from bitrun.sandbox.box_maker import BoxMaker
from tests.support.fake_images import engine_with_packages
from tests.support.fake_supervisor import ScriptedBoxes
from tests.support.process_boxes import ProcessBoxes, Programs
from tests.support.stages import BOX_LIMITS, collect, stage
from tests.support.waiting import wait_until


@pytest.fixture(params=["scripted", "real"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    boxes = (
        ScriptedBoxes()
        if request.param == "scripted"
        else ProcessBoxes(Programs.of(request.getfixturevalue("programs")))
    )
    engine = engine_with_packages(boxes)
    with BoxMaker(engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        yield box
    assert wait_until(lambda: not engine.containers, 5)
    engine.close()


def test_it_waits_for_the_first_frame(box: Box) -> None:
    assert box.is_idle()


def test_a_program_that_ends_well(box: Box) -> None:
    verdict, stdout, stderr = collect(box.supervisor, stage("echo", "a b", "c"))
    assert (stdout, stderr) == (b"a b c\n", b"")
    assert (verdict.outcome, verdict.code, verdict.signal) == (Outcome.OK, 0, None)
    assert verdict.memory > 0
    assert verdict.wall_ms > 0


def test_a_program_that_fails(box: Box) -> None:
    verdict, stdout, _ = collect(box.supervisor, stage("false"))
    assert (verdict.outcome, verdict.code, stdout) == (Outcome.EXIT, 1, b"")


def test_stages_follow_each_other(box: Box) -> None:
    for word in ("one", "two"):
        _, stdout, _ = collect(box.supervisor, stage("echo", word))
        assert stdout == f"{word}\n".encode()


def test_files(box: Box) -> None:
    content = bytes(range(256)) * 1000
    box.supervisor.queue_files([File("data", content), File("empty", b"")])
    assert collect(box.supervisor, stage("cat", "data", output=len(content)))[1] == content
    assert collect(box.supervisor, stage("cat", "empty"))[1] == b""


def test_files_that_a_program_has_made(box: Box) -> None:
    content = bytes(range(256)) * 1000
    box.supervisor.queue_files([File("data", content), File("empty", b"")])
    collect(box.supervisor, stage("cp", "data", "copy"))
    limits = OutputLimits(files=9, file_size=len(content), total_size=len(content))
    assert box.supervisor.collect(["c*"], limits) == Collected(
        (OutputFile("copy", 0o644, content),)
    )
    assert collect(box.supervisor, stage("echo", "more"))[1] == b"more\n"
    assert box.supervisor.collect(["empty", "none"], limits) == Collected(
        (OutputFile("empty", 0o644, b""),)
    )


def test_stdin_and_its_end(box: Box) -> None:
    verdict, stdout, _ = collect(box.supervisor, stage("cat", stdin=b"one\ntwo"))
    assert (verdict.outcome, stdout) == (Outcome.OK, b"one\ntwo")


def test_stdin_beyond_the_credit_window(box: Box) -> None:
    lines = b"x" * 999 + b"\n"
    sent = lines * 3000
    verdict, stdout, _ = collect(box.supervisor, stage("cat", stdin=sent, output=len(sent)))
    assert (verdict.outcome, stdout == sent) == (Outcome.OK, True)


def test_an_interactive_stage(box: Box) -> None:
    box.supervisor.start(stage("cat"), interactive=True)
    for line in (b"one\n", b"two\n"):
        box.supervisor.write(line)
        assert next_output(box) == line
    box.supervisor.end_stdin()
    assert end_of(box).outcome is Outcome.OK


def test_a_signal(box: Box) -> None:
    box.supervisor.start(stage("sleep", "9", wall_ms=20_000), interactive=True)
    box.supervisor.signal(15)
    verdict = end_of(box)
    assert (verdict.outcome, verdict.code, verdict.signal) == (Outcome.SIGNAL, None, "SIGTERM")


def test_the_wall_time(box: Box) -> None:
    verdict, _, _ = collect(box.supervisor, stage("sleep", "9", wall_ms=100))
    assert (verdict.outcome, verdict.signal) == (Outcome.WALL_TIME, "SIGKILL")


def test_what_can_not_be_started(box: Box) -> None:
    with pytest.raises(CommandRejected, match=r"started: nothing: No such file or directory"):
        collect(box.supervisor, stage("nothing"))


def next_output(box: Box) -> bytes:
    while True:
        for event in box.supervisor.receive(5):
            assert not isinstance(event, Verdict)
            stream, data = event
            assert stream is Stream.STDOUT
            return data


def end_of(box: Box) -> Verdict:
    while True:
        for event in box.supervisor.receive(5):
            if isinstance(event, Verdict):
                return event
