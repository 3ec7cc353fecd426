"""A job in its box, driven stage by stage."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from typing import Self

from bitrun.execution.compiling.cache import Compilation
from bitrun.model.errors import BoxEnded, BoxError, CommandRejected
from bitrun.model.job import Stage, TerminalSize
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import Collected, DroppedFile, DropReason, Hold, hold_all
from bitrun.model.result import StageResult, Verdict
from bitrun.model.run_record import OnFinished, RunRecord
from bitrun.sandbox.box import Box
from bitrun.sandbox.supervisor.client import PARTIAL_FRAME_SECONDS

_log = logging.getLogger(__name__)


class Session:
    """A job in its box.

    As a context manager it discards the box at its end, and closes the record of the run.
    """

    def __init__(
        self, record: RunRecord, box: Box, compilation: Compilation, on_finished: OnFinished
    ) -> None:
        self._record = record
        self._job = record.job
        self._box = box
        self._compilation = compilation
        self._compile_output: Output | None = None  # of the current stage, to be kept
        self._on_finished = on_finished
        self._limits = record.job.stages[0].limits  # of the current stage
        self._verdict: Verdict | None = None
        self._box_failed = False
        self._opened = time.monotonic()

    def stages(self) -> Iterator[Stage]:
        """Yield the stages until one fails; the caller drives each to its verdict.

        A compile stage that is `compiled` is left out.
        """
        self._compilation.put_files(self._box.supervisor.queue_files)
        started = time.monotonic()
        for stage in self._job.stages[self._record.compile_cached :]:
            self._verdict = None
            self._box.supervisor.queue_files(stage.files)
            spent_ms = round((time.monotonic() - started) * 1000)
            yield _shortened(stage, self._job.wall_ms, spent_ms)
            if self._verdict is None:
                return
            self._record.stages.append((stage.name, self._verdict))
            if self._compile_output is not None:
                # Before another stage runs, whose program could change what this one has left.
                result = StageResult(stage.name, self._verdict, self._compile_output)
                self._compilation.keep(result, self._box.supervisor.collect)
                self._compile_output = None
            if self._verdict.failed:
                return

    @property
    def compiled(self) -> StageResult | None:
        """The result of the compile stage, if an earlier identical one serves for it."""
        return self._compilation.result

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        self._limits = stage.limits
        if stage.name == "compile" and self._compilation.is_wanted:
            self._compile_output = Output()
        self._box.start(stage, interactive=interactive)

    def receive(self, timeout: float | None = None) -> list[tuple[Stream, bytes]]:
        """Wait for output and return it; `verdict` is set once the stage is over.

        Arguments and errors are those of `SupervisorClient.receive`.
        """
        try:
            events = self._box.supervisor.receive(timeout)
        except BoxEnded:
            events = [self._box.oom_verdict()]
        output: list[tuple[Stream, bytes]] = []
        for event in events:
            if isinstance(event, Verdict):
                self._verdict = event.under(self._limits)
            else:
                output.append(event)
                if self._compile_output is not None:
                    self._compile_output.append(*event)
        return output

    def receive_ready(self) -> list[tuple[Stream, bytes]]:
        """Return the output that a poll has announced; none if only part of a frame is there."""
        try:
            return self.receive(PARTIAL_FRAME_SECONDS)
        except TimeoutError:
            return []

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of the current stage, None while it runs."""
        return self._verdict

    def collect(self, hold: Hold = hold_all) -> Collected:
        """Get the files that the job has asked for and made, after its last verdict.

        A box that fails costs the files, and not the result. A file that `hold` has no memory for
        is dropped.
        """
        request = self._job.output_files
        if request is None:
            return Collected()
        try:
            return self._box.supervisor.collect(
                request.patterns, request.limits, hold, self._job.contents
            )
        except BoxError as error:
            # If memory is full of files, the kernel may have killed the supervisor.
            _log.info("Box %s sends no files: %s", self._box.container[:12], error)
            self._box_failed = True
            self._box.destroy()
            return Collected(dropped=(DroppedFile("", DropReason.FAILED),))

    # While an interactive stage runs

    def write(self, data: bytes) -> None:
        """Append to the program's stdin."""
        self._box.supervisor.write(data)

    def end_stdin(self) -> None:
        """End the program's stdin after the bytes written so far."""
        self._box.supervisor.end_stdin()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        self._box.supervisor.signal(number)

    def resize(self, size: TerminalSize) -> None:
        """Change the size of the program's terminal, if it has one."""
        self._box.supervisor.resize(size)

    @property
    def unsent_stdin(self) -> int:
        """Bytes of stdin that wait until the program reads what was sent before."""
        return self._box.supervisor.unsent_stdin

    def fileno(self) -> int:
        return self._box.fileno()

    def __enter__(self) -> Self:
        self._box.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._record.run = time.monotonic() - self._opened
        self._compilation.close()
        if self._verdict is None:
            self._box.discard()  # now: its program may still be running
        self._box.ended_well = (
            error is None
            and self._verdict is not None
            and not self._box_failed
            and all(verdict.is_own for _, verdict in self._record.stages)
        )
        self._box.__exit__(kind, error, traceback)
        if isinstance(error, CommandRejected):
            # The client may have caused it; if not, an entry of the catalogue is wrong.
            _log.warning("Package %s: %s", self._job.package, error)
        self._record.close(error)
        self._on_finished(self._record)


def _shortened(stage: Stage, wall_ms: int | None, spent_ms: int) -> Stage:
    if wall_ms is None:
        return stage
    left = max(1, wall_ms - spent_ms)
    limits = dataclasses.replace(stage.limits, wall_ms=min(stage.limits.wall_ms, left))
    return dataclasses.replace(stage, limits=limits)
