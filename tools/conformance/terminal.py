"""Runs a program on a terminal, as somebody uses it who waits for the prompt before typing."""

import re

from bitrun.execution.runner import Runner
from bitrun.execution.session import Session
from bitrun.model.job import Job, Stage, TerminalSize
from bitrun.model.output import Output, Stream
from bitrun.model.result import Result, StageResult
from tools.conformance.programs import Task

SIZE = TerminalSize(rows=24, columns=80)

# Those that move the cursor and set modes: an editor of lines writes them around its prompt.
_CONTROL_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_LINE_END = re.compile(
    rb"\r+\n"
)  # two of the first: the program writes both, and the terminal adds one


def run_on_terminal(runner: Runner, job: Job, task: Task) -> Result:
    """Type the task's stdin once the screen ends with its prompt; return what the screen shows."""
    with runner.open(job) as session:
        return Result(tuple(_run(session, stage, task) for stage in session.stages()))


def _run(session: Session, stage: Stage, task: Task) -> StageResult:
    printed = b""
    session.start(stage, interactive=stage.tty is not None)
    untyped = stage.tty is not None
    while session.verdict is None:
        printed += b"".join(data for _, data in session.receive())
        if untyped and shown(printed).endswith(task.prompt.encode()):
            session.write(task.stdin.encode())
            untyped = False
    return StageResult(stage.name, session.verdict, Output([(Stream.STDOUT, shown(printed))]))


def shown(printed: bytes) -> bytes:
    """Return the text on the screen, of a program that only ever adds to it."""
    return _LINE_END.sub(b"\n", _CONTROL_SEQUENCE.sub(b"", printed))
