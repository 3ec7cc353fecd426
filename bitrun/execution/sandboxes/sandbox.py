"""A sandbox: a box that its client keeps, and the commands and files in it."""

import dataclasses
import logging
import shlex
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bitrun.config.catalogue import KernelSpec
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.execution.kernels.kernels import Kernels
from bitrun.execution.runner import finish_stage
from bitrun.execution.sandboxes.background import BackgroundCommand, BackgroundCommands
from bitrun.execution.sandboxes.terminal import Terminal
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import (
    BoxEnded,
    BoxError,
    CommandInterrupted,
    SandboxBusy,
    SandboxEnded,
    SessionEnded,
    TooManyCommands,
)
from bitrun.model.job import File, Job, Limits, Stage
from bitrun.model.output import Output, Stream
from bitrun.model.output_files import Collected, Hold, OutputLimits
from bitrun.model.result import Result, StageResult, Verdict
from bitrun.model.run_record import OnFinished, RunRecord
from bitrun.model.sandbox import EndReason, SandboxLimits
from bitrun.packages.runtimes import Runtime
from bitrun.sandbox.box import Box
from bitrun.sandbox.supervisor.channels import MAX_CHANNELS, BoxChannel
from bitrun.sandbox.supervisor.client import SupervisorClient

# Background commands and terminals at once: the other channels are for short commands and files,
# so that a client can always end what it has started.
MAX_LASTING = MAX_CHANNELS - 4

# Until the engine has said why a box has ended.
_REASON_SECONDS = 10.0

_NO_STAGE_LIMITS = Limits(10_000, None, 4096, 0, 0, 0)

# Of a stage that lasts as long as the sandbox: milliseconds and bytes beyond any.
_ENDLESS_MS = 1 << 39
_ENDLESS_BYTES = 1 << 60

_log = logging.getLogger(__name__)

StageEvent = tuple[Stage, tuple[Stream, bytes] | Verdict]


@dataclass(frozen=True, slots=True)
class SandboxPlan:
    """What a sandbox is to be: its package and language, its limits, variables of all commands.

    `allowed_domains` are the hosts that it may connect to, see `AllowList.select`; none by default.
    """

    runtime: Runtime
    limits: SandboxLimits
    environment: Mapping[str, str]
    allowed_domains: tuple[str, ...] = ()


