"""Joins a program and an interactor: each reads what the other writes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from bitrun.execution.runner import BACKSTOP_CHECK_MS, finish_stage, run_stage
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.job import Stage
from bitrun.model.output import Output, Stream
from bitrun.model.poll import READABLE, poll
from bitrun.model.result import StageResult

# The interactor's wall time beyond the program's: of a deadlock, which either may have caused, the
# program ends first, and the interactor can still say what it was waiting for.
EXTRA_MS = 1000


@dataclass(frozen=True, slots=True)
class Interaction:
    """The last stage of each; None of one that did not run since the other was not compiled.

    `program_first` says that the program ended before the interactor.
    """

    program: StageResult | None
    interactor: StageResult | None
    program_first: bool


def interact(
    program: Session, interactor: Session, connection: ClientConnection | None
) -> Interaction:
    """Compile both, as far as their languages do, then run them against each other.

    What one writes to stdout is the other's stdin, which ends when that one does. What waits for a
    side that does not read is bounded by the output limit of the other.

    Raises:
        ClientDisconnected, RequestError, ServiceError: as `Runner.run` does.
    """
    ours = _compile(program, connection)
    if isinstance(ours, StageResult):
        return Interaction(ours, None, program_first=True)
    theirs = _compile(interactor, connection)
    if isinstance(theirs, StageResult):
        return Interaction(None, theirs, program_first=False)
    sides = (ours, theirs)
    for side in sides:
        side.session.start(side.stage, interactive=True)
    ended: list[_Side] = []
    while len(ended) < len(sides):
        ready = _wait([side.session for side in sides if side not in ended], connection)
        for side, other in (sides, sides[::-1]):
            # After a time without events the sessions check their backstops.
            if side in ended or (ready and side.session.fileno() not in ready):
                continue
            _pass_on(side, other)
            if side.result is not None:
                ended.append(side)
    return Interaction(ours.result, theirs.result, program_first=ended[0] is ours)


@dataclass(eq=False, slots=True)
class _Side:
    session: Session
    stages: Iterator[Stage]
    stage: Stage
    output: Output = field(default_factory=Output)
    result: StageResult | None = None


def _compile(session: Session, connection: ClientConnection | None) -> _Side | StageResult:
    """Return the side before its run stage, or the result of the compilation if it failed."""
    stages = session.stages()
    for stage in stages:
        if stage.name == "run":
            return _Side(session, stages, stage)
        result = run_stage(session, stage, connection)
    return result


def _wait(sessions: list[Session], connection: ClientConnection | None) -> Collection[int]:
    if connection is None:
        return poll(dict.fromkeys(sessions, READABLE), BACKSTOP_CHECK_MS)
    return connection.wait_for_any(sessions, BACKSTOP_CHECK_MS)


def _pass_on(side: _Side, other: _Side) -> None:
    for stream, data in side.session.receive_ready():
        side.output.append(stream, data)
        if stream is Stream.STDOUT and other.result is None:
            other.session.write(data)
    verdict = side.session.verdict
    if verdict is None:
        return
    side.result = finish_stage(side.stage, verdict, side.output)
    next(side.stages, None)  # the session records the verdict
    if other.result is None:
        other.session.end_stdin()
