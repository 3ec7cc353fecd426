"""A program on a terminal: the prompt is waited for, and what the screen shows is the result."""

import pytest

from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.admission import Admission
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.runner import Runner
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.pool.pool import Pool
from tests.support.fake_images import engine_with_packages
from tests.support.fake_supervisor import Command, ScriptedBoxes, Talk
from tools.conformance.programs import TASKS
from tools.conformance.terminal import SIZE, run_on_terminal

(TASK,) = (task for task in TASKS if task.prompt)


def complaint(*printed: bytes, answer: bytes) -> str | None:
    """Return that about a program that prints this, then the answer to what is typed."""

    def script(talk: Talk, command: Command) -> None:
        assert command.tty == "24x80"
        for piece in printed:
            talk.stdout(piece)
        if talk.wait_for_stdin(b"Ada\r", 0.3):
            talk.stdout(answer)
            talk.verdict()
        else:
            talk.verdict(signal=9, limit="wall")

    engine = engine_with_packages(ScriptedBoxes(script))
    runner = Runner(Pool(BoxMaker(engine, Settings()), 0, dict), Admission(1, 0, 1.0))
    target = Target(Language(name="x", run="x"), "x", "bitrun/bash", "1")
    result = run_on_terminal(runner, build_job(target, Settings(), tty=SIZE), TASK)
    engine.close()
    return TASK.complaint(result)


@pytest.mark.parametrize(
    ("printed", "answer", "expected"),
    [
        ([b"name? "], b"Ada\r\nHello, Ada!\r\n", None),
        ([b"na", b"me? "], b"Ada\r\nHello, Ada!\r\n", None),
        ([b"\x1b[1G\x1b[0Jname? \x1b[7G"], b"A\x1b[8Gda\r\nHello, Ada!\r\n", None),
        ([], b"name? Hello, Ada!\r\n", "run ends by a limit: wall_time"),
        ([b"name? \r\n"], b"Ada\r\nHello, Ada!\r\n", "run ends by a limit: wall_time"),
        ([b"name? "], b"Ada\r\nHello, Eve!\r\n", "prints 'name? Ada\\nHello, Eve!\\n'"),
    ],
)
def test_it(printed: list[bytes], answer: bytes, expected: str | None) -> None:
    assert complaint(*printed, answer=answer) == expected
