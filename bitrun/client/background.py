"""Background commands in a sandbox, which go on until they end or the sandbox does."""

import time
from collections.abc import AsyncIterator, Iterator

from bitrun.client import background_calls as calls
from bitrun.client.background_calls import LONGEST_WAIT, CommandInfo, CommandOutput
from bitrun.client.sending import Send, SendAsync


class BackgroundCommand:
    """A background command.

    The methods raise `Refused` of status 404 if the sandbox does not know it any more, and of 410
    once the sandbox has ended.
    """

    def __init__(self, send: Send, sandbox_id: str, command_id: str) -> None:
        self._send = send
        self._sandbox = sandbox_id
        self._id = command_id

    @property
    def id(self) -> str:
        """Its id, by which `Sandbox.command` finds it again."""
        return self._id

    def info(self) -> CommandInfo:
        """Return what the service says of it."""
        return self._send(calls.find(self._sandbox, self._id))

    def wait(self, seconds: float | None = None) -> CommandInfo:
        """Wait for its end, for so many seconds at most, and return how it is then."""
        deadline = _deadline(seconds)
        while True:
            wait = _next_wait(deadline)
            found = self._send(calls.find(self._sandbox, self._id, wait))
            if not found.running or time.monotonic() >= deadline:
                return found

    def output(self, offset: int = 0, *, wait: float = 0) -> CommandOutput:
        """Return output from an offset on; where there is none yet, wait for some, or for the end.

        `wait` is in seconds, up to 30. A part has 64 KiB at most.
        """
        return self._send(calls.output(self._sandbox, self._id, offset, wait))

    def follow(self, offset: int = 0) -> Iterator[CommandOutput]:
        """Yield its output as it comes, until it ends."""
        while not (part := self.output(offset, wait=LONGEST_WAIT)).is_last:
            offset = part.next_offset
            if part.output:
                yield part

    def write(self, text: str, *, end: bool = False) -> None:
        """Write to its stdin, which `stdin_open` has kept open; `end` closes it after the text."""
        self._send(calls.write(self._sandbox, self._id, text, end=end))

    def signal(self, name: str = "SIGTERM") -> None:
        """Send a signal to its process group."""
        self._send(calls.signal(self._sandbox, self._id, name))

    def delete(self) -> None:
        """End it and have it forgotten, with its output."""
        self._send(calls.delete(self._sandbox, self._id))


class AsyncBackgroundCommand:
    """A background command, for asyncio; its methods are those of `BackgroundCommand`."""

    def __init__(self, send: SendAsync, sandbox_id: str, command_id: str) -> None:
        self._send = send
        self._sandbox = sandbox_id
        self._id = command_id

    @property
    def id(self) -> str:
        return self._id

    async def info(self) -> CommandInfo:
        return await self._send(calls.find(self._sandbox, self._id))

    async def wait(self, seconds: float | None = None) -> CommandInfo:
        deadline = _deadline(seconds)
        while True:
            wait = _next_wait(deadline)
            found = await self._send(calls.find(self._sandbox, self._id, wait))
            if not found.running or time.monotonic() >= deadline:
                return found

    async def output(self, offset: int = 0, *, wait: float = 0) -> CommandOutput:
        return await self._send(calls.output(self._sandbox, self._id, offset, wait))

    async def follow(self, offset: int = 0) -> AsyncIterator[CommandOutput]:
        while not (part := await self.output(offset, wait=LONGEST_WAIT)).is_last:
            offset = part.next_offset
            if part.output:
                yield part

    async def write(self, text: str, *, end: bool = False) -> None:
        await self._send(calls.write(self._sandbox, self._id, text, end=end))

    async def signal(self, name: str = "SIGTERM") -> None:
        await self._send(calls.signal(self._sandbox, self._id, name))

    async def delete(self) -> None:
        await self._send(calls.delete(self._sandbox, self._id))


def _deadline(seconds: float | None) -> float:
    return float("inf") if seconds is None else time.monotonic() + seconds


def _next_wait(deadline: float) -> float:
    return max(0.0, min(LONGEST_WAIT, deadline - time.monotonic()))
