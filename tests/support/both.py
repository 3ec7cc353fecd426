"""Both clients as one: every test of what they share runs with each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from bitrun.client import (
    AsyncBackgroundCommand,
    AsyncClient,
    AsyncSandbox,
    AsyncSession,
    Client,
)

_OBJECTS = (AsyncSandbox, AsyncSession, AsyncBackgroundCommand)


class Waited:
    """An `AsyncClient`, or an object of it, each of whose methods waits for its answer."""

    def __init__(self, inner: Any, loop: asyncio.Runner) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            answer = found(*args, **options)
            if isinstance(answer, AsyncIterator):
                return self._each(answer)
            if not isinstance(answer, _OBJECTS):
                answer = self._loop.run(answer)
            return Waited(answer, self._loop) if isinstance(answer, _OBJECTS) else answer

        return call

    def __enter__(self) -> Self:
        self._loop.run(self._inner.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run(self._inner.__aexit__(*error))

    def __iter__(self) -> Iterator[Any]:
        return self._each(aiter(self._inner))

    def _each(self, found: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._loop.run(_next(found))
            except StopAsyncIteration:
                return


async def _next(found: AsyncIterator[Any]) -> Any:
    return await anext(found)


@contextmanager
def threads(url: str, token: str | None = None, **options: Any) -> Iterator[Any]:
    with Client(url, token, **options) as client:
        yield client


@contextmanager
def coroutines(url: str, token: str | None = None, **options: Any) -> Iterator[Any]:
    with asyncio.Runner() as loop, Waited(AsyncClient(url, token, **options), loop) as client:
        yield client


BOTH = (threads, coroutines)
