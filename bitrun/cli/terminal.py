"""Connects a program on the service with the terminal or the pipes of this command."""

import asyncio
import codecs
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, BinaryIO

from bitrun.cli import exits
from bitrun.cli.raw_mode import RawMode
from bitrun.client import (
    AsyncClient,
    AsyncSession,
    BitRunError,
    DroppedFile,
    Ended,
    Output,
    OutputFile,
    Refused,
    RunOptions,
    Started,
    TerminalOptions,
)

NO_STDIN = -1  # in place of a file descriptor
_READ_SIZE = 1 << 16


async def run(
    url: str,
    token: str | None,
    language: str,
    options: RunOptions,
    stdin: int,
    *,
    folder: Path | None = None,
) -> int:
    """Run a program, save its files in a folder, and return the exit code of the command.

    Where stdin, stdout and stderr are a terminal, so are they for the program.
    """
    raw_mode = None if stdin == NO_STDIN else RawMode.of(stdin)
    if stdin != NO_STDIN and os.isatty(stdin):
        options.setdefault("timeout", -1)  # people type slowly
    async with (
        AsyncClient(url, token) as client,
        client.interact(
            language, tty=None if raw_mode is None else raw_mode.size, **options
        ) as session,
    ):
        if raw_mode is None:
            return await _Pipes(session, stdin, folder).serve()
        try:
            return await _Terminal(session, raw_mode, folder).serve()
        finally:
            raw_mode.restore()


async def attach(
    url: str,
    token: str | None,
    sandbox_id: str,
    command: str | Sequence[str] | None,
    *,
    options: TerminalOptions,
    raw_mode: RawMode,
) -> int:
    """Open a terminal in a sandbox, and return the exit code of the command."""
    async with (
        AsyncClient(url, token) as client,
        client.open_sandbox(sandbox_id) as sandbox,
        sandbox.terminal(command, **options) as session,
    ):
        try:
            return await _Terminal(session, raw_mode, None).serve()
        finally:
            raw_mode.restore()


class _Streams:
    """A session whose output is printed, and which Ctrl-C ends until its program runs."""

    errors = "strict"  # in stdin

    def __init__(self, session: AsyncSession, stdin: int, folder: Path | None) -> None:
        self._session = session
        self._stdin = stdin
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self._stage = ""
        self._code = exits.INTERRUPTED  # if the command ends before the program
        self._error: BitRunError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._handled: list[int] = []

    async def serve(self) -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine that runs has one
        self._task = task
        try:
            self._begin()
            return await self._print_events()
        except asyncio.CancelledError:
            if self._error is not None:
                raise self._error from None
            return self._code
        finally:
            for number in self._handled:
                self._loop.remove_signal_handler(number)

    def _begin(self) -> None:
        self._on(signal.SIGINT, self._interrupt)

    def _on(self, number: int, handler: Any, *arguments: object) -> None:
        self._loop.add_signal_handler(number, handler, *arguments)
        self._handled.append(number)

    async def _print_events(self) -> int:
        code = exits.NOT_RUN
        async for event in self._session:
            match event:
                case Started():
                    self._stage = event.stage
                    self._on_started()
                case Output():
                    to_stdout = event.stream == "stdout" and event.stage == "run"
                    _write(sys.stdout.buffer if to_stdout else sys.stderr.buffer, event.text)
                case Ended():
                    self._on_ended()
                    code = exits.exit_code(event.verdict)
                    text = exits.explanation(event.stage, event.verdict)
                    if text and not (self._was_interrupted and event.verdict.signal == "SIGINT"):
                        exits.print_error(text)
                case OutputFile() if self._folder is not None:
                    event.save(self._folder)
                case DroppedFile():
                    exits.print_dropped(event)
        return code

    def _on_started(self) -> None:
        """A stage has started."""

    def _on_ended(self) -> None:
        """A stage has ended."""

    @property
    def _was_interrupted(self) -> bool:
        """Whether the user knows why SIGINT has ended the program."""
        return False

    def _interrupt(self) -> None:
        self._task.cancel()

    def _create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_forwarding(self) -> None:
        # A thread blocked in read() would delay the exit of the command, unless it is a daemon.
        threading.Thread(target=self._forward_stdin, daemon=True).start()

    def _forward_stdin(self) -> None:
        """Forward stdin, no faster than the program reads it."""
        decoder = codecs.getincrementaldecoder("utf-8")(self.errors)
        try:
            while data := _read(self._stdin):
                text = decoder.decode(data)
                asyncio.run_coroutine_threadsafe(self._session.write(text), self._loop).result()
            decoder.decode(b"", final=True)
            asyncio.run_coroutine_threadsafe(self._session.end_input(), self._loop).result()
        except UnicodeDecodeError:
            self._error = Refused("stdin is not UTF-8, and only text can be forwarded")
            self._loop.call_soon_threadsafe(self._task.cancel)
        except (RuntimeError, CancelledError):
            pass  # the program has ended first, and the loop is closed or closing


class _Pipes(_Streams):
    """A session whose program has pipes. Ctrl-C becomes a signal of the program."""

    _interrupted = False

    def _begin(self) -> None:
        super()._begin()
        self._start_forwarding()

    @property
    def _was_interrupted(self) -> bool:
        return self._interrupted

    def _interrupt(self) -> None:
        """Forward Ctrl-C to the program; a second one, or one before it runs, ends the run."""
        if self._interrupted or self._stage != "run":
            super()._interrupt()
            return
        self._interrupted = True
        self._create_task(self._session.signal("SIGINT"))


class _Terminal(_Streams):
    """A session whose program has a terminal, to which all that is typed goes."""

    errors = "replace"

    def __init__(self, session: AsyncSession, raw_mode: RawMode, folder: Path | None) -> None:
        super().__init__(session, raw_mode.descriptor, folder)
        self._raw_mode = raw_mode
        self._size = raw_mode.size

    def _begin(self) -> None:
        super()._begin()
        for number in (signal.SIGTERM, signal.SIGHUP):  # which would leave the terminal raw
            self._on(number, self._end, number)
        self._on(signal.SIGWINCH, self._resize)
        self._raw_mode.await_program()

    def _on_started(self) -> None:
        if self._stage == "run":
            self._raw_mode.enter()
            self._resize()
            self._start_forwarding()

    def _on_ended(self) -> None:
        if self._stage == "run":
            self._raw_mode.restore()

    @property
    def _was_interrupted(self) -> bool:
        return True

    def _end(self, number: int) -> None:
        self._code = exits.signal_code(number)
        self._task.cancel()

    def _resize(self) -> None:
        if (size := self._raw_mode.size) != self._size:
            self._size = size
            self._create_task(self._session.resize(size))


def _read(stdin: int) -> bytes:
    if stdin == NO_STDIN:
        return b""
    try:
        return os.read(stdin, _READ_SIZE)
    except OSError:  # the terminal is gone
        return b""


def _write(stream: BinaryIO, text: str) -> None:
    stream.write(text.encode())
    stream.flush()
