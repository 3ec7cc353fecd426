"""Connects a program on the service with the terminal or the pipes of this command."""

import asyncio
import codecs
import os
import signal
import sys
import threading
from concurrent.futures import CancelledError
from typing import BinaryIO

from bitrun.cli import exits
from bitrun.client import (
    AsyncClient,
    AsyncSession,
    BitRunError,
    Ended,
    Output,
    Refused,
    RunOptions,
    Started,
)

NO_STDIN = -1  # in place of a file descriptor
_READ_SIZE = 1 << 16


async def run(url: str, token: str | None, language: str, options: RunOptions, stdin: int) -> int:
    """Run a program and return the exit code of the command."""
    async with (
        AsyncClient(url, token) as client,
        client.interact(language, **options) as session,
    ):
        return await _Terminal(session).serve(stdin)


class _Terminal:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._stage = ""
        self._interrupted = False
        self._error: BitRunError | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, stdin: int) -> int:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine that runs has one
        self._task = task
        self._loop.add_signal_handler(signal.SIGINT, self._interrupt)
        # A thread blocked in read() would delay the exit of the command, unless it is a daemon.
        threading.Thread(target=self._forward_stdin, args=(stdin,), daemon=True).start()
        try:
            return await self._print_events()
        except asyncio.CancelledError:
            if self._error is not None:
                raise self._error from None
            return exits.INTERRUPTED
        finally:
            self._loop.remove_signal_handler(signal.SIGINT)

    async def _print_events(self) -> int:
        code = exits.NOT_RUN
        async for event in self._session:
            match event:
                case Started():
                    self._stage = event.stage
                case Output():
                    to_stdout = event.stream == "stdout" and event.stage == "run"
                    _write(sys.stdout.buffer if to_stdout else sys.stderr.buffer, event.text)
                case Ended():
                    code = exits.exit_code(event.verdict)
                    text = exits.explanation(event.stage, event.verdict)
                    if text and not (self._interrupted and event.verdict.signal == "SIGINT"):
                        exits.print_error(text)
        return code

    def _interrupt(self) -> None:
        """Forward Ctrl-C to the program; a second one, or one before it runs, ends the run."""
        if self._interrupted or self._stage != "run":
            self._task.cancel()
            return
        self._interrupted = True
        task = asyncio.create_task(self._session.signal("SIGINT"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forward_stdin(self, stdin: int) -> None:
        """Forward stdin, no faster than the program reads it."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while data := _read(stdin):
                text = decoder.decode(data)
                asyncio.run_coroutine_threadsafe(self._session.write(text), self._loop).result()
            decoder.decode(b"", final=True)
            asyncio.run_coroutine_threadsafe(self._session.end_input(), self._loop).result()
        except UnicodeDecodeError:
            self._error = Refused("stdin is not UTF-8, and only text can be forwarded")
            self._loop.call_soon_threadsafe(self._task.cancel)
        except (RuntimeError, CancelledError):
            pass  # the program has ended first, and the loop is closed or closing


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
