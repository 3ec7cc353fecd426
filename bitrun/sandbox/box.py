"""A box: one container, for one run or for several of one client."""

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import Self

from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.model.errors import (
    BoxEnded,
    BoxError,
    BoxUnresponsive,
    EngineError,
    RequestError,
    ServiceError,
)
from bitrun.model.job import Stage
from bitrun.model.poll import READABLE, poll
from bitrun.model.result import Outcome, Verdict
from bitrun.sandbox.cleanup.box_registry import BoxRegistry
from bitrun.sandbox.cleanup.removal import remove_box
from bitrun.sandbox.cpu_priority import CpuPriority
from bitrun.sandbox.egress.passage import Passage
from bitrun.sandbox.egress.proxy import EgressProxy
from bitrun.sandbox.supervisor.attached_stream import AttachedStream
from bitrun.sandbox.supervisor.channels import MAX_CHANNELS, Channels
from bitrun.sandbox.supervisor.client import PARTIAL_FRAME_SECONDS, SupervisorClient

# Upper bound for the removal of a container that has ended, which the engine starts at once.
_REMOVAL_TIMEOUT = 5.0

SUPERVISOR_PROCESSES = 2  # in the same cgroup as those of the program: it has a second thread

# The supervisor ends by itself if it can't clean the box in five seconds and prove it in another.
_RESET_TIMEOUT = 10.0

_log = logging.getLogger(__name__)