class Sandbox:
    """A sandbox of one client, and its `kernels`. Threads share it.

    `created_at` and `last_active_at` are seconds since the epoch. `owner` is the client, None if it
    can't be identified: then only the id protects it.
    """

    def __init__(
        self,
        sandbox_id: str,
        owner: str | None,
        plan: SandboxPlan,
        box: Box,
        *,
        settings: Settings,
        on_finished: OnFinished,
    ) -> None:
        self.id = sandbox_id
        self.owner = owner
        self.runtime = plan.runtime
        self.limits = limits = plan.limits
        self.environment = plan.environment
        self.allowed_domains = plan.allowed_domains
        self.created_at = self.last_active_at = time.time()
        self._started = self._used = time.monotonic()
        self.kernels = Kernels(plan.runtime.package.id, plan.runtime.language.kernels, self)
        self._box = box
        self._settings = settings
        self._on_finished = on_finished
        self.commands = BackgroundCommands()
        self._active = 0  # commands, and files on their way
        self._ends_terminals = False
        self._lasting = threading.BoundedSemaphore(MAX_LASTING)
        self._lock = threading.Lock()
        self._reason: EndReason | None = None
        self._has_ended = threading.Event()
        self._channels = box.share(limits.memory, limits.processes, self._box_ended)

    def adopt(self, owner: str | None, plan: SandboxPlan) -> None:
        """Give one that was made ahead to a client, as if it was made now."""
        self.owner = owner
        self.limits = plan.limits
        self.created_at = self.last_active_at = time.time()
        self._started = self._used = time.monotonic()

    @property
    def container(self) -> str:
        return self._box.container

    def idle_for(self) -> float:
        """Return the seconds since it was used last; 0 while it is, or a kernel is busy."""
        is_busy = self.kernels.is_busy()
        with self._lock:
            return 0.0 if self._active or is_busy else time.monotonic() - self._used

    def age(self) -> float:
        """Return the seconds since its creation."""
        return time.monotonic() - self._started

    def ran_out_of_memory(self) -> bool:
        """Whether its box, which has ended, did so for lack of memory."""
        return self._box.ran_out_of_memory()

    def run(
        self, job: Job, connection: ClientConnection | None, *, is_counted: bool = True
    ) -> Result:
        """Run the stages of a job, as `stream` does, and return their results."""
        results: list[StageResult] = []
        output = Output()
        for stage, event in self.stream(job, connection, is_counted=is_counted):
            if isinstance(event, Verdict):
                results.append(finish_stage(stage, event, output))
                output = Output()
            else:
                output.append(*event)
        return Result(tuple(results))

    def stream(
        self, job: Job, connection: ClientConnection | None, *, is_counted: bool = True
    ) -> Iterator[StageEvent]:
        """Run the stages of a job until one fails; yield output as it comes, and the verdicts.

        Its files stay. The end of the iterator, or of the client, ends the stage that runs; what it
        has left in the background goes on. Log and metrics have it if it `is_counted`.

        Raises:
            RequestError: its files or its command can't be used, or a command was interrupted.
            ClientDisconnected: the client hung up.
        """
        record = RunRecord(job, container=self.container, pool="sandbox")
        started = time.monotonic()
        verdict: Verdict | None = None
        try:
            with self._client() as client:
                client.queue_files(job.files)
                for stage in job.stages:
                    client.queue_files(stage.files)
                    verdict = None
                    for event in _events(client, self._within_memory(stage), connection):
                        if isinstance(event, Verdict):
                            verdict = event
                            record.stages.append((stage.name, verdict))
                        yield stage, event
                    if verdict is None or verdict.failed:
                        break
        except GeneratorExit:
            # Its reader has left: during a stage, or with all that was wanted.
            record.close(SessionEnded() if verdict is None else None)
            raise
        except BaseException as error:
            record.close(error)
            raise
        else:
            record.close(None)
        finally:
            record.run = time.monotonic() - started
            if is_counted:
                self._on_finished(record)

    def start(
        self, job: Job, command: str | Sequence[str], *, stdin_open: bool
    ) -> BackgroundCommand:
        """Start the last stage of a job in the background; `command` is what it is called.

        It does not count as use. With `stdin_open` its stdin does not end after the stage's.

        Raises:
            RequestError: it can't be given to a program.
            TooManyCommands: so many run already.
        """
        stage = self._within_memory(job.stages[-1])
        kept = dataclasses.replace(job, stages=(dataclasses.replace(stage, stdin=b""),))
        record = RunRecord(kept, container=self.container, pool="sandbox")

        def finish(record: RunRecord) -> None:
            self.release_lasting()
            self._on_finished(record)

        with self.used():
            self.take_lasting()
            try:
                channel = self.open_channel()
            except BaseException:
                self.release_lasting()
                raise
            made = BackgroundCommand(command, channel, record, finish)
            try:
                made.start(stage, stdin_open=stdin_open)
            except BaseException:
                made.kill()
                raise
            self.commands.add(made)
        return made

    @contextmanager
    def terminal(self, job: Job) -> Iterator[Terminal]:
        """Start the last stage of a job, which has a terminal, for a client that types.

        The end of the block ends it. It counts as use.

        Raises:
            RequestError: it can't be given to a program.
            TooManyCommands: so many run already.
        """
        stage = self._within_memory(job.stages[-1])
        record = RunRecord(job, container=self.container, pool="sandbox")
        started = time.monotonic()
        self.take_lasting()
        try:
            with self.used(), self.open_channel() as channel:
                terminal = Terminal(channel, stage, lambda: self._ends_terminals)
                yield terminal
                if terminal.verdict is not None:
                    record.stages.append((stage.name, terminal.verdict))
        except BaseException as error:
            record.close(error)
            raise
        else:
            record.close(None)
        finally:
            self.release_lasting()
            record.run = time.monotonic() - started
            self._on_finished(record)

    def write(self, files: Iterable[File]) -> None:
        """Write files.

        Raises:
            FileRejected: one can't be written.
        """
        stage = Stage("run", ("true",), {"PATH": "/usr/bin:/bin"}, _NO_STAGE_LIMITS)
        with self._client() as client:
            client.queue_files(files)
            for _ in _events(client, self._within_memory(stage), None):
                pass

    def collect(self, pattern: str, limits: OutputLimits, hold: Hold) -> Collected:
        """Get the files that match a pattern, see `SupervisorClient.collect`."""
        with self._client() as client:
            return client.collect([pattern], limits, hold)

    # For what lasts in it

    def take_lasting(self) -> None:
        """Take one of the places of what goes on; the others are for short commands and files.

        Raises:
            TooManyCommands: none is left.
        """
        if not self._lasting.acquire(blocking=False):
            raise TooManyCommands(MAX_LASTING)

    def release_lasting(self) -> None:
        self._lasting.release()

    def open_channel(self) -> BoxChannel:
        """Open a channel to the box, which does not count as use.

        Raises:
            SandboxBusy: there is none left.
            SandboxEnded: it has ended.
        """
        try:
            channel = self._channels.open()
        except BoxError as error:
            raise self.explain(error) from error
        if channel is None:
            raise SandboxBusy(MAX_CHANNELS)
        return channel

    def kernel_stage(self, spec: KernelSpec) -> Stage:
        """Return the stage that starts the driver of a kernel."""
        job = build_job(
            Target.of(self.runtime),
            self._settings,
            command=shlex.split(spec.command),
            environment=self.environment,
        )
        stage = self._within_memory(job.stages[0])
        limits = dataclasses.replace(
            stage.limits, wall_ms=_ENDLESS_MS, cpu_ms=None, output=_ENDLESS_BYTES
        )
        return dataclasses.replace(stage, limits=limits)

    def touch(self) -> None:
        """Note that it is being used."""
        with self._lock:
            self._used = time.monotonic()
            self.last_active_at = time.time()

    def end(self, reason: EndReason) -> None:
        """End it, with all that runs in it. Only the first reason counts."""
        with self._lock:
            self._reason = self._reason or reason
        self._has_ended.set()
        self._box.discard()

    def end_terminals(self) -> None:
        """End its terminals within a second, as the service stops."""
        self._ends_terminals = True

    def _box_ended(self, error: BoxError) -> None:
        if self._reason is None:
            _log.info("The box %s of a sandbox has ended: %s", self.container[:12], error)
            memory = self.ran_out_of_memory()
            self.end(EndReason.MEMORY if memory else EndReason.FAILED)

    @property
    def reason(self) -> EndReason | None:
        """Why it has ended, None while it lives."""
        return self._reason

    @contextmanager
    def used(self) -> Iterator[None]:
        """Count it as used while the block runs, and explain why a box has failed.

        Raises:
            SandboxEnded, CommandInterrupted: in place of a BoxError.
        """
        with self._lock:
            self._active += 1
        try:
            yield
        except BoxError as error:
            raise self.explain(error) from error
        finally:
            with self._lock:
                self._active -= 1
            self.touch()

    @contextmanager
    def _client(self) -> Iterator[SupervisorClient]:
        with self.used(), self.open_channel() as channel:
            yield SupervisorClient(channel)

    def explain(self, error: BoxError) -> SandboxEnded | CommandInterrupted:
        """Return what an error of the box means to the client."""
        # What can't be sent has found the box's end before the reader has.
        if isinstance(error, BoxEnded) or self._channels.has_ended:
            self._has_ended.wait(_REASON_SECONDS)
            return SandboxEnded(self._reason or EndReason.FAILED)
        return CommandInterrupted(str(error))

    def _within_memory(self, stage: Stage) -> Stage:
        memory = self.limits.memory
        stack = min(stage.limits.stack, memory)
        limits = dataclasses.replace(stage.limits, memory=memory, stack=stack)
        return self._box.online(dataclasses.replace(stage, limits=limits))


def _events(
    client: SupervisorClient, stage: Stage, connection: ClientConnection | None
) -> Iterator[tuple[Stream, bytes] | Verdict]:
    client.start(stage)
    while True:
        if connection is not None:
            connection.check()
        try:
            events = client.receive(CHECK_SECONDS)
        except TimeoutError:
            continue
        for event in events:
            if isinstance(event, Verdict):
                yield event.under(stage.limits)
                return
            yield event
