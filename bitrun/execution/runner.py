"""One Job in, one Result out: the only door from the API to the sandbox."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Self

from bitrun.engine.engine import NotOnEngine
from bitrun.execution.admission import Admission
from bitrun.model.disconnect import Caller
from bitrun.model.errors import BoxEnded, OurFault, PackageMissing
from bitrun.model.jobs import Job, Result, Stage, StageResult, Stream, Verdict
from bitrun.model.run_record import Account, Tell
from bitrun.sandbox.box import Box
from bitrun.sandbox.pool.idle_boxes import Kind
from bitrun.sandbox.pool.pool import Pool
from bitrun.sandbox.supervisor.client import Conversation

LOOK_MS = 1000  # how often a silent box's backstop is looked at
_PIECE_SECONDS = 0.01  # for the rest of a piece of output that has begun to come


class Runner:
    """Runs jobs; `tell` is given the account of each once it is over."""

    def __init__(self, pool: Pool, admission: Admission, tell: Tell = lambda _: None) -> None:
        self._pool = pool
        self._admission = admission
        self._tell = tell

    def run(self, job: Job, caller: Caller | None = None) -> Result:
        """Run a job in a box of its own, as long as its caller is there.

        Raises:
            PackageMissing: its image is not installed.
            CallerFault: its files or its command can't be used.
            OurFault: the engine or the box failed.
            Busy: too many others run, and too many wait.
            CallerGone: the caller hung up.
        """
        account = Account(job)
        asked = time.monotonic()
        with self._admission.place(caller):
            account.queue = time.monotonic() - asked
            with self._open(account, caller) as session:
                return Result(tuple(_collect(session, stage, caller) for stage in session.stages()))

    def open(self, job: Job, caller: Caller) -> "Session":
        """Take a box for a job, to be driven stage by stage.

        Whoever holds a session open bounds their number. Raises as `run` does, but for Busy.
        """
        return self._open(Account(job), caller)

    def _open(self, account: Account, caller: Caller | None) -> "Session":
        job = account.job
        asked = time.monotonic()
        try:
            box = self._pool.take(Kind(job.image, job.limits), fresh=job.fresh, caller=caller)
        except NotOnEngine as error:
            raise PackageMissing(job.package) from error
        except OurFault as fault:
            account.close(fault)
            self._tell(account)
            raise
        account.box = time.monotonic() - asked
        account.container, account.pool = box.container, box.origin
        return Session(account, box, self._tell)


class Session:
    """A job in its box. As a context manager it discards the box."""

    def __init__(self, account: Account, box: Box, tell: Tell) -> None:
        self._account = account
        self._job = account.job
        self._box = box
        self._tell = tell
        self._verdict: Verdict | None = None
        self._opened = time.monotonic()

    def stages(self) -> Iterator[Stage]:
        """Give the stages, each to be started and driven to its verdict, until one fails."""
        self.conversation.put(self._job.files)
        started = time.monotonic()
        for stage in self._job.stages:
            self._verdict = None
            spent_ms = round((time.monotonic() - started) * 1000)
            yield _shortened(stage, self._job.wall_ms, spent_ms)
            if self._verdict is None:
                return
            self._account.stages.append((stage.name, self._verdict))
            if self._verdict.failed:
                return

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        self._box.start(stage, interactive=interactive)

    def receive(self, timeout: float | None = None) -> list[tuple[Stream, bytes]]:
        """Wait for output; `verdict` is set once the stage is over. See `Conversation.receive`."""
        try:
            events = self.conversation.receive(timeout)
        except BoxEnded:
            events = [self._box.judge_its_end()]
        if events and isinstance(events[-1], Verdict):
            self._verdict = events.pop()  # type: ignore[assignment]  # just seen
        return events  # type: ignore[return-value]  # the verdict is the last

    def receive_ready(self) -> list[tuple[Stream, bytes]]:
        """Return the output that is there, after a poll; perhaps none, if only a piece has come."""
        try:
            return self.receive(_PIECE_SECONDS)
        except TimeoutError:
            return []

    @property
    def verdict(self) -> Verdict | None:
        return self._verdict

    @property
    def conversation(self) -> Conversation:
        return self._box.conversation

    def fileno(self) -> int:
        return self._box.fileno()

    def __enter__(self) -> Self:
        self._box.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._account.run = time.monotonic() - self._opened
        if self._verdict is None:
            self._box.discard()  # now: its program may still be running
        self._box.__exit__(kind, error, traceback)
        self._account.close(error)
        self._tell(self._account)


def _shortened(stage: Stage, wall_ms: int | None, spent_ms: int) -> Stage:
    if wall_ms is None:
        return stage
    left = max(1, wall_ms - spent_ms)
    limits = dataclasses.replace(stage.limits, wall_ms=min(stage.limits.wall_ms, left))
    return dataclasses.replace(stage, limits=limits)


def _collect(session: Session, stage: Stage, caller: Caller | None) -> StageResult:
    pieces: list[tuple[Stream, bytes]] = []
    session.start(stage)
    while session.verdict is None:
        if caller is None:
            pieces += session.receive()
        else:
            caller.wait_for(session, LOOK_MS)
            pieces += session.receive_ready()
    return StageResult(stage.name, session.verdict, tuple(pieces))