class Box:
    """A started container whose supervisor waits for its first frame.

    As a context manager it calls `on_exit` with itself, which discards it now or later. `origin` is
    `hit`, `miss`, `fresh` or `reused`, see `PoolStats`. `runs` counts the jobs that it was taken
    for, the first of them at `taken_at`. `ended_well` says that the last one ended by itself and
    within its limits.
    """

    def __init__(
        self,
        engine: Engine,
        registry: BoxRegistry,
        cpu_priority: CpuPriority,
        container: str,
        stream: AttachedStream,
        *,
        memory: int,
        processes: int,
        egress: tuple[EgressProxy, Passage] | None = None,
    ) -> None:
        self.container = container
        self.created_at = self._started_at = time.monotonic()
        self.on_exit: Callable[[Box], None] = Box.discard
        self.origin = "fresh"
        self.runs = 0
        self.taken_at = self.released_at = 0.0
        self.ended_well = False
        self._resets_until: float | None = None  # None when it is not being reset
        self._is_clean = False  # by its supervisor's word
        self._limits_of_creation = (memory, processes)
        self._memory = memory
        self._processes = processes
        self._is_lowered = False  # the memory limit, below that of the container's creation
        self._engine = engine
        self._registry = registry
        self._cpu_priority = cpu_priority
        self._stream = stream
        self._egress = egress
        self.supervisor = SupervisorClient(stream)

    def start(self, stage: Stage, *, interactive: bool = False) -> None:
        """Start a stage; see `SupervisorClient.start`.

        Raises:
            RequestError: the stage's memory limit is below the memory that the box already uses.
        """
        self._set_memory_limit(stage.limits.memory)
        self._set_process_limit(stage.limits.processes)
        self._cpu_priority.begin(self.container)
        self._started_at = time.monotonic()
        try:
            self.supervisor.start(self.online(stage), interactive=interactive)
        except BoxEnded as error:
            if self._is_lowered:
                raise self._limit_too_small(stage.limits.memory) from error
            raise

    def oom_verdict(self) -> Verdict:
        """Return the verdict of a stage after the box has ended with its supervisor.

        When memory runs out the kernel may kill the supervisor: no process is large if all memory
        is in files, and a program can lower its own OOM score. The CPU time is lost then and
        reported as 0.

        Raises:
            BoxEnded: the box ended for another reason.
        """
        ended_at = time.monotonic()
        # On cgroup v2 a limit below what the box holds kills the supervisor at once, and the engine
        # may miss the event.
        if not self._is_lowered:
            end = self._engine.find_end(self.container, _REMOVAL_TIMEOUT)
            if not end.out_of_memory:
                raise BoxEnded(end.exit_code)
        return Verdict(
            outcome=Outcome.MEMORY,
            code=None,
            signal="SIGKILL",
            oom_killed=True,
            wall_ms=(ended_at - self._started_at) * 1000,
            cpu_ms=0,
            memory=self._memory,
        )

    def share(self, memory: int, processes: int, on_end: Callable[[BoxError], None]) -> Channels:
        """Let the box live on for several conversations at once; `supervisor` is not used then.

        Raises:
            BoxError: the box is gone.
        """
        self._set_memory_limit(memory)
        # A handler and a writer of each channel are in the same cgroup as the programs.
        self._set_process_limit(processes + 2 * MAX_CHANNELS)
        self._cpu_priority.begin(self.container)
        return Channels(self._stream, on_end)

    def online(self, stage: Stage) -> Stage:
        """Return a stage as it is started here: if the box may reach hosts, with the way there."""
        return stage if self._egress is None else self._egress[1].online(stage)

    def ran_out_of_memory(self) -> bool:
        """Whether the box, which has ended, did so for lack of memory."""
        try:
            return self._engine.find_end(self.container, _REMOVAL_TIMEOUT).out_of_memory
        except ServiceError:
            return False

    def is_idle(self) -> bool:
        """Whether its supervisor still waits for a first frame.

        Until then it sends nothing: a readable stream means that the container has ended.
        """
        return not poll({self._stream: READABLE}, 0)

    # Between two jobs

    def start_reset(self) -> bool:
        """Begin to make the box as new. False if it can't be: it must be discarded.

        Its limits must be those of its creation. To have the engine set them back would take as
        long as most runs.
        """
        is_changed = (self._memory, self._processes) != self._limits_of_creation
        if is_changed or self._is_lowered or not self.ended_well:
            return False
        self._cpu_priority.restore(self.container)
        self.ended_well = False
        try:
            self.supervisor.start_reset()
        except BoxError:
            return False
        self._is_clean = False
        self.released_at = time.monotonic()
        self._resets_until = self.released_at + _RESET_TIMEOUT
        return True

    def is_reset(self) -> bool:
        """Whether the box is as new now; False while it is still being reset.

        Raises:
            ResidueLeft: it can't be proven.
            BoxError: the box ended, or its reset takes too long.
        """
        deadline = self._resets_until
        is_readable = not self.is_idle()
        if deadline is None:
            if is_readable:
                raise BoxEnded
            return True
        if is_readable and self._is_clean:
            raise BoxEnded
        if is_readable:
            with contextlib.suppress(TimeoutError):  # a part of the frame
                self.supervisor.receive_reset(PARTIAL_FRAME_SECONDS)
                self._is_clean = True
        if self._is_clean and self._cpu_priority.is_restored(self.container):
            self._resets_until = None
            return True
        if time.monotonic() > deadline:
            raise BoxUnresponsive
        return False

    def fileno(self) -> int:
        """Return the descriptor that is readable when `SupervisorClient.receive` has something."""
        return self._stream.fileno()

    @property
    def held_memory(self) -> int:
        """Upper bound of the memory in bytes that the box holds after its last verdict.

        Its processes are gone then; files in its memory and the like may remain. Only a peak of up
        to 3 MB before the first stage, when the runtime creates the container, is not in verdicts.
        """
        return self.supervisor.file_bytes + self.supervisor.peak_memory

    def discard(self) -> None:
        """Disconnect. The supervisor exits then, and the engine removes the container."""
        self._stream.close()
        if self._egress is not None:
            proxy, passage = self._egress
            proxy.withdraw(passage)
        self._cpu_priority.end(self.container)
        self._registry.release(self.container)

    def destroy(self) -> None:
        """Discard and remove by force, for a box that may not notice the disconnection.

        The removal runs in its own thread, so that an engine in trouble does not delay the answer.
        """
        self.discard()
        context = contextvars.copy_context()  # for the request's id in the log
        threading.Thread(target=context.run, args=(self._remove,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: object, _traceback: object) -> None:
        if isinstance(error, ServiceError):
            self.destroy()
        self.on_exit(self)

    def _set_memory_limit(self, memory: int) -> None:
        if memory == self._memory:
            return
        lowers = memory < self._memory
        try:
            self._engine.set_memory_limit(self.container, memory)
        except NotOnEngine as error:
            raise (self._limit_too_small(memory) if lowers else BoxEnded()) from error
        except EngineError as error:
            raise self._limit_too_small(memory) from error
        self._memory = memory
        self._is_lowered = self._is_lowered or lowers

    def _set_process_limit(self, processes: int) -> None:
        if processes == self._processes:
            return
        try:
            self._engine.set_process_limit(self.container, processes + SUPERVISOR_PROCESSES)
        except NotOnEngine as error:
            raise BoxEnded from error
        self._processes = processes

    @staticmethod
    def _limit_too_small(memory: int) -> RequestError:
        # Files in the work directory count as memory, and they stay. cgroup v1 refuses such a
        # limit, v2 kills for it.
        return RequestError(f"A memory limit of {memory} bytes is too small here")

    def _remove(self) -> None:
        try:
            remove_box(self._engine, self.container)
        except ServiceError as error:
            _log.warning("Box %s could not be removed: %s", self.container[:12], error)
