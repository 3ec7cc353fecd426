"""A terminal in a sandbox: a command that its client types to."""

from collections.abc import Callable

from bitrun.model.errors import SandboxEnded
from bitrun.model.job import Stage, TerminalSize
from bitrun.model.output import Stream
from bitrun.model.result import Verdict
from bitrun.model.sandbox import EndReason
from bitrun.sandbox.supervisor.channels import BoxChannel
from bitrun.sandbox.supervisor.client import SupervisorClient


class Terminal:
    """A running command; its methods are those of `execution.session.Session`.

    Raises BoxError from any of them, which `Sandbox.terminal` explains.
    """

    def __init__(self, channel: BoxChannel, stage: Stage, must_end: Callable[[], bool]) -> None:
        self._must_end = must_end
        self._channel = channel
        self._limits = stage.limits
        self._client = SupervisorClient(channel)
        self._client.start(stage, interactive=True)
        self.verdict: Verdict | None = None

    def receive_ready(self) -> list[tuple[Stream, bytes]]:
        """Return the output that a poll has announced; none if only part of a frame is there.

        Raises:
            SandboxEnded: it `must_end`, as the service stops.
        """
        if self._must_end():
            raise SandboxEnded(EndReason.STOPPED)
        output: list[tuple[Stream, bytes]] = []
        try:
            events = self._client.receive(0)
        except TimeoutError:
            return output
        for event in events:
            if isinstance(event, Verdict):
                self.verdict = event.under(self._limits)
            else:
                output.append(event)
        return output

    def write(self, data: bytes) -> None:
        self._client.write(data)

    def end_stdin(self) -> None:
        self._client.end_stdin()

    def signal(self, number: int) -> None:
        self._client.signal(number)

    def resize(self, size: TerminalSize) -> None:
        self._client.resize(size)

    @property
    def unsent_stdin(self) -> int:
        return self._client.unsent_stdin

    def fileno(self) -> int:
        return self._channel.fileno()
