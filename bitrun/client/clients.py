"""The two clients, for threads and for asyncio. They share everything but their I/O."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack
from urllib.parse import urlsplit

import httpx2

from bitrun.client import batches, calls, sandbox_calls
from bitrun.client.batches import BatchOptions, BatchResult, Case, Judged, OnJudged
from bitrun.client.calls import Call, RunOptions
from bitrun.client.errors import TokenRefused, Unreachable
from bitrun.client.responses import (
    STREAM,
    BatchStream,
    BuildStream,
    CommandStream,
    Report,
    connection_errors,
    is_stream,
    read_refusal,
    read_response,
)
from bitrun.client.results import (
    Extension,
    Package,
    Progress,
    Result,
    Runtime,
    Stage,
    TerminalSize,
    Upload,
)
from bitrun.client.sandbox_calls import OnOutput, SandboxInfo, SandboxOptions
from bitrun.client.sandboxes import AsyncSandbox, Sandbox
from bitrun.client.sessions import CONNECT, AsyncSession, Session

DEFAULT_URL = "http://127.0.0.1:5000"

Answer = TypeVar("Answer")

_CONNECT_TIMEOUT = 10.0  # seconds


def _ignore(_: Progress) -> None:
    pass


def _ignore_judged(_: Judged) -> None:
    pass


def _upload(path: str | Path, content: bytes | None) -> Call[Upload]:
    path = Path(path)
    return calls.upload(path.name, path.read_bytes() if content is None else content)


def _checked(url: str) -> str:
    """Return an address as it is, if it can be one.

    Raises:
        Unreachable: it can't.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Unreachable(f"{url!r} is no address of a service: {DEFAULT_URL} would be one")
    return url


class _Settings:
    """Address and token of a service, and the options of its HTTP client."""

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self.url = _checked(url).rstrip("/")
        self.token = token = None if token is None else token.strip()
        if token is not None and not (token.isascii() and token.isprintable()):
            raise TokenRefused("No token has such characters: it is mistyped")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.http: dict[str, Any] = {
            "base_url": self.url,
            "headers": headers,
            "timeout": httpx2.Timeout(timeout, connect=_CONNECT_TIMEOUT),
            # To load the certificate authorities takes 25 ms, and HTTP has no use for them: the
            # client follows no redirect that would lead to HTTPS.
            "verify": not self.url.startswith("http://"),
        }

    def request(self, call: Call[Any], **headers: str) -> dict[str, Any]:
        """Return the arguments for httpx2."""
        if call.with_origin:
            address = urlsplit(self.url)
            headers["Origin"] = f"{address.scheme}://{address.netloc}"
        body: dict[str, Any] = {"json": call.json, "content": call.content}
        if call.timeout is not None:
            body["timeout"] = httpx2.Timeout(call.timeout, connect=_CONNECT_TIMEOUT)
        return {"method": call.method, "url": call.path, "headers": headers, **body}


class Client:
    """A client for programs with threads.

    The methods raise a `BitRunError` if the service refuses or fails; a program that fails is not
    an error but a `Result`. `timeout` is the longest time in seconds without data from the service.
    """

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, timeout: float = 120.0
    ) -> None:
        self._settings = _Settings(url, token, timeout)
        self._http = httpx2.Client(**self._settings.http)

    def run(self, language: str, code: str | None = None, **options: Unpack[RunOptions]) -> Result:
        """Run a program and return its result."""
        return self._send(calls.run(language, code, options))

    def batch(
        self,
        language: str,
        code: str | None = None,
        cases: Sequence[Case] = (),
        on_judged: OnJudged = _ignore_judged,
        **options: Unpack[BatchOptions],
    ) -> BatchResult:
        """Run a program once for each case, and judge its outputs.

        `on_judged` is called with each run as it ends.
        """
        body = batches.body(language, code, cases, options)
        with (
            connection_errors(self._settings.url),
            self._http.stream(
                "POST", batches.PATH, json=body, headers={"Accept": STREAM}
            ) as response,
        ):
            if not is_stream(response):
                response.read()
                raise read_refusal(response)
            stream = BatchStream(response.url, on_judged)
            for line in response.iter_lines():
                stream.feed(line)
            return stream.answer

    def interact(
        self,
        language: str,
        code: str | None = None,
        *,
        tty: TerminalSize | None = None,
        **options: Unpack[RunOptions],
    ) -> Session:
        """Run a program interactively; use the session as a context manager.

        With `tty` its streams are a terminal of that size, and all output is of stdout.
        """
        return self._connect(CONNECT, calls.session(language, code, tty, options))

    def sandbox(self, language: str | None = None, **options: Unpack[SandboxOptions]) -> Sandbox:
        """Create a sandbox by `with`, and delete it at the end."""
        make = sandbox_calls.create(language, options)
        return Sandbox(self._send, self._stream_command, self._connect, make)

    def open_sandbox(self, sandbox_id: str) -> Sandbox:
        """Find a sandbox by `with`; it stays at the end."""
        found = sandbox_calls.find(sandbox_id)
        return Sandbox(self._send, self._stream_command, self._connect, found, deletes=False)

    def sandboxes(self) -> tuple[SandboxInfo, ...]:
        """List the sandboxes of this client, the oldest first."""
        return self._send(sandbox_calls.all_own())

    def upload(self, path: str | Path, content: bytes | None = None) -> Upload:
        """Store a file, or bytes under that name, which `files` of later runs may name."""
        return self._send(_upload(path, content))

    def uploads(self) -> tuple[Upload, ...]:
        """List the uploads that are stored, the oldest first."""
        return self._send(calls.uploads())

    def find_upload(self, upload_id: str) -> Upload:
        """Return the upload of an id."""
        return self._send(calls.find_upload(upload_id))

    def delete_upload(self, upload: Upload) -> None:
        """Remove an upload before it expires."""
        self._send(calls.delete_upload(upload.id))

    def runtimes(self) -> tuple[Runtime, ...]:
        """List the installed languages."""
        return self._send(calls.runtimes())

    def extensions(self) -> Mapping[str, Extension]:
        """Map file extensions, without the dot, to their languages."""
        return self._send(calls.extensions())

    def packages(self) -> tuple[Package, ...]:
        """List all packages, installed or not."""
        return self._send(calls.packages())

    def install(self, name: str, version: str = "*", report: Report = _ignore) -> Package:
        """Install the newest version of a package in a SemVer range, and wait until it can run.

        `report` is called with each line of the build.

        Raises:
            AlreadyInstalled: that version is installed already.
        """
        call = calls.install(name, version)
        with (
            connection_errors(self._settings.url),
            self._http.stream(**self._settings.request(call, Accept=STREAM)) as response,
        ):
            if not is_stream(response):
                response.read()
                return read_response(call, response)
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

    def _connect(self, path: str, init: Mapping[str, Any]) -> Session:
        return Session(self._settings.url, self._settings.token, path, init)

    def _stream_command(self, call: Call[Stage], on_output: OnOutput | None) -> Stage:
        with (
            connection_errors(self._settings.url),
            self._http.stream(**self._settings.request(call, Accept=STREAM)) as response,
        ):
            if not is_stream(response):
                response.read()
                raise read_refusal(response)
            stream = CommandStream(response.url, on_output)
            for line in response.iter_lines():
                stream.feed(line)
            return stream.answer

    def _send(self, call: Call[Answer]) -> Answer:
        with connection_errors(self._settings.url):
            return read_response(call, self._http.request(**self._settings.request(call)))


