"""Sandboxes for the OpenAI Agents SDK: the workspace of its sandbox agents is in one of BitRun's.

It needs the extra `openai-agents`. The workspace is the work directory of the sandbox, `/box`. No
ports can be exposed, and there are no other users than the sandbox's own.

    client = BitRunSandboxClient(AsyncClient(url, token))
    config = RunConfig(
        sandbox=SandboxRunConfig(
            client=client, options=BitRunSandboxOptions(package="python-science")
        )
    )
"""

import io
import posixpath
import uuid
from pathlib import Path
from typing import Any, Literal

from agents.sandbox.errors import (
    ExecTimeoutError,
    ExecTransportError,
    WorkspaceArchiveReadError,
    WorkspaceArchiveWriteError,
    WorkspaceReadNotFoundError,
    WorkspaceWriteTypeError,
)
from agents.sandbox.manifest import Manifest
from agents.sandbox.session import SandboxSession
from agents.sandbox.session.base_sandbox_session import BaseSandboxSession
from agents.sandbox.session.sandbox_client import BaseSandboxClient, BaseSandboxClientOptions
from agents.sandbox.session.sandbox_session_state import SandboxSessionState
from agents.sandbox.snapshot import SnapshotBase, SnapshotSpec, resolve_snapshot
from agents.sandbox.types import ExecResult

from bitrun.client.clients import AsyncClient
from bitrun.client.errors import BitRunError, Refused
from bitrun.client.results import Outcome, Stage
from bitrun.client.sandbox_calls import SandboxOptions
from bitrun.client.sandboxes import AsyncSandbox

_FOLDER = "/box"
_ARCHIVE = ".bitrun-workspace.tar"
_NOT_FOUND, _GONE = 404, 410
_FAILED = 1  # the exit code of what has ended by a limit, beside the sentence in its stderr


class BitRunSandboxOptions(BaseSandboxClientOptions):  # type: ignore[misc]
    """What sandbox to create: see `bitrun.client.SandboxOptions`."""

    type: Literal["bitrun"] = "bitrun"
    language: str | None = None
    package: str | None = None
    memory: int | None = None
    minutes: int | None = None
    allowed_domains: tuple[str, ...] = ()


class BitRunSessionState(SandboxSessionState):  # type: ignore[misc]
    type: Literal["bitrun"] = "bitrun"
    options: BitRunSandboxOptions
    sandbox_id: str


class BitRunSession(BaseSandboxSession):  # type: ignore[misc]
    state: BitRunSessionState

    def __init__(self, sandbox: AsyncSandbox, state: BitRunSessionState) -> None:
        self._sandbox = sandbox
        self.state = state

    async def _exec_internal(
        self,
        *command: str | Path,
        timeout: float | None = None,  # noqa: ASYNC109  the SDK calls it so
    ) -> ExecResult:
        argv = [str(each) for each in command]
        try:
            stage = (
                await self._sandbox.exec(argv)
                if timeout is None
                else await self._sandbox.exec(argv, timeout=timeout)
            )
        except BitRunError as error:
            raise ExecTransportError(command=command, cause=error, message=str(error)) from error
        if stage.verdict.outcome is Outcome.WALL_TIME:
            raise ExecTimeoutError(command=command, timeout_s=timeout)
        return _exec_result(stage)

    async def read(self, path: Path, *, user: Any = None) -> io.IOBase:
        if user is not None:
            self._reject_user_arg(op="read", user=user)
        found = await self._validate_path_access(path)
        try:
            return io.BytesIO(await self._sandbox.read(_relative(found)))
        except BitRunError as error:
            if error.status == _NOT_FOUND:
                raise WorkspaceReadNotFoundError(path=found, cause=error) from error
            raise WorkspaceArchiveReadError(path=found, cause=error) from error

    async def write(self, path: Path, data: io.IOBase, *, user: Any = None) -> None:
        if user is not None:
            self._reject_user_arg(op="write", user=user)
        found = await self._validate_path_access(path, for_write=True)
        content = data.read()
        if not isinstance(content, str | bytes | bytearray):
            raise WorkspaceWriteTypeError(path=found, actual_type=type(content).__name__)
        raw = content if isinstance(content, str) else bytes(content)
        try:
            await self._sandbox.write(_relative(found), raw)
        except BitRunError as error:
            raise WorkspaceArchiveWriteError(path=found, cause=error, message=str(error)) from error

    async def running(self) -> bool:
        try:
            await self._sandbox.info()
        except BitRunError:
            return False
        return True

    async def persist_workspace(self) -> io.IOBase:
        """Return the files of the workspace as a tar archive."""
        root = Path(_FOLDER)
        try:
            packed = await self._sandbox.exec(
                ["tar", "-cf", _ARCHIVE, f"--exclude=./{_ARCHIVE}", "."]
            )
            _check(packed)
            content = await self._sandbox.read(_ARCHIVE)
            await self._sandbox.remove(_ARCHIVE)
        except BitRunError as error:
            raise WorkspaceArchiveReadError(path=root, cause=error) from error
        return io.BytesIO(content)

    async def hydrate_workspace(self, data: io.IOBase) -> None:
        """Unpack a tar archive into the workspace."""
        try:
            await self._sandbox.write(_ARCHIVE, data.read())
            _check(await self._sandbox.exec(["tar", "-xf", _ARCHIVE]))
            await self._sandbox.remove(_ARCHIVE)
        except BitRunError as error:
            raise WorkspaceArchiveWriteError(path=Path(_FOLDER), cause=error) from error

    async def end(self) -> None:
        """End the sandbox, unless it has ended."""
        try:
            await self._sandbox.delete()
        except Refused as error:
            if error.status not in (_NOT_FOUND, _GONE):
                raise


