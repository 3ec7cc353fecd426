"""Commands of a sandbox that go on after the request that has started them."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from bitrun.execution.sandboxes.output_ring import OutputPart, OutputRing
from bitrun.model.disconnect import CHECK_SECONDS, ClientConnection
from bitrun.model.errors import (
    BoxError,
    CommandEnded,
    CommandInterrupted,
    CommandNotFound,
    RequestError,
    SessionEnded,
)
from bitrun.model.job import Stage
from bitrun.model.result import Verdict
from bitrun.model.run_record import OnFinished, RunRecord
from bitrun.sandbox.supervisor.channels import BoxChannel
from bitrun.sandbox.supervisor.client import SupervisorClient

MAX_KNOWN = 16  # commands of a sandbox, running and ended
KEPT_BYTES = 1 << 18  # of the output of each
MAX_STDIN = 1 << 18  # bytes that wait for a command to read them
MAX_READ = 1 << 16  # bytes of output in one part

_ID_BYTES = 12  # random; the sandbox's own id is what protects it


class BackgroundCommand:
    """A command that runs until it ends, or its sandbox does. Threads share it.

    The reader of its box receives what it writes, so it takes no thread and never waits for a
    client. `command` is what its client has asked for. Times are seconds since the epoch. Of the
    job in `record` it keeps all, so that must not have the stdin.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        channel: BoxChannel,
        record: RunRecord,
        on_finished: OnFinished,
    ) -> None:
        self.id = f"cmd_{secrets.token_urlsafe(_ID_BYTES)}"
        self.command = command
        self.started_at = time.time()
        self.ended_at: float | None = None
        self.verdict: Verdict | None = None
        self.error: RequestError | None = None  # in place of a verdict
        self._limits = record.job.stages[-1].limits
        self._channel = channel
        self._client = SupervisorClient(channel)
        self._record = record
        self._on_finished = on_finished
        self._ring = OutputRing(KEPT_BYTES)
        self._takes_stdin = True
        self._started = time.monotonic()
        self._changed = threading.Condition()

    def start(self, stage: Stage, *, stdin_open: bool) -> None:
        """Start it; without `stdin_open` its stdin ends after that of the stage.

        Raises:
            RequestError: the command can't be given to a program.
            BoxError: the box is gone.
        """
        if len(stage.stdin) > MAX_STDIN:
            raise _too_much_stdin()
        self._limits = stage.limits
        with self._changed:
            self._channel.on_arrival = self._receive
            self._client.start(stage, interactive=True)
            if not stdin_open:
                self._client.end_stdin()
                self._takes_stdin = False

    @property
    def has_ended(self) -> bool:
        return self.ended_at is not None

    @property
    def kept(self) -> tuple[int, int]:
        """The offsets of the first byte of output that is kept, and of the first to come."""
        with self._changed:
            return self._ring.start, self._ring.end

    def wait(self, seconds: float, connection: ClientConnection | None) -> bool:
        """Wait until it has ended, or the time is over; return whether it has.

        Raises:
            ClientDisconnected: the client hung up first.
        """
        return self._wait(lambda: self.has_ended, seconds, connection)

    def read(self, offset: int, seconds: float, connection: ClientConnection | None) -> OutputPart:
        """Return output from an offset on; where there is none yet, wait for it or for the end.

        Raises:
            RequestError: so much has not been written yet.
            ClientDisconnected: the client hung up first.
        """
        with self._changed:
            if offset > self._ring.end:
                raise RequestError(
                    f"offset must be from 0 to {self._ring.end}, the bytes that were written so far"
                )
        self._wait(
            lambda: len(self._part(offset).output) > 0 or self.has_ended, seconds, connection
        )
        with self._changed:
            return self._part(offset)

    def write(self, data: bytes, *, is_last: bool) -> None:
        """Append to its stdin, and end that if the data `is_last`.

        Raises:
            CommandEnded: nobody can read it.
            RequestError: stdin has ended, or the command does not read what it has already.
            BoxError: the box is gone.
        """
        with self._changed:
            self._check_runs()
            if not self._takes_stdin:
                raise RequestError("The stdin of this command has ended; stdin_open keeps it open")
            if self._client.unsent_stdin + len(data) > MAX_STDIN:
                raise _too_much_stdin()
            self._client.write(data)
            if is_last:
                self._client.end_stdin()
                self._takes_stdin = False

    def signal(self, number: int) -> None:
        """Send a signal to its process group.

        Raises:
            CommandEnded: there is none any more.
            BoxError: the box is gone.
        """
        with self._changed:
            self._check_runs()
            self._client.signal(number)

    def kill(self) -> None:
        """End it, whatever it does; without a verdict."""
        with self._changed:
            if not self.has_ended:
                self._record.close(SessionEnded())
                self._finish(None, CommandInterrupted("It was deleted"))

    def _check_runs(self) -> None:
        if self.has_ended:
            raise CommandEnded

    def _part(self, offset: int) -> OutputPart:
        return self._ring.read(offset, MAX_READ, is_complete=self.has_ended)

    def _wait(
        self, is_met: Callable[[], bool], seconds: float, connection: ClientConnection | None
    ) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not is_met():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if connection is not None:
                    connection.check()
                self._changed.wait(min(left, CHECK_SECONDS))
        return True

    # By the reader of the box

    def _receive(self) -> None:
        with self._changed:
            if self.has_ended:
                return
            try:
                events = self._client.receive(0)
            except TimeoutError:  # a part of a frame
                return
            except RequestError as error:
                self._close_with(error)
                return
            except BoxError as error:
                # If it is the box that has ended, this thread knows why only after this call.
                self._close_with(CommandInterrupted(str(error)))
                return
            for event in events:
                if isinstance(event, Verdict):
                    verdict = event.under(self._limits)
                    self._record.stages.append(("run", verdict))
                    self._record.close(None)
                    self._finish(verdict, None)
                else:
                    self._ring.append(*event)
            self._changed.notify_all()

    def _close_with(self, error: RequestError) -> None:
        self._record.close(error)
        self._finish(None, error)

    def _finish(self, verdict: Verdict | None, error: RequestError | None) -> None:
        self.verdict, self.error = verdict, error
        self.ended_at = time.time()
        self._channel.close()
        self._record.run = time.monotonic() - self._started
        self._on_finished(self._record)
        self._changed.notify_all()


def _too_much_stdin() -> RequestError:
    return RequestError(
        f"At most {MAX_STDIN} bytes of stdin can wait for a command in the background to read them:"
        " send less at once, or a file"
    )


class BackgroundCommands:
    """The background commands of one sandbox, running and ended. Threads share it.

    The oldest that has ended is forgotten for a new one.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, BackgroundCommand] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, command: BackgroundCommand) -> None:
        with self._lock:
            self._known[command.id] = command
            ended = [each.id for each in self._known.values() if each.has_ended]
            for each in ended[: max(0, len(self._known) - MAX_KNOWN)]:
                del self._known[each]

    def find(self, command_id: str) -> BackgroundCommand:
        """Return a command.

        Raises:
            CommandNotFound: there is none of this id, or it has ended and is forgotten.
        """
        with self._lock:
            found = self._known.get(command_id)
        if found is None:
            raise CommandNotFound
        return found

    def all(self) -> list[BackgroundCommand]:
        """List all, the oldest first."""
        with self._lock:
            return list(self._known.values())

    def delete(self, command_id: str) -> None:
        """End a command and forget it.

        Raises:
            CommandNotFound: as `find`.
        """
        found = self.find(command_id)
        with self._lock:
            self._known.pop(command_id, None)
        found.kill()