class AsyncClient:
    """A client for asyncio; its methods are those of `Client`.

    `transport` is one of httpx2 that sends the requests, but for sessions, in place of the network.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        timeout: float = 120.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = _Settings(url, token, timeout)
        self._http = httpx2.AsyncClient(**self._settings.http, transport=transport)

    async def run(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Result:
        return await self._send(calls.run(language, code, options))

    async def batch(
        self,
        language: str,
        code: str | None = None,
        cases: Sequence[Case] = (),
        on_judged: OnJudged = _ignore_judged,
        **options: Unpack[BatchOptions],
    ) -> BatchResult:
        body = batches.body(language, code, cases, options)
        with connection_errors(self._settings.url):
            async with self._http.stream(
                "POST", batches.PATH, json=body, headers={"Accept": STREAM}
            ) as response:
                if not is_stream(response):
                    await response.aread()
                    raise read_refusal(response)
                stream = BatchStream(response.url, on_judged)
                async for line in response.aiter_lines():
                    stream.feed(line)
                return stream.answer

    def interact(
        self,
        language: str,
        code: str | None = None,
        *,
        tty: TerminalSize | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncSession:
        return self._connect(CONNECT, calls.session(language, code, tty, options))

    def sandbox(
        self, language: str | None = None, **options: Unpack[SandboxOptions]
    ) -> AsyncSandbox:
        make = sandbox_calls.create(language, options)
        return AsyncSandbox(self._send, self._stream_command, self._connect, make)

    def open_sandbox(self, sandbox_id: str) -> AsyncSandbox:
        found = sandbox_calls.find(sandbox_id)
        return AsyncSandbox(self._send, self._stream_command, self._connect, found, deletes=False)

    async def sandboxes(self) -> tuple[SandboxInfo, ...]:
        return await self._send(sandbox_calls.all_own())

    async def upload(self, path: str | Path, content: bytes | None = None) -> Upload:
        return await self._send(_upload(path, content))

    async def uploads(self) -> tuple[Upload, ...]:
        return await self._send(calls.uploads())

    async def find_upload(self, upload_id: str) -> Upload:
        return await self._send(calls.find_upload(upload_id))

    async def delete_upload(self, upload: Upload) -> None:
        await self._send(calls.delete_upload(upload.id))

    async def runtimes(self) -> tuple[Runtime, ...]:
        return await self._send(calls.runtimes())

    async def extensions(self) -> Mapping[str, Extension]:
        return await self._send(calls.extensions())

    async def packages(self) -> tuple[Package, ...]:
        return await self._send(calls.packages())

    async def install(self, name: str, version: str = "*", report: Report = _ignore) -> Package:
        call = calls.install(name, version)
        with connection_errors(self._settings.url):
            async with self._http.stream(**self._settings.request(call, Accept=STREAM)) as response:
                if not is_stream(response):
                    await response.aread()
                    return read_response(call, response)
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

    def _connect(self, path: str, init: Mapping[str, Any]) -> AsyncSession:
        return AsyncSession(self._settings.url, self._settings.token, path, init)

    async def _stream_command(self, call: Call[Stage], on_output: OnOutput | None) -> Stage:
        with connection_errors(self._settings.url):
            async with self._http.stream(**self._settings.request(call, Accept=STREAM)) as response:
                if not is_stream(response):
                    await response.aread()
                    raise read_refusal(response)
                stream = CommandStream(response.url, on_output)
                async for line in response.aiter_lines():
                    stream.feed(line)
                return stream.answer

    async def _send(self, call: Call[Answer]) -> Answer:
        with connection_errors(self._settings.url):
            return read_response(call, await self._http.request(**self._settings.request(call)))
