"""Sandboxes of the service: containers that stay for a while, with files and commands in them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, Unpack

from bitrun.client import background_calls, cells
from bitrun.client import sandbox_calls as calls
from bitrun.client.background import AsyncBackgroundCommand, BackgroundCommand
from bitrun.client.background_calls import BackgroundOptions, CommandInfo, TerminalOptions
from bitrun.client.calls import Call
from bitrun.client.cells import CellOptions, CellResult
from bitrun.client.errors import Refused
from bitrun.client.results import Result, Stage
from bitrun.client.sandbox_calls import (
    CommandOptions,
    OnOutput,
    ProgramOptions,
    SandboxEntry,
    SandboxInfo,
)
from bitrun.client.sending import Send, SendAsync
from bitrun.client.sessions import AsyncSession, Session

_GONE = 410  # it has ended by itself

StreamCommand = Callable[[Call[Stage], OnOutput | None], Stage]
StreamCommandAsync = Callable[[Call[Stage], OnOutput | None], Awaitable[Stage]]
Connect = Callable[[str, Mapping[str, Any]], Session]  # of the path, and the first message
ConnectAsync = Callable[[str, Mapping[str, Any]], AsyncSession]


class Sandbox:
    """A sandbox; as a context manager it is created by the entry and deleted by the exit.

    The methods raise a `BitRunError` if the service refuses or fails, and `Refused` of status 410
    once it has ended. Paths are relative to its work directory.
    """

    def __init__(
        self,
        send: Send,
        stream: StreamCommand,
        connect: Connect,
        make: Call[SandboxInfo],
        *,
        deletes: bool = True,
    ) -> None:
        self._send = send
        self._stream = stream
        self._connect = connect
        self._make = make
        self._deletes = deletes
        self._id = ""

    @property
    def id(self) -> str:
        """Its id, by which `Client.open_sandbox` finds it again."""
        return self._id

    def exec(
        self,
        command: str | Sequence[str],
        *,
        on_output: OnOutput | None = None,
        **options: Unpack[CommandOptions],
    ) -> Stage:
        """Run a command of the shell, or a program and its arguments, and wait for its end.

        `on_output` is called with output as it comes.
        """
        return self._stream(calls.command(self._id, command, options), on_output)

    def run(self, code: str | None = None, **options: Unpack[ProgramOptions]) -> Result:
        """Run a program in the sandbox's language; its files stay."""
        return self._send(calls.program(self._id, code, options))

    def start(
        self, command: str | Sequence[str], **options: Unpack[BackgroundOptions]
    ) -> BackgroundCommand:
        """Start a command in the background, which goes on until it ends or the sandbox does."""
        made = self._send(background_calls.start(self._id, command, options))
        return self.command(made.id)

    def command(self, command_id: str) -> BackgroundCommand:
        """Return a background command by its id."""
        return BackgroundCommand(self._send, self._id, command_id)

    def commands(self) -> tuple[CommandInfo, ...]:
        """List the background commands, the oldest first."""
        return self._send(background_calls.all_commands(self._id))

    def terminal(
        self, command: str | Sequence[str] | None = None, **options: Unpack[TerminalOptions]
    ) -> Session:
        """Open a terminal by `with`: a shell, or a command. The end of the block ends it."""
        init = background_calls.terminal(command, options)
        return self._connect(background_calls.terminal_path(self._id), init)

    def run_cell(self, code: str, **options: Unpack[CellOptions]) -> CellResult:
        """Run code in a kernel of the sandbox, whose variables stay for the next cell."""
        return self._send(cells.run(self._id, code, options))

    def interrupt_cell(self, kernel: str | None = None) -> None:
        """Interrupt the cell that runs; its kernel keeps its variables."""
        self._send(cells.interrupt(self._id, kernel))

    def restart_kernel(self, kernel: str | None = None) -> None:
        """Start a kernel anew, without its variables; its files stay."""
        self._send(cells.restart(self._id, kernel))

    def write(self, path: str, content: str | bytes, *, mode: int | None = None) -> None:
        """Write a file; missing folders are made."""
        self._send(calls.write(self._id, path, content, mode))

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return self._send(calls.read(self._id, path))

    def list(self, path: str = "") -> tuple[SandboxEntry, ...]:
        """List a folder, in the order of the names."""
        return self._send(calls.list_folder(self._id, path))

    def remove(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        self._send(calls.remove(self._id, path))

    def info(self) -> SandboxInfo:
        """Return what the service says of it; this does not count as use."""
        return self._send(calls.find(self._id))

    def create(self) -> Self:
        """Create it without a context manager: `delete` ends it, or the time does."""
        self._id = self._send(self._make).id
        return self

    def delete(self) -> None:
        """End it, and all that runs in it."""
        self._send(calls.delete(self._id))

    def __enter__(self) -> Self:
        return self.create()

    def __exit__(self, *_: object) -> None:
        if self._deletes:
            try:
                self.delete()
            except Refused as error:
                _raise_unless_ended(error)


class AsyncSandbox:
    """A sandbox for asyncio; its methods are those of `Sandbox`."""

    def __init__(
        self,
        send: SendAsync,
        stream: StreamCommandAsync,
        connect: ConnectAsync,
        make: Call[SandboxInfo],
        *,
        deletes: bool = True,
    ) -> None:
        self._send = send
        self._stream = stream
        self._connect = connect
        self._make = make
        self._deletes = deletes
        self._id = ""

    @property
    def id(self) -> str:
        return self._id

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        on_output: OnOutput | None = None,
        **options: Unpack[CommandOptions],
    ) -> Stage:
        return await self._stream(calls.command(self._id, command, options), on_output)

    async def run(self, code: str | None = None, **options: Unpack[ProgramOptions]) -> Result:
        return await self._send(calls.program(self._id, code, options))

    async def start(
        self, command: str | Sequence[str], **options: Unpack[BackgroundOptions]
    ) -> AsyncBackgroundCommand:
        made = await self._send(background_calls.start(self._id, command, options))
        return self.command(made.id)

    def command(self, command_id: str) -> AsyncBackgroundCommand:
        return AsyncBackgroundCommand(self._send, self._id, command_id)

    async def commands(self) -> tuple[CommandInfo, ...]:
        return await self._send(background_calls.all_commands(self._id))

    def terminal(
        self, command: str | Sequence[str] | None = None, **options: Unpack[TerminalOptions]
    ) -> AsyncSession:
        init = background_calls.terminal(command, options)
        return self._connect(background_calls.terminal_path(self._id), init)

    async def run_cell(self, code: str, **options: Unpack[CellOptions]) -> CellResult:
        return await self._send(cells.run(self._id, code, options))

    async def interrupt_cell(self, kernel: str | None = None) -> None:
        await self._send(cells.interrupt(self._id, kernel))

    async def restart_kernel(self, kernel: str | None = None) -> None:
        await self._send(cells.restart(self._id, kernel))

    async def write(self, path: str, content: str | bytes, *, mode: int | None = None) -> None:
        await self._send(calls.write(self._id, path, content, mode))

    async def read(self, path: str) -> bytes:
        return await self._send(calls.read(self._id, path))

    async def list(self, path: str = "") -> tuple[SandboxEntry, ...]:
        return await self._send(calls.list_folder(self._id, path))

    async def remove(self, path: str) -> None:
        await self._send(calls.remove(self._id, path))

    async def info(self) -> SandboxInfo:
        return await self._send(calls.find(self._id))

    async def create(self) -> Self:
        self._id = (await self._send(self._make)).id
        return self

    async def delete(self) -> None:
        await self._send(calls.delete(self._id))

    async def __aenter__(self) -> Self:
        return await self.create()

    async def __aexit__(self, *_: object) -> None:
        if self._deletes:
            try:
                await self.delete()
            except Refused as error:
                _raise_unless_ended(error)


def _raise_unless_ended(error: Refused) -> None:
    if error.status != _GONE:
        raise error
