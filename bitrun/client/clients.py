"""The two clients: one for threads, one for asyncio. Only how they wait differs."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar, Unpack

import httpx2

from bitrun.client import calls
from bitrun.client.answers import STREAM, BuildStream, Report, answer, is_stream, reaching
from bitrun.client.calls import Call, RunOptions
from bitrun.client.results import Extension, Package, Progress, Result, Runtime
from bitrun.client.sessions import AsyncSession, Session

DEFAULT_URL = "http://127.0.0.1:5000"

Answer = TypeVar("Answer")

_CONNECT_SECONDS = 10.0


def _ignore(_: Progress) -> None:
    pass


class _Settings:
    """Where the service is and how it is spoken to."""

    def __init__(self, url: str, token: str | None, patience: float) -> None:
        self.url = url.rstrip("/")
        self.token = token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.http: dict[str, Any] = {
            "base_url": self.url,
            "headers": headers,
            "timeout": httpx2.Timeout(patience, connect=_CONNECT_SECONDS),
        }


class Client:
    """A service, for programs with threads.

    Its methods raise a `BitRunError` that says what is wrong; a program that fails is no error but
    a `Result`. `patience` is for how many seconds the service may keep silent.
    """

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, patience: float = 120.0
    ) -> None:
        self._settings = _Settings(url, token, patience)
        self._http = httpx2.Client(**self._settings.http)

    def run(self, language: str, code: str | None = None, **options: Unpack[RunOptions]) -> Result:
        """Run a program and wait for its end."""
        return self._send(calls.run(language, code, options))

    def interact(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Session:
        """Run a program and talk with it; to be used as a context manager."""
        return Session(
            self._settings.url, self._settings.token, calls.job(language, code, **options)
        )

    def runtimes(self) -> tuple[Runtime, ...]:
        """List what can run now."""
        return self._send(calls.runtimes())

    def extensions(self) -> Mapping[str, Extension]:
        """Tell whose files end how, by extension without its dot."""
        return self._send(calls.extensions())

    def packages(self) -> tuple[Package, ...]:
        """List what can be installed, and what is."""
        return self._send(calls.packages())

    def install(self, name: str, version: str = "*", report: Report = _ignore) -> Package:
        """Install the newest version of a package in a SemVer range, and wait until it can run.

        `report` is given every line of the build as it comes.

        Raises:
            AlreadyInstalled: it was there before.
        """
        call = calls.install(name, version)
        accept = {"Accept": STREAM}
        with (
            reaching(self._settings.url),
            self._http.stream(call.method, call.path, json=call.json, headers=accept) as response,
        ):
            if not is_stream(response):
                response.read()
                return answer(call, response)
            stream = BuildStream(call, response, report)
            for line in response.iter_lines():
                stream.feed(line)
            package: Package = stream.answer
            return package

    def uninstall(self, name: str, version: str = "*") -> Package:
        """Remove the newest installed version of a package in a SemVer range."""
        return self._send(calls.uninstall(name, version))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call[Answer]) -> Answer:
        with reaching(self._settings.url):
            return answer(call, self._http.request(call.method, call.path, json=call.json))


class AsyncClient:
    """A service, for programs with asyncio; its methods are those of `Client`."""

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, patience: float = 120.0
    ) -> None:
        self._settings = _Settings(url, token, patience)
        self._http = httpx2.AsyncClient(**self._settings.http)

    async def run(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Result:
        return await self._send(calls.run(language, code, options))

    def interact(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> AsyncSession:
        return AsyncSession(
            self._settings.url, self._settings.token, calls.job(language, code, **options)
        )

    async def runtimes(self) -> tuple[Runtime, ...]:
        return await self._send(calls.runtimes())

    async def extensions(self) -> Mapping[str, Extension]:
        return await self._send(calls.extensions())

    async def packages(self) -> tuple[Package, ...]:
        return await self._send(calls.packages())

    async def install(self, name: str, version: str = "*", report: Report = _ignore) -> Package:
        call = calls.install(name, version)
        accept = {"Accept": STREAM}
        with reaching(self._settings.url):
            async with self._http.stream(
                call.method, call.path, json=call.json, headers=accept
            ) as response:
                if not is_stream(response):
                    await response.aread()
                    return answer(call, response)
                stream = BuildStream(call, response, report)
                async for line in response.aiter_lines():
                    stream.feed(line)
                package: Package = stream.answer
                return package

    async def uninstall(self, name: str, version: str = "*") -> Package:
        return await self._send(calls.uninstall(name, version))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: Call[Answer]) -> Answer:
        with reaching(self._settings.url):
            return answer(call, await self._http.request(call.method, call.path, json=call.json))
