"""Both clients as one: every test of what they share runs with each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from bitrun.client import AsyncClient, AsyncSandbox, AsyncSession, Client, Event


class Waited:
    """An `AsyncClient`, or a session or sandbox of it, each of whose methods waits for its answer."""

    def __init__(self, inner: Any, loop: asyncio.Runner) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            answer = found(*args, **options)
            if not isinstance(answer, (AsyncSandbox, AsyncSession)):
                answer = self._loop.run(answer)
            if isinstance(answer, (AsyncSandbox, AsyncSession)):
                return Waited(answer, self._loop)
            return answer

        return call

    def __enter__(self) -> Self:
        self._loop.run(self._inner.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run(self._inner.__aexit__(*error))

    def __iter__(self) -> Iterator[Event]:
        events: AsyncIterator[Event] = aiter(self._inner)
        while True:
            try:
                yield self._loop.run(_next(events))
            except StopAsyncIteration:
                return


async def _next(events: AsyncIterator[Event]) -> Event:
    return await anext(events)


@contextmanager
def threads(url: str, token: str | None = None, **options: Any) -> Iterator[Any]:
    with Client(url, token, **options) as client:
        yield client


@contextmanager
def coroutines(url: str, token: str | None = None, **options: Any) -> Iterator[Any]:
    with asyncio.Runner() as loop, Waited(AsyncClient(url, token, **options), loop) as client:
        yield client


BOTH = (threads, coroutines)