class BitRunSandboxClient(BaseSandboxClient[BitRunSandboxOptions]):  # type: ignore[misc]
    """Makes sessions, each in a sandbox of its own, by a client of the service."""

    backend_id = "bitrun"

    def __init__(self, client: AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def create(
        self,
        *,
        snapshot: SnapshotSpec | SnapshotBase | None = None,
        manifest: Manifest | None = None,
        options: BitRunSandboxOptions,
    ) -> SandboxSession:
        manifest = manifest or Manifest()
        if manifest.root == Manifest().root:
            manifest = manifest.model_copy(update={"root": _FOLDER})
        if manifest.root != _FOLDER:
            raise ValueError(f"The workspace is {_FOLDER}: the manifest can't have {manifest.root}")
        self._validate_manifest_for_create(manifest)
        sandbox = await self._create(options)
        session_id = uuid.uuid4()
        state = BitRunSessionState(
            session_id=session_id,
            manifest=manifest,
            snapshot=resolve_snapshot(snapshot, str(session_id)),
            options=options,
            sandbox_id=sandbox.id,
        )
        return self._wrap_session(BitRunSession(sandbox, state))

    async def delete(self, session: SandboxSession) -> SandboxSession:
        inner = session._inner  # noqa: SLF001  as all of the SDK's own clients do
        if not isinstance(inner, BitRunSession):
            raise TypeError("The session is not one of BitRunSandboxClient")
        await inner.end()
        return session

    async def resume(self, state: SandboxSessionState) -> SandboxSession:
        """Find the sandbox of a session, or make another if it has ended."""
        if not isinstance(state, BitRunSessionState):
            raise TypeError("The state is not one of BitRunSandboxClient")
        try:
            sandbox = await self._client.open_sandbox(state.sandbox_id).create()
        except Refused as error:
            if error.status not in (_NOT_FOUND, _GONE):
                raise
            sandbox = await self._create(state.options)
            state = state.model_copy(
                update={"sandbox_id": sandbox.id, "workspace_root_ready": False}
            )
        return self._wrap_session(BitRunSession(sandbox, state))

    def deserialize_session_state(self, payload: dict[str, object]) -> SandboxSessionState:
        return self._deserialize_session_state_payload(payload, BitRunSessionState)

    async def _create(self, options: BitRunSandboxOptions) -> AsyncSandbox:
        chosen = SandboxOptions()
        if options.package is not None:
            chosen["package"] = options.package
        if options.memory is not None:
            chosen["memory"] = options.memory
        if options.minutes is not None:
            chosen["minutes"] = options.minutes
        if options.allowed_domains:
            chosen["allowed_domains"] = options.allowed_domains
        return await self._client.sandbox(options.language, **chosen).create()


def _relative(path: Path) -> str:
    return posixpath.relpath(str(path), _FOLDER)


def _exec_result(stage: Stage) -> ExecResult:
    verdict, stderr = stage.verdict, stage.stderr
    code = verdict.code
    if code is None:
        code = _FAILED
        stderr = f"{stderr}\n{verdict.detail or verdict.message or verdict.outcome}".lstrip("\n")
    return ExecResult(stdout=stage.stdout.encode(), stderr=stderr.encode(), exit_code=code)


def _check(stage: Stage) -> None:
    if not stage.verdict.ok:
        raise Refused(stage.stderr.strip() or str(stage.verdict.outcome))
